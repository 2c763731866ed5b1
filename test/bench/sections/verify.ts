/** Verifying a log that stands in memory: what the work itself costs, and what a store's latency adds. */

import { verifyLog } from "../../../src/offline/verify.js";
import { ArchiveWriter } from "../../../src/log/archive-writer.js";
import { readManifest } from "../../../src/log/manifest.js";
import { encodeManifest } from "../../../src/log/manifest-codec.js";
import { manifestName, objectName, segmentName } from "../../../src/log/names.js";
import { decodeSegment } from "../../../src/log/segment-codec.js";
import { logStart } from "../../../src/core/walk.js";
import { openStore } from "../../../src/store/open-store.js";
import { makeImportedLog, type ImportedLog } from "../imported-log.js";
import type { ManifestView } from "../../../src/core/manifest.js";
import type { Store } from "../../../src/store/store.js";
import type { Report, Row } from "../report.js";
import type { Section } from "../section.js";

interface Log extends ImportedLog {
  readonly title: string;
  readonly archived?: true;
  readonly latencyMs?: number;
}

const logs: readonly Log[] = [
  { title: "1 entry of 100 B", segments: 50_000, entriesPerSegment: 1, payloadBytes: 100 },
  { title: "16 entries of 1 KiB", segments: 5_000, entriesPerSegment: 16, payloadBytes: 1024 },
  { title: "1,024 entries of 1 KiB", segments: 150, entriesPerSegment: 1024, payloadBytes: 1024 },
  {
    title: "1 entry of 100 B, archived",
    segments: 50_000,
    entriesPerSegment: 1,
    payloadBytes: 100,
    archived: true,
  },
  {
    title: "1 entry of 100 B, 20 ms a get",
    segments: 5_000,
    entriesPerSegment: 1,
    payloadBytes: 100,
    latencyMs: 20,
  },
];

const signal = new AbortController().signal;

export const verify: Section = async (): Promise<Report> => {
  const rows: Row[] = [];
  for (const [number, log] of logs.entries()) rows.push(await measure(log, `verify-${number}`));
  return {
    title: "Verifying a log with no node, 32 gets under way",
    rows,
    notes: [
      "a log in memory, in one process with the one that verifies; import: making it of a file",
    ],
  };
};

async function measure(log: Log, name: string): Promise<Row> {
  const store = openStore(`memory:${name}`);
  const importMs = await timed(() => make(store, log));
  const { latencyMs } = log;
  const asked = latencyMs === undefined ? store : openStore(`memory:${name}?latency=${latencyMs}`);
  const verified = { segments: 0, bytes: 0, requests: 0 };
  const elapsedMs = await timed(async () => {
    const { counts, isDamaged } = await verifyLog(asked, { signal });
    if (isDamaged) throw new Error(`the log "${log.title}" is damaged`);
    Object.assign(verified, counts);
  });
  await store.close();
  return {
    segments: log.title,
    count: verified.segments,
    "segments/s": (verified.segments * 1000) / elapsedMs,
    "MB/s": verified.bytes / 1000 / elapsedMs,
    requests: verified.requests,
    "import segments/s": (log.segments * 1000) / importMs,
  };
}

async function make(store: Store, log: Log): Promise<void> {
  await makeImportedLog(store, log, { address: "127.0.0.1:1" });
  if (log.archived === true) await archive(store);
}

/** All segments become one archive. */
async function archive(store: Store): Promise<void> {
  const found = await readManifest(store, signal);
  if (found.type === "absent") throw new Error("there is no log");
  const { clusterId, checkpoint } = found.manifest;
  if (checkpoint === undefined) throw new Error("there is no checkpoint");
  const writer = new ArchiveWriter({ clusterId, from: logStart, bytesMax: 2 ** 28 });
  for (let position = 0; position < checkpoint.walk.tail; position++) {
    const name = segmentName(position);
    const object = await store.get(name, { signal });
    if (object.type === "absent") throw new Error(`${name} is not there`);
    const decoded = decodeSegment(object.bytes, position);
    if (decoded.type === "corrupt") throw new Error(decoded.reason);
    writer.add(decoded.segment);
  }
  const { bytes, covers } = writer.finish();
  const id = { manifest: 2, nonce: "a".repeat(32) };
  await store.create(objectName({ type: "archive", id }), bytes, { signal });
  const past = { floor: checkpoint.walk, marks: [], archives: [{ id, ...covers }] };
  const manifest: ManifestView = { ...found.manifest, number: 2, ...past };
  await store.create(manifestName(2), encodeManifest(manifest), { signal });
  for (let position = checkpoint.walk.tail - 1; position >= 0; position--) {
    await store.delete(segmentName(position), { signal });
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
