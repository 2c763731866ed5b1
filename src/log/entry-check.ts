/**
 * Checks encoded entries without decoding them.
 *
 * An entry that passes has one meaning for every reader: at most one payload and key, whole headers,
 * and nothing that this version does not know. Protocol buffers themselves would let a second payload
 * replace the first, and keep what is unknown.
 */

import { isUtf8 } from "node:buffer";

import { malformed, tagOf, utf8, wireType } from "./wire.js";
import type { Cursor } from "./wire.js";

/** The tag of `entries = 1`, in every message that carries entries. */
export const entryTag = tagOf(1, wireType.bytes);

/** The tags within an Entry. */
export const payloadTag = tagOf(1, wireType.bytes);
export const headerTag = tagOf(2, wireType.bytes);
export const entryKeyTag = tagOf(3, wireType.bytes);

/** The tags within a Header. */
export const keyTag = tagOf(1, wireType.bytes);
export const valueTag = tagOf(2, wireType.bytes);

/** Of an entry's own key, and of a header's. */
export const keyBytesMax = 256;

/** Is told the key of an entry that has one, once it has been checked. */
export interface KeyListener {
  keyed(key: string): void;
}

/**
 * Checks one Entry, the cursor being at its length, and moves the cursor past it. Returns the size
 * of its content (its payload, its key, and the keys and values of its headers) in bytes, or
 * `malformed`, the cursor's problem then saying why.
 */
export function checkEntry(cursor: Cursor, listener?: KeyListener): number {
  const length = cursor.length();
  if (length <= 0) return length;
  const end = cursor.offset + length;
  const outerEnd = cursor.end;
  cursor.end = end;
  const size = checkEntryFields(cursor, listener);
  cursor.end = outerEnd;
  return size;
}

function checkEntryFields(cursor: Cursor, listener: KeyListener | undefined): number {
  let size = 0;
  let payloadSeen = false;
  let keySeen = false;
  let key: string | undefined;
  do {
    const tag = cursor.varint();
    if (tag === payloadTag) {
      if (payloadSeen) return cursor.fail("payload is set twice");
      payloadSeen = true;
      const length = cursor.length();
      if (length < 0) return malformed;
      cursor.offset += length;
      size += length;
    } else if (tag === headerTag) {
      const headerSize = checkHeader(cursor);
      if (headerSize < 0) return malformed;
      size += headerSize;
    } else if (tag === entryKeyTag) {
      if (keySeen) return cursor.fail("key is set twice");
      keySeen = true;
      const length = cursor.length();
      if (length < 0 || !isKey(cursor, length, "the key")) return malformed;
      // Most who walk over entries do not ask for keys.
      if (listener !== undefined) {
        key = utf8(cursor.bytes.subarray(cursor.offset, cursor.offset + length));
      }
      cursor.offset += length;
      size += length;
    } else {
      return failTag(cursor, tag, entryFields);
    }
  } while (!cursor.atEnd);
  if (key !== undefined) listener?.keyed(key);
  return size;
}

function checkHeader(cursor: Cursor): number {
  const length = cursor.length();
  if (length < 0) return malformed;
  const outerEnd = cursor.end;
  cursor.end = cursor.offset + length;
  const size = checkHeaderFields(cursor);
  cursor.end = outerEnd;
  return size;
}

function checkHeaderFields(cursor: Cursor): number {
  let size = 0;
  let keySeen = false;
  let valueSeen = false;
  while (!cursor.atEnd) {
    const tag = cursor.varint();
    if (tag !== keyTag && tag !== valueTag) return failTag(cursor, tag, headerFields);
    if (tag === keyTag ? keySeen : valueSeen) {
      return cursor.fail(`${tag === keyTag ? "key" : "value"} of a header is set twice`);
    }
    const length = cursor.length();
    if (length < 0) return malformed;
    if (tag === keyTag) {
      keySeen = true;
      if (!isKey(cursor, length, "a header's key")) return malformed;
    } else {
      valueSeen = true;
    }
    cursor.offset += length;
    size += length;
  }
  return keySeen ? size : cursor.fail("a header has no key");
}

function isKey(cursor: Cursor, length: number, name: string): boolean {
  const { bytes, offset } = cursor;
  if (length < 1 || length > keyBytesMax) {
    cursor.fail(`${name} has ${length} bytes; it must have 1 to ${keyBytesMax}`);
    return false;
  }
  const valid = isAscii(bytes, offset, length) || isUtf8(bytes.subarray(offset, offset + length));
  if (!valid) cursor.fail(`${name} is not UTF-8`);
  return valid;
}

function isAscii(bytes: Uint8Array, start: number, length: number): boolean {
  let seen = 0;
  for (let offset = start; offset < start + length; offset++) seen |= bytes[offset] ?? 0;
  return seen < 0x80;
}

/** Fields by their numbers; all of them hold bytes. */
interface FieldNames {
  readonly message: string;
  readonly names: Readonly<Record<number, string>>;
}

const entryFields: FieldNames = {
  message: "an entry",
  names: { 1: "payload", 2: "headers", 3: "key" },
};
const headerFields: FieldNames = { message: "a header", names: { 1: "key", 2: "value" } };

/** Says what is wrong with a tag that is not one of the message's. */
function failTag(cursor: Cursor, tag: number, fields: FieldNames): typeof malformed {
  if (tag < 0) return malformed;
  const field = Math.floor(tag / 8);
  const name = fields.names[field];
  return cursor.fail(
    name === undefined
      ? `field ${field} of ${fields.message} is unknown`
      : `${name} of ${fields.message} has wire type ${tag % 8} where 2 belongs`,
  );
}
