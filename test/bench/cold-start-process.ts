/** A process that holds a log in memory, starts a node on it, and reads its past. */

import { connect } from "../../src/client/client.js";
import { entryRunOf } from "../../src/log/segment-codec.js";
import { storeSegments } from "../../src/log/store-segments.js";
import { CountingStore } from "../../src/store/counting-store.js";
import { openStore } from "../../src/store/open-store.js";
import { settingsAlone, startBenchNode } from "./bench-node.js";
import { answerParent } from "./child.js";
import { archiveSegments, writeLongLog } from "./long-log.js";

export interface ColdStartQuestion {
  readonly segments: number;
  readonly kept: boolean;
  /** Added to each request once the log is written. */
  readonly latencyMs: number;
  readonly address: string;
  /** Whether its past is read, too. */
  readonly catchUp: boolean;
}

export interface ColdStartCost {
  readonly startMs: number;
  readonly startRequests: number;
  readonly catchUpMs: number;
  readonly catchUpRequests: number;
  readonly bytes: number;
}

async function start(url: string, address: string): Promise<[number, number]> {
  const client = connect([address], { timeoutMs: 600_000 });
  const beganMs = performance.now();
  const node = await startBenchNode(settingsAlone(address, url));
  await client.tail();
  const elapsedMs = performance.now() - beganMs;
  const { storeRequests } = await client.status();
  client.close();
  await node.stop();
  return [elapsedMs, storeRequests.gets + storeRequests.lists + storeRequests.creates];
}

/** Reads as many segments as are in archives, once the log is kept. */
async function readPast(url: string, segments: number): Promise<[number, number, number]> {
  const store = new CountingStore(openStore(url));
  const beganMs = performance.now();
  const end = segments - archiveSegments;
  let bytes = 0;
  for await (const segment of storeSegments(store, { signal: new AbortController().signal })) {
    bytes += entryRunOf(segment).bytes.length;
    if (segment.position >= end - 1) break;
  }
  return [performance.now() - beganMs, store.counts.gets + store.counts.lists, bytes];
}

answerParent(async (question) => {
  const { segments, kept, latencyMs, address, catchUp } = question as ColdStartQuestion;
  const url = `memory:cold-${String(kept)}-${segments}`;
  const members = [{ nodeId: "n1", address }];
  await writeLongLog(openStore(url), { segments, members, kept });
  const slow = `${url}?latency=${latencyMs}`;
  const [catchUpMs, catchUpRequests, bytes] = catchUp ? await readPast(slow, segments) : [0, 0, 0];
  const [startMs, startRequests] = await start(slow, address);
  return { startMs, startRequests, catchUpMs, catchUpRequests, bytes } satisfies ColdStartCost;
});
