/**
 * A run of entries as they travel: the encoded fields `repeated Entry entries = 1`, one behind the
 * other, exactly as the client sent them. The same bytes stand in an AppendRequest, a forwarded
 * append, a stored segment and a read's answer, so that none of them decodes an entry.
 *
 * Invariant: every entry of a run has passed the check of `entry-check.ts`. A run is made by
 * `scanAppend`, by a segment that was decoded, or from another run; the functions here trust it.
 */

import { assert } from "../core/assert.js";
import { checkEntry, entryKeyTag, entryTag, headerTag, keyTag, payloadTag } from "./entry-check.js";
import { Cursor, utf8 } from "./wire.js";
import type { EntryKey } from "../core/types.js";

export interface EntryRun {
  /** May alias a received message. */
  readonly bytes: Uint8Array;
  readonly entryCount: number;
  /** The keys of its entries, where `scanAppend` made it and some entry has one. */
  readonly keys?: readonly EntryKey[];
}

/** How much of a run to take. */
export interface TakeLimits {
  readonly entriesMax: number;
  /** Of content: payloads, keys, and keys and values of headers. */
  readonly bytesMax: number;
}

/** A decoded entry. */
export interface Entry {
  /** Aliases the run's bytes. */
  readonly payload: Uint8Array;
  readonly headers: readonly EntryHeader[];
  readonly key: string | undefined;
}

export interface EntryHeader {
  readonly key: string;
  /** Aliases the run's bytes. */
  readonly value: Uint8Array;
}

const nothing = new Uint8Array(0);

/** The offset of the entry that `count` entries precede, in bytes from the run's beginning. */
export function skipEntries(run: EntryRun, count: number): number {
  assert(count >= 0 && count <= run.entryCount, "no more entries are skipped than there are");
  const cursor = new Cursor(run.bytes);
  for (let skipped = 0; skipped < count; skipped++) skipEntry(cursor);
  return cursor.offset;
}

/** The run without its first `count` entries; not copied. */
export function dropEntries(run: EntryRun, count: number): EntryRun {
  if (count === 0) return run;
  const bytes = run.bytes.subarray(skipEntries(run, count));
  return { bytes, entryCount: run.entryCount - count };
}

/**
 * The longest beginning of the run that keeps within the limits; not copied. It may be empty: the
 * first entry alone may exceed `bytesMax`.
 */
export function takeEntries(run: EntryRun, limits: TakeLimits): EntryRun {
  if (run.entryCount <= limits.entriesMax && run.bytes.length <= limits.bytesMax) return run;
  const cursor = new Cursor(run.bytes);
  let entryCount = 0;
  let end = 0;
  for (let bytesLeft = limits.bytesMax; entryCount < run.entryCount; entryCount++) {
    if (entryCount >= limits.entriesMax) break;
    bytesLeft -= contentOfEntry(cursor);
    if (bytesLeft < 0) break;
    end = cursor.offset;
  }
  if (entryCount === run.entryCount) return run;
  return { bytes: run.bytes.subarray(0, end), entryCount };
}

/** Where the entries begin, and at last where the run ends: in bytes from the run's beginning. */
export function entryOffsets(run: EntryRun): Uint32Array {
  const offsets = new Uint32Array(run.entryCount + 1);
  const cursor = new Cursor(run.bytes);
  for (let entry = 0; entry < run.entryCount; entry++) {
    skipEntry(cursor);
    offsets[entry + 1] = cursor.offset;
  }
  return offsets;
}

/** The payloads, the keys, and the keys and values of headers together, in bytes. */
export function contentBytes(run: EntryRun): number {
  const cursor = new Cursor(run.bytes);
  let total = 0;
  while (!cursor.atEnd) total += contentOfEntry(cursor);
  return total;
}

/** Decodes a run's entries, in order. */
export function decodeEntries(run: EntryRun): Entry[] {
  const cursor = new Cursor(run.bytes);
  const entries: Entry[] = [];
  while (!cursor.atEnd) {
    assert(cursor.varint() === entryTag, "a run holds entries only");
    entries.push(decodeEntry(nested(cursor)));
  }
  return entries;
}

function decodeEntry(cursor: Cursor): Entry {
  let payload: Uint8Array = nothing;
  const headers: EntryHeader[] = [];
  let key: string | undefined;
  while (!cursor.atEnd) {
    const tag = cursor.varint();
    if (tag === payloadTag) payload = view(cursor);
    else if (tag === headerTag) headers.push(decodeHeader(nested(cursor)));
    else if (tag === entryKeyTag) key = utf8(view(cursor));
    else assert(false, "a run's entries were checked");
  }
  return { payload, headers, key };
}

function decodeHeader(cursor: Cursor): EntryHeader {
  let key = "";
  let value: Uint8Array = nothing;
  while (!cursor.atEnd) {
    if (cursor.varint() === keyTag) key = utf8(view(cursor));
    else value = view(cursor);
  }
  return { key, value };
}

function nested(cursor: Cursor): Cursor {
  const length = cursor.length();
  assert(length >= 0, "a run's entries were checked");
  const start = cursor.offset;
  cursor.offset = start + length;
  return new Cursor(cursor.bytes, start, cursor.offset);
}

function view(cursor: Cursor): Uint8Array {
  const bytes = cursor.view();
  assert(bytes !== undefined, "a run's entries were checked");
  return bytes;
}

function skipEntry(cursor: Cursor): void {
  const tag = cursor.varint();
  const length = cursor.length();
  assert(tag === entryTag && length >= 0, "a run holds entries only");
  cursor.offset += length;
}

function contentOfEntry(cursor: Cursor): number {
  const tag = cursor.varint();
  const size = checkEntry(cursor);
  assert(tag === entryTag && size >= 0, "a run holds entries only");
  return size;
}
