/** What a node remembers for exactly-once and for keys: memory, and time for a record. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Ledger } from "../../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../../src/core/ledger/snapshot.js";
import { noKeys, noRecords } from "../../../src/core/types.js";
import type { EntriesSegment, EntryKey, LogRecord } from "../../../src/core/types.js";
import type { Report, Row } from "../report.js";
import type { Section } from "../section.js";

const recordsPerSegment = 1000;

interface Load {
  readonly title: string;
  readonly count: number;
  readonly records: (from: number) => readonly LogRecord[];
  readonly keys: (from: number) => readonly EntryKey[];
}

export const ledger: Section = async (): Promise<Report> => {
  const rows = [
    measure(oncePerProducer(100_000)),
    measure(oncePerProducer(1_000_000)),
    measure(manyPerProducer(1_000_000)),
    measure(keyed(1_000_000)),
  ];
  return {
    title: "The ledger: what every node keeps of producers and keys",
    rows,
    notes: [
      `bounds: ${ledgerBounds.producersMax} producers, ${ledgerBounds.answersMax} answers, ${ledgerBounds.keysMax} keys`,
      "ns: for each append or key as the log is walked; look-up: the answer to a repeat, anywhere",
    ],
  };
};

/** Every producer is opened and appends once. */
function oncePerProducer(count: number): Load {
  const records = (from: number): readonly LogRecord[] =>
    Array.from({ length: recordsPerSegment }, (_, i): LogRecord[] => [
      { type: "opened", entryOffset: i },
      produced(from + i + 1, 1, i),
    ]).flat();
  const title = `${count.toLocaleString("en")} producers, one append each`;
  return { title, count, records, keys: () => noKeys };
}

/** Ten producers share all appends. */
function manyPerProducer(count: number): Load {
  const producers = 10;
  const records = (from: number): readonly LogRecord[] => {
    const opened = from > 0 ? [] : Array.from({ length: producers }, open);
    const numbers = Array.from({ length: recordsPerSegment }, (_, i) => from + i);
    return [
      ...opened,
      ...numbers.map((n) => produced(1 + (n % producers), 1 + Math.floor(n / producers), n - from)),
    ];
  };
  const title = `10 producers, ${count.toLocaleString("en")} appends`;
  return { title, count, records, keys: () => noKeys };
}

/** Every entry has a key of its own. */
function keyed(count: number): Load {
  const keys = (from: number): readonly EntryKey[] =>
    Array.from({ length: recordsPerSegment }, (_, offset) => ({
      offset,
      key: `/orders/${from + offset}/state`,
    }));
  const title = `${count.toLocaleString("en")} keys of 21 characters`;
  return { title, count, records: () => noRecords, keys };
}

function open(): LogRecord {
  return { type: "opened", entryOffset: 0 };
}

function produced(producerId: number, sequence: number, entryOffset: number): LogRecord {
  return { type: "produced", entryOffset, entryCount: 1, producerId, sequence, checksum: sequence };
}

function measure({ title, count, records, keys }: Load): Row {
  const beforeBytes = usedBytes();
  const held = new Ledger(ledgerBounds);
  let elapsedMs = 0;
  for (let from = 0; from < count; from += recordsPerSegment) {
    const segment = segmentOf(from, records(from), keys(from));
    const startedMs = performance.now();
    held.apply(segment);
    elapsedMs += performance.now() - startedMs;
  }
  const bytes = usedBytes() - beforeBytes;
  const [snapshotMs, snapshot] = timed(() => held.snapshot());
  const [restoreMs] = timed(() => Ledger.restore(snapshot, ledgerBounds));
  const { producerIds, sequences } = snapshot.answers;
  const [lookupsMs] = timed(() => {
    producerIds.forEach((id, row) => held.answer(id, sequences[row] ?? 0));
  });
  return {
    log: title,
    MiB: bytes / 2 ** 20,
    "ns each": (elapsedMs * 1e6) / count,
    "snapshot ms": snapshotMs,
    "restore ms": restoreMs,
    "look-up ns": producerIds.length === 0 ? NaN : (lookupsMs * 1e6) / producerIds.length,
  };
}

function segmentOf(
  from: number,
  records: readonly LogRecord[],
  keys: readonly EntryKey[],
): EntriesSegment {
  return {
    type: "entries",
    position: 1 + from / recordsPerSegment,
    epoch: { term: 1, leaderId: "n1", nonce: "0".repeat(32) },
    clusterId: "bench",
    checksum: 0,
    sizeBytes: 0,
    body: undefined,
    previous: { position: from / recordsPerSegment, checksum: 0 },
    firstIndex: 1 + from,
    entryCount: recordsPerSegment,
    timestampMs: from,
    records,
    keys,
  };
}

function timed<T>(action: () => T): [milliseconds: number, result: T] {
  const startedMs = performance.now();
  const result = action();
  return [performance.now() - startedMs, result];
}

/** Heap and buffers after a collection. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
