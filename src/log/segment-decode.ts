/**
 * Bytes to segments. A stored object is believed only if every byte of it is accounted for.
 *
 * Invariant: whatever the bytes are, nothing is thrown, and the time taken is linear in their number.
 * Invariant: what is kept of an object does not keep a bigger buffer alive.
 */

import { isUtf8 } from "node:buffer";

import { noKeys, noRecords } from "../core/types.js";
import type { Epoch, Position, Predecessor, Segment } from "../core/types.js";
import { crc32c } from "./crc32c.js";
import { checkEntry } from "./entry-check.js";
import { checksumField, SegmentBody, trailerBytes } from "./segment-body.js";
import { Cursor, readFixed32, tagOf, utf8, wireType } from "./wire.js";

/** What the bytes of an object turned out to be. */
export type DecodedSegment =
  | { readonly type: "ok"; readonly segment: Segment }
  /** For people; the caller names the object. */
  | { readonly type: "corrupt"; readonly reason: string };

/** The bytes contradict the schema's rules. */
class Malformed extends Error {}

/** Decodes the object that stands at a position, checking everything that it says. */
export function decodeSegment(bytes: Uint8Array, expectedPosition: Position): DecodedSegment {
  const end = bytes.length - trailerBytes;
  if (end < 0 || bytes[end] !== tagOf(checksumField, wireType.fixed32)) {
    return { type: "corrupt", reason: "the object does not end in a checksum" };
  }
  const checksum = readFixed32(bytes, end + 1);
  if (crc32c(bytes.subarray(0, end)) !== checksum) {
    return { type: "corrupt", reason: "the object's checksum does not match its bytes" };
  }
  try {
    const segment = readSegment(ownBytes(bytes), checksum);
    if (segment.position === expectedPosition) return { type: "ok", segment };
    return { type: "corrupt", reason: `the object says that its position is ${segment.position}` };
  } catch (error) {
    if (error instanceof Malformed) return { type: "corrupt", reason: error.message };
    throw error;
  }
}

/** The bytes in a buffer that is not much bigger than they are. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= bytes.length + bytes.length / 4) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

function readSegment(bytes: Uint8Array, checksum: number): Segment {
  const fields = new Fields("Segment", new Cursor(bytes, 0, bytes.length - trailerBytes));
  const clusterId = fields.text(1, "cluster_id");
  const position = fields.number(2);
  const epoch = readEpoch(fields.required(3, "Epoch"));
  const previous = fields.message(4, "Predecessor");
  const claim = fields.message(5, "Claim");
  const entries = fields.message(6, "Entries");
  fields.end();
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
  const bare = { records: noRecords, keys: noKeys };
  return { type: "entries", ...chained, ...readEntries(entries), ...bare };
}

function readEpoch(fields: Fields): Epoch {
  const term = fields.number(1);
  const leaderId = fields.text(2, "leader_id");
  const nonce = fields.bytes(3);
  fields.end();
  if (term < 1) throw new Malformed("an epoch has no term");
  if (nonce.length !== 16) throw new Malformed(`an epoch's nonce has ${nonce.length} bytes`);
  return { term, leaderId, nonce: Buffer.from(nonce).toString("hex") };
}

function readPredecessor(fields: Fields, position: Position): Predecessor {
  const predecessor = { position: fields.number(1), checksum: fields.fixed32(2) };
  fields.end();
  if (predecessor.position < position) return predecessor;
  throw new Malformed(`position ${predecessor.position} does not precede ${position}`);
}

function readClaim(fields: Fields): number {
  const window = fields.uint32(1);
  fields.end();
  if (window < 1) throw new Malformed("a claim has no window");
  return window;
}

function readEntries(fields: Fields): {
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly timestampMs: number;
  readonly body: SegmentBody;
} {
  const run = fields.entries();
  const firstIndex = fields.number(2);
  const entryCount = fields.uint32(3);
  const timestampMs = readTimestamp(fields.required(4, "Timestamp"));
  fields.end();
  if (firstIndex < 1) throw new Malformed("entries have no first index");
  if (entryCount < 1) throw new Malformed("a segment of entries has none");
  if (entryCount !== run.entryCount) {
    throw new Malformed(`${run.entryCount} entries where ${entryCount} were counted`);
  }
  if (!Number.isSafeInteger(firstIndex + entryCount)) throw new Malformed("an index is too great");
  return { firstIndex, entryCount, timestampMs, body: run.body };
}

function readTimestamp(fields: Fields): number {
  const seconds = fields.number(1);
  const nanos = fields.number(2);
  fields.end();
  const timestampMs = seconds * 1000 + nanos / 1_000_000;
  if (nanos >= 1_000_000_000 || !Number.isSafeInteger(timestampMs)) {
    throw new Malformed("a timestamp is no number of milliseconds");
  }
  return timestampMs;
}

/**
 * A message's fields. They stand in the order of their numbers, each at most once, and are asked
 * for in that order; what is not asked for does not belong. Fields have tags of one byte.
 */
