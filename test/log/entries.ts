/** Entries, appends and drafts for the tests of the log. */

import { toBinary, create } from "@bufbuild/protobuf";
import fc from "fast-check";

import { AppendRequestSchema } from "../../gen/suraft/v1/log_pb.js";
import type { EntriesDraft, ClaimDraft, Epoch } from "../../src/core/types.js";
import { appendRequestFields, scanAppend } from "../../src/log/append-scan.js";
import type { AppendBounds } from "../../src/log/append-scan.js";
import type { EntryRun } from "../../src/log/entry-run.js";
import type { EntryAppend } from "../../src/log/segment-codec.js";

/** An entry as a client gives it. */
export interface PlainEntry {
  readonly payload: Uint8Array;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
}

export const wideBounds: AppendBounds = {
  entryBytesMax: 1024 * 1024,
  appendBytesMax: 4 * 1024 * 1024,
  appendEntriesMax: 16_384,
};

/** An AppendRequest as protobuf-es writes it. */
export function appendRequest(entries: readonly PlainEntry[]): Uint8Array {
  const plain = entries.map(({ payload, headers }) => ({ payload, headers: [...headers] }));
  return toBinary(AppendRequestSchema, create(AppendRequestSchema, { entries: plain }));
}

export function runOf(entries: readonly PlainEntry[]): EntryRun {
  const scan = scanAppend(appendRequest(entries), wideBounds, appendRequestFields);
  if (scan.type !== "entries") throw new Error(JSON.stringify(scan));
  return scan.run;
}

export function textEntry(text: string): PlainEntry {
  return { payload: Buffer.from(text), headers: [] };
}

export function appendOf(entries: readonly PlainEntry[]): EntryAppend {
  const run = runOf(entries);
  return { run, entryCount: run.entryCount, sizeBytes: run.bytes.length };
}

/** Bytes as plain arrays, so that views of different classes compare equal. */
export function plain(entries: readonly PlainEntry[]): unknown {
  return entries.map(({ payload, headers }) => ({
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
});

export const arbitraryEntries = fc.array(arbitraryEntry, { minLength: 1, maxLength: 20 });

export const arbitraryEpoch: fc.Arbitrary<Epoch> = fc.record({
  term: fc.oneof(fc.nat(300), fc.maxSafeInteger()).map((term) => Math.max(1, Math.abs(term))),
  leaderId: fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
  nonce: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => Buffer.from(bytes).toString("hex")),
});

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
    batches: fc.array(arbitraryEntries, { minLength: 1, maxLength: 4 }),
  })
  .map(({ epoch, position, gap, checksum, firstIndex, timestampMs, batches }) => {
    const appends = batches.map(appendOf);
    const entryCount = appends.reduce((total, append) => total + append.entryCount, 0);
    const previous = { position: Math.max(0, position - 1 - gap), checksum };
    const content = { epoch, position, previous, firstIndex, entryCount, timestampMs, appends };
    return { type: "entries", ...content, records: [], keys: [] };
  });
