/** What archiving asks of the store: a leader alone that finds all of a log to be archived. */

import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "../../../src/client/client.js";
import { readManifest } from "../../../src/log/manifest.js";
import { openStore } from "../../../src/store/open-store.js";
import { settingsAlone, startBenchNode } from "../bench-node.js";
import { freeAddresses } from "../cluster.js";
import { makeImportedLog, type ImportedLog } from "../imported-log.js";
import type { ManifestView } from "../../../src/core/manifest.js";
import type { RequestCounts } from "../../../src/store/counting-store.js";
import type { Store } from "../../../src/store/store.js";
import type { Report, Row } from "../report.js";
import type { Section } from "../section.js";

interface Log extends ImportedLog {
  readonly title: string;
}

const KIB = 1024;
const MIB = KIB ** 2;
const GIB = KIB ** 3;

const logs: readonly Log[] = [
  { title: "1 KiB", segments: 65_536, entriesPerSegment: 1, payloadBytes: KIB },
  { title: "64 KiB", segments: 4096, entriesPerSegment: 1, payloadBytes: 64 * KIB },
  { title: "1 MiB", segments: 256, entriesPerSegment: 1, payloadBytes: MIB - KIB },
];

/** Short, so that what was archived is deleted while the benchmark runs. */
const graceMs = 1000;
/** Upkeep that has asked for nothing for so long is done. */
const restMs = 4 * graceMs;
/** So few of the last segments are left that they do not count. */
const archiving = { checkpointSegments: 16, archiveSegments: 1024 };
const archivingNothing = { archiveSegments: 1_000_000, archiveBytesMax: GIB };

const signal = new AbortController().signal;

export const archive: Section = async (): Promise<Report> => {
  const rows: Row[] = [];
  for (const log of logs) rows.push(await measure(log));
  return {
    title: "Store requests of archiving, a GiB of segments",
    rows,
    notes: [
      "one leader over memory; all but the last segments are archived, and deleted after a grace of" +
        ` ${graceMs / 1000} s; a start's`,
      "own requests are left out; gets and deletes: one for each segment and a few for each manifest",
    ],
  };
};

async function measure(log: Log): Promise<Row> {
  const url = `memory:archive-${log.payloadBytes}`;
  const [address = ""] = await freeAddresses(1);
  const store = openStore(url);
  await makeImportedLog(store, log, { address, graceMs });
  const settings = settingsAlone(address, url);
  const ofStart = await requestsUntilRest({ ...settings, ...archivingNothing }, address);
  const requests = await requestsUntilRest({ ...settings, ...archiving }, address);
  const { floor, archives } = await manifestIn(store);
  await store.close();
  const perGib = (kind: keyof RequestCounts): number =>
    ((requests[kind] - ofStart[kind]) * GIB) / floor.sizeBytes;
  return {
    "segments of": log.title,
    "MiB archived": floor.sizeBytes / MIB,
    archives: archives.length,
    "gets/GiB": perGib("gets"),
    "creates/GiB": perGib("creates"),
    "lists/GiB": perGib("lists"),
    "deletes/GiB": perGib("deletes"),
  };
}

/** Starts a node, and says what it had asked of the store when it asked for nothing more. */
async function requestsUntilRest(
  settings: Readonly<Record<string, unknown>>,
  address: string,
): Promise<RequestCounts> {
  const node = await startBenchNode(settings);
  const client = connect([address], { timeoutMs: 60_000 });
  await client.tail();
  let counts = "";
  for (let restedMs = 0; restedMs < restMs; restedMs += 100) {
    await sleep(100);
    const now = JSON.stringify((await client.status()).storeRequests);
    if (now !== counts) restedMs = 0;
    counts = now;
  }
  const { storeRequests } = await client.status();
  client.close();
  await node.stop();
  return storeRequests;
}

async function manifestIn(store: Store): Promise<ManifestView> {
  const found = await readManifest(store, signal);
  if (found.type === "absent") throw new Error("there is no log");
  return found.manifest;
}
