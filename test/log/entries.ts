/** Entries, appends and drafts for the tests of the log. */

import { toBinary, create } from "@bufbuild/protobuf";
import fc from "fast-check";

import { AppendRequestSchema } from "../../gen/suraft/v1/log_pb.js";
import type { MemberList } from "../../src/core/members.js";
import type {
  Append,
  ClaimDraft,
  EntriesDraft,
  EntryKey,
  Epoch,
  LogRecord,
} from "../../src/core/types.js";
import { appendRequestFields } from "../../src/log/append-options.js";
import { scanAppend } from "../../src/log/append-scan.js";
import type { AppendBounds } from "../../src/log/append-scan.js";
import type { EntryRun } from "../../src/log/entry-run.js";
import type { EntryAppend } from "../../src/log/segment-codec.js";

/** An entry as a client gives it. */
export interface PlainEntry {
  readonly payload: Uint8Array;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
  readonly key?: string | undefined;
}

export const wideBounds: AppendBounds = {
  entryBytesMax: 1024 * 1024,
  appendBytesMax: 4 * 1024 * 1024,
  appendEntriesMax: 16_384,
};

/** An AppendRequest as protobuf-es writes it. */
export function appendRequest(entries: readonly PlainEntry[]): Uint8Array {
  const plain = entries.map(({ payload, headers, key = "" }) => ({
    payload,
    headers: [...headers],
    key,
  }));
  return toBinary(AppendRequestSchema, create(AppendRequestSchema, { entries: plain }));
}

export function runOf(entries: readonly PlainEntry[]): EntryRun {
  const scan = scanAppend(appendRequest(entries), wideBounds, appendRequestFields);
  if (scan.type !== "append") throw new Error(JSON.stringify(scan));
  return scan.append.run;
}

export function textEntry(text: string): PlainEntry {
  return { payload: Buffer.from(text), headers: [] };
}

export function appendOf(entries: readonly PlainEntry[]): EntryAppend {
  const run = runOf(entries);
  const append = { run, entryCount: run.entryCount, sizeBytes: run.bytes.length };
  return run.keys === undefined ? append : { ...append, keys: run.keys };
}

/** An append that leaves a record and no entry. */
export const bareAppend: EntryAppend = {
  run: { bytes: new Uint8Array(0), entryCount: 0 },
  entryCount: 0,
  sizeBytes: 0,
};

/** The keys of appends that stand one behind the other in a segment. */
export function keysOf(appends: readonly Append[]): readonly EntryKey[] {
  let start = 0;
  return appends.flatMap(({ keys = [], entryCount }) => {
    const offset = start;
    start += entryCount;
    return keys.map((keyed) => ({ ...keyed, offset: offset + keyed.offset }));
  });
}

/** Bytes as plain arrays, so that views of different classes compare equal. */
export function plain(entries: readonly PlainEntry[]): unknown {
  return entries.map(({ payload, headers, key = "" }) => ({
    key,
    payload: [...payload],
    headers: headers.map(({ key, value }) => ({ key, value: [...value] })),
  }));
}

const arbitraryHeader = fc.record({
  key: fc.oneof(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }),
  ),
  value: fc.uint8Array({ maxLength: 200 }),
});

export const arbitraryEntry: fc.Arbitrary<PlainEntry> = fc.record({
  payload: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 2 })),
  headers: fc.oneof(fc.constant([]), fc.array(arbitraryHeader, { maxLength: 3 })),
  key: fc.oneof(
    fc.constant(undefined),
    fc.constant(undefined),
    fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }),
  ),
});

export const arbitraryEntries = fc.array(arbitraryEntry, { minLength: 1, maxLength: 20 });

export const arbitraryEpoch: fc.Arbitrary<Epoch> = fc.record({
  term: fc.oneof(fc.nat(300), fc.maxSafeInteger()).map((term) => Math.max(1, Math.abs(term))),
  leaderId: fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
  nonce: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => Buffer.from(bytes).toString("hex")),
});

const arbitraryNumber = fc
  .oneof(fc.integer({ min: 1, max: 300 }), fc.maxSafeInteger())
  .map((number) => Math.max(1, Math.abs(number)));

