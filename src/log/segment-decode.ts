/**
 * Bytes to segments. A stored object is believed only if every byte of it is accounted for.
 *
 * Invariant: whatever the bytes are, nothing is thrown, and the time taken is linear in their number.
 * Invariant: what is kept of an object of its own does not keep a bigger buffer alive.
 */

import { noKeys } from "../core/types.js";
import type { EntriesSegment, EntryKey, Position, Segment } from "../core/types.js";
import { readEpoch, readPredecessor, readTimestamp } from "./common-codec.js";
import { checkEntry } from "./entry-check.js";
import { Malformed, readObject } from "./fields.js";
import { readRecords } from "./record-codec.js";
import { SegmentBody } from "./segment-body.js";
import { wireType } from "./wire.js";
import type { Fields } from "./fields.js";

/** What the bytes of an object turned out to be. */
export type DecodedSegment =
  | { readonly type: "ok"; readonly segment: Segment }
  /** For people; the caller names the object. */
  | { readonly type: "corrupt"; readonly reason: string };

/** Decodes the object that stands at a position, checking everything that it says. */
export function decodeSegment(bytes: Uint8Array, expectedPosition: Position): DecodedSegment {
  const decoded = decodeEmbeddedSegment(ownBytes(bytes));
  if (decoded.type === "corrupt" || decoded.segment.position === expectedPosition) return decoded;
  const reason = `the object says that its position is ${decoded.segment.position}`;
  return { type: "corrupt", reason };
}

/** Decodes a segment that stands within greater bytes; it keeps them alive. */
export function decodeEmbeddedSegment(bytes: Uint8Array): DecodedSegment {
  const decoded = readObject(bytes, "Segment", (fields, checksum) => {
    return readSegment(fields, bytes, checksum);
  });
  return decoded.type === "corrupt" ? decoded : { type: "ok", segment: decoded.value };
}

/** The bytes in a buffer that is not much bigger than they are. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= bytes.length + bytes.length / 4) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

function readSegment(fields: Fields, bytes: Uint8Array, checksum: number): Segment {
  const clusterId = fields.text(1, "cluster_id");
  const position = fields.number(2);
  const epoch = readEpoch(fields.required(3, "Epoch"));
  const previous = fields.message(4, "Predecessor");
  const claim = fields.message(5, "Claim");
  const entries = fields.message(6, "Entries");
  const base = { clusterId, position, epoch, checksum, sizeBytes: bytes.length };
  if (claim !== undefined && entries === undefined) {
    if (previous !== undefined) throw new Malformed("a claim has a predecessor");
    const window = readClaim(claim);
    return { type: "claim", ...base, window, body: new SegmentBody(bytes, 0, 0) };
  }
  if (claim !== undefined || entries === undefined) {
    throw new Malformed("a segment holds a claim or entries, one of both");
  }
  if (previous === undefined) throw new Malformed("a segment of entries has no predecessor");
  const chained = { ...base, previous: readPredecessor(previous, position) };
  return { type: "entries", ...chained, ...readEntries(entries) };
}

function readClaim(fields: Fields): number {
  const window = fields.uint32(1);
  fields.end();
  if (window < 1) throw new Malformed("a claim has no window");
  return window;
}

/** What a segment of entries holds. */
export interface EntriesContent extends Omit<EntriesSegment, keyof Segment | "previous"> {
  readonly body: SegmentBody;
}

/** Reads `Entries`, all of them, each entry checked. Throws {@link Malformed}. */
export function readEntries(fields: Fields): EntriesContent {
  const { runCount, keys, body } = readRun(fields);
  const firstIndex = fields.number(2);
  const entryCount = fields.uint32(3);
  const timestampMs = readTimestamp(fields.required(4, "Timestamp"));
  const records = readRecords(fields, 5, entryCount);
  const keyed = fields.flag(6);
  fields.end();
  if (firstIndex < 1) throw new Malformed("entries have no first index");
  if (entryCount !== runCount) {
    throw new Malformed(`${runCount} entries where ${entryCount} were counted`);
  }
  if (entryCount === 0 && records.length === 0) {
    throw new Malformed("a segment of entries has neither entries nor records");
  }
  if (!Number.isSafeInteger(firstIndex + entryCount)) throw new Malformed("an index is too great");
  if (keyed !== keys.length > 0) {
    throw new Malformed(`${keys.length} entries have keys, and keyed is ${keyed}`);
  }
  return { firstIndex, entryCount, timestampMs, records, keys, body };
}

interface Run {
  readonly runCount: number;
  readonly keys: readonly EntryKey[];
  readonly body: SegmentBody;
}

/** The entries at the front of Entries, each of them checked. */
function readRun(fields: Fields): Run {
  const { cursor } = fields;
  const start = cursor.offset;
  let runCount = 0;
  let keys: EntryKey[] | undefined;
  const listener = {
    keyed: (key: string): void => {
      keys ??= [];
      keys.push({ offset: runCount, key });
    },
  };
  while (fields.has(1, wireType.bytes)) {
    if (checkEntry(cursor, listener) < 0) {
      throw new Malformed(`entry ${runCount + 1} of the segment: ${cursor.problem}`);
    }
    runCount += 1;
  }
  const body = new SegmentBody(cursor.bytes, start, cursor.offset);
  return { runCount, keys: keys ?? noKeys, body };
}
