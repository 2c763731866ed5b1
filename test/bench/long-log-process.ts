/** A process that holds a long log in memory, and reads it: straight from the store, and by a node. */

import { connect } from "../../src/client/client.js";
import { planStoreRead, StoreRead } from "../../src/client/store-read.js";
import { StoreLog } from "../../src/log/store-log.js";
import { Turns } from "../../src/log/turns.js";
import { CountingStore } from "../../src/store/counting-store.js";
import { openStore } from "../../src/store/open-store.js";
import { settingsAlone, startBenchNode } from "./bench-node.js";
import { answerParent } from "./child.js";
import { startMs, writeLongLog } from "./long-log.js";
import type { RunningNode } from "../../src/service/start-node.js";
import type { ReadPart, ReadStart } from "../../src/client/types.js";

export interface LongLogQuestion {
  readonly segments: number;
  readonly kept: boolean;
  /** Parameters of the store's URL while it is read. */
  readonly parameters: string;
  /** Where the node serves. */
  readonly address: string;
}

/** What one thing cost. */
export interface LongLogCost {
  readonly what: string;
  readonly milliseconds: number;
  /** Gets and lists. */
  readonly requests: number;
}

const entries = 10;

/** What is read: 10 entries each. */
const reads: readonly {
  readonly what: string;
  readonly start: (segments: number) => ReadStart;
  readonly reverse: boolean;
}[] = [
  { what: "the last 10", start: () => ({ type: "last", count: entries }), reverse: false },
  { what: "the last 10, newest first", start: () => ({ type: "first" }), reverse: true },
  { what: "10 from a time, a third in", start: at(1 / 3), reverse: false },
  { what: "10 from a time, near the tail", start: at(0.9931), reverse: false },
  { what: "10 down from a time, half in", start: at(1 / 2), reverse: true },
];

function at(part: number): (segments: number) => ReadStart {
  return (segments) => ({ type: "timestamp", timestampMs: startMs + Math.floor(segments * part) });
}

/** Counts what requests something makes. */
async function cost(
  what: string,
  counted: () => number | Promise<number>,
  run: () => Promise<void>,
): Promise<LongLogCost> {
  const before = await counted();
  const beganMs = performance.now();
  await run();
  const milliseconds = performance.now() - beganMs;
  return { what, milliseconds, requests: (await counted()) - before };
}

async function take(parts: AsyncIterable<ReadPart>): Promise<void> {
  let found = 0;
  for await (const { batches } of parts) {
    for (const batch of batches) found += batch.entries.length;
  }
  if (found !== entries) throw new Error(`${found} entries where ${entries} were asked for`);
}

async function readDirectly(url: string, segments: number): Promise<readonly LongLogCost[]> {
  const store = new CountingStore(openStore(url));
  const counted = (): number => store.counts.gets + store.counts.lists;
  const ending = new AbortController();
  const { signal } = ending;
  const bounds = { cacheBytesMax: 32 * 1024 ** 2, requestTimeoutMs: 60_000, timeoutMs: 60_000 };
  let log: StoreLog | undefined;
  const costs = [
    await cost("to the tail", counted, async () => {
      log = await StoreLog.open({ store, signal, ...bounds });
      const proof = log.begin();
      while (!proof.isProven) await log.walkOn(proof, signal);
    }),
  ];
  const opened = log;
  if (opened === undefined) throw new Error("the log was opened");
  const parts = { signal, turns: new Turns(), onWalk: () => undefined, poll: never };
  for (const { what, start, reverse } of reads) {
    const plan = planStoreRead({ start: start(segments), reverse, entriesMax: entries });
    const run = (): Promise<void> => take(new StoreRead(opened, plan, parts).parts());
    costs.push(await cost(what, counted, run));
  }
  ending.abort();
  return costs;
}

function never(): Promise<never> {
  return Promise.reject(new Error("nobody follows"));
}

async function readByNode(url: string, question: LongLogQuestion): Promise<readonly LongLogCost[]> {
  const { address, segments } = question;
  const given = {
    ...settingsAlone(address, url),
    // Its requests would be counted, too.
    checkpointSegments: 1_000_000_000,
  };
  const client = connect([address], { timeoutMs: 600_000 });
  const counted = async (): Promise<number> => {
    const { storeRequests } = await client.status();
    return storeRequests.gets + storeRequests.lists;
  };
  let node: RunningNode | undefined;
  let requests = 0;
  const start = await cost(
    "start",
    () => requests,
    async () => {
      node = await startBenchNode(given);
      await client.tail();
      requests = await counted();
    },
  );
  const costs = [start];
  for (const { what, start: from, reverse } of reads) {
    const options = { start: from(segments), reverse, entriesMax: entries, timeoutMs: 60_000 };
    costs.push(await cost(what, counted, () => take(client.read(options))));
  }
  client.close();
  await node?.stop();
  return costs;
}

answerParent(async (question) => {
  const asked = question as LongLogQuestion;
  const { segments, kept, address, parameters } = asked;
  const url = `memory:long-${String(kept)}`;
  const members = [{ nodeId: "n1", address }];
  await writeLongLog(openStore(url), { segments, members, kept });
  const read = `${url}${parameters}`;
  return { direct: await readDirectly(read, segments), node: await readByNode(read, asked) };
});