const arbitraryMembers = fc
  .uniqueArray(
    fc.record({
      nodeId: fc.string({ minLength: 1, maxLength: 5, unit: "grapheme" }),
      address: fc.string({ minLength: 1, maxLength: 5, unit: "grapheme" }),
      voter: fc.boolean(),
      priority: fc.nat(3),
    }),
    { selector: ({ nodeId }) => nodeId, minLength: 1, maxLength: 5 },
  )
  .map((members) => members.map((member, at) => (at === 0 ? { ...member, voter: true } : member)));

export const arbitraryMemberList: fc.Arbitrary<MemberList> = fc.record({
  version: arbitraryNumber,
  members: arbitraryMembers,
});

/** A record, and the share of the segment's entries that stand before it. */
const arbitraryRecord: fc.Arbitrary<[share: number, record: LogRecord]> = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.oneof(
    fc.record({
      type: fc.constant("produced" as const),
      entryOffset: fc.constant(0),
      entryCount: fc.nat(3),
      producerId: arbitraryNumber,
      sequence: arbitraryNumber,
      checksum: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    }),
    fc.constant({ type: "opened" as const, entryOffset: 0 }),
    fc.record({
      type: fc.constant("closed" as const),
      lastSequence: fc.oneof(fc.constant(0), arbitraryNumber),
      entryOffset: fc.constant(0),
      producerId: arbitraryNumber,
    }),
    fc.record({
      type: fc.constant("fenced" as const),
      entryOffset: fc.constant(0),
      token: fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
    }),
    fc.record({
      type: fc.constant("trimmed" as const),
      entryOffset: fc.constant(0),
      firstIndex: arbitraryNumber,
    }),
    fc.record({
      type: fc.constant("members" as const),
      entryOffset: fc.constant(0),
      list: arbitraryMemberList,
    }),
  ),
);

/** Records as they may stand in a segment of so many entries. */
function placed(
  records: readonly (readonly [number, LogRecord])[],
  entryCount: number,
): readonly LogRecord[] {
  return records
    .toSorted(([a], [b]) => a - b)
    .map(([share, record]): LogRecord => {
      const entryOffset = Math.floor(share * entryCount);
      if (record.type !== "produced") return { ...record, entryOffset };
      const most = entryCount - entryOffset;
      return { ...record, entryOffset, entryCount: Math.min(record.entryCount, most) };
    });
}

const arbitraryCount = fc.oneof(fc.nat(1000), fc.nat(), fc.maxSafeInteger().map(Math.abs));

export const arbitraryClaim: fc.Arbitrary<ClaimDraft> = fc.record({
  type: fc.constant("claim" as const),
  position: arbitraryCount,
  epoch: arbitraryEpoch,
  window: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});

export const arbitraryEntriesDraft: fc.Arbitrary<EntriesDraft> = fc
  .record({
    epoch: arbitraryEpoch,
    position: arbitraryCount.map((position) => Math.max(1, position)),
    gap: fc.nat(1000),
    checksum: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    firstIndex: arbitraryCount.map((index) => Math.min(Math.max(1, index), 2 ** 52)),
    timestampMs: fc.oneof(fc.nat(5000), fc.integer({ min: 0, max: 8.64e15 })),
    content: fc.oneof(
      fc.record({
        batches: fc.array(arbitraryEntries, { minLength: 1, maxLength: 4 }),
        marked: fc.oneof(fc.constant([]), fc.array(arbitraryRecord, { maxLength: 4 })),
      }),
      fc.record({
        batches: fc.constant<PlainEntry[][]>([]),
        marked: fc.array(arbitraryRecord, { minLength: 1, maxLength: 3 }),
      }),
    ),
  })
  .map(({ epoch, position, gap, checksum, firstIndex, timestampMs, content: held }) => {
    const appends = held.batches.length === 0 ? [bareAppend] : held.batches.map(appendOf);
    const entryCount = appends.reduce((total, append) => total + append.entryCount, 0);
    const previous = { position: Math.max(0, position - 1 - gap), checksum };
    const content = { epoch, position, previous, firstIndex, entryCount, timestampMs, appends };
    const records = placed(held.marked, entryCount);
    return { type: "entries", ...content, records, keys: keysOf(appends) };
  });