class Fields {
  readonly #message: string;
  readonly #cursor: Cursor;

  constructor(message: string, cursor: Cursor) {
    this.#message = message;
    this.#cursor = cursor;
  }

  /** A number below 2^53; 0 where it is not set. */
  number(field: number): number {
    return this.#next(field, wireType.varint) ? this.#valid(this.#cursor.varint()) : 0;
  }

  uint32(field: number): number {
    const value = this.number(field);
    if (value >= 2 ** 32) throw new Malformed(`field ${field} of ${this.#message} is too great`);
    return value;
  }

  fixed32(field: number): number {
    return this.#next(field, wireType.fixed32) ? this.#valid(this.#cursor.fixed32()) : 0;
  }

  /** Bytes, not copied; none where the field is not set. */
  bytes(field: number): Uint8Array {
    const cursor = this.#cursor;
    if (!this.#next(field, wireType.bytes)) return cursor.bytes.subarray(0, 0);
    const bytes = cursor.view();
    if (bytes === undefined) throw this.#malformed();
    return bytes;
  }

  /** Text that is not empty. */
  text(field: number, name: string): string {
    const bytes = this.bytes(field);
    if (bytes.length > 0 && isUtf8(bytes)) return utf8(bytes);
    throw new Malformed(`${name} of ${this.#message} is empty or no UTF-8`);
  }

  message(field: number, message: string): Fields | undefined {
    const cursor = this.#cursor;
    if (!this.#next(field, wireType.bytes)) return undefined;
    const length = this.#valid(cursor.length());
    const start = cursor.offset;
    cursor.offset = start + length;
    return new Fields(message, new Cursor(cursor.bytes, start, cursor.offset));
  }

  required(field: number, message: string): Fields {
    const fields = this.message(field, message);
    if (fields === undefined) throw new Malformed(`${this.#message} has no ${message}`);
    return fields;
  }

  /** The entries at the front of Entries, each of them checked. */
  entries(): { readonly entryCount: number; readonly body: SegmentBody } {
    const cursor = this.#cursor;
    const start = cursor.offset;
    let entryCount = 0;
    while (this.#next(1, wireType.bytes)) {
      if (checkEntry(cursor) < 0) {
        throw new Malformed(`entry ${entryCount + 1} of the segment: ${cursor.problem}`);
      }
      entryCount += 1;
    }
    return { entryCount, body: new SegmentBody(cursor.bytes, start, cursor.offset) };
  }

  /** Nothing is left. */
  end(): void {
    const cursor = this.#cursor;
    if (cursor.atEnd) return;
    const tag = this.#valid(cursor.varint());
    const field = `field ${Math.floor(tag / 8)}, wire type ${tag % 8},`;
    throw new Malformed(`${field} of ${this.#message} does not belong there`);
  }

  #next(field: number, type: number): boolean {
    const cursor = this.#cursor;
    if (cursor.atEnd || cursor.bytes[cursor.offset] !== tagOf(field, type)) return false;
    cursor.offset += 1;
    return true;
  }

  #valid(value: number): number {
    if (value < 0) throw this.#malformed();
    return value;
  }

  #malformed(): Malformed {
    return new Malformed(`${this.#message} has ${this.#cursor.problem}`);
  }
}
