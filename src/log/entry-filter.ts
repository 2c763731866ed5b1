/**
 * Which entries a read wants, judged on their encoded bytes: nothing is decoded, and nothing copied.
 *
 * Invariant: what is wanted is a property of the entry alone, so that a read can go on anywhere.
 */

import { SuraftError } from "../errors.js";
import { entryKeyTag, headerTag, keyBytesMax, keyTag } from "./entry-check.js";
import { Cursor } from "./wire.js";

/** A header that an entry must have. */
export interface HeaderCondition {
  readonly key: string;
  /** Any value will do where this is undefined. */
  readonly value: Uint8Array | undefined;
}

/** All of it must hold. */
export interface FilterConditions {
  /** The entry's own key. */
  readonly key?: string | undefined;
  readonly headers: readonly HeaderCondition[];
}

/** Bounds on a filter: what an entry costs to judge is bounded by them. */
export const filterBounds = { headersMax: 16, keyBytesMax, valueBytesMax: 4096 } as const;

interface EncodedCondition {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export class EntryFilter {
  readonly #headers: readonly EncodedCondition[];
  readonly #key: Uint8Array | undefined;
  /** A bit for each header, and one above them for the key. */
  readonly #all: number;
  #cursor = new Cursor(new Uint8Array(0));
  /** How many fields of entries were looked at: what the work so far has cost. */
  fieldsSeen = 0;

  /** Throws a SuraftError of kind `invalid` where the conditions are none, too many or too long. */
  constructor(conditions: FilterConditions) {
    checkConditions(conditions);
    this.#headers = conditions.headers.map(({ key, value }) => ({ key: Buffer.from(key), value }));
    this.#key = conditions.key === undefined ? undefined : Buffer.from(conditions.key);
    this.#all = 2 ** (this.#headers.length + (this.#key === undefined ? 0 : 1)) - 1;
  }

  /** Whether an entry is wanted: its field stands at `[start, end)` of a run's bytes. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#cursor.bytes !== bytes) this.#cursor = new Cursor(bytes);
    const cursor = this.#cursor;
    cursor.offset = start;
    // The entry's own tag and length.
    cursor.varint();
    cursor.varint();
    let missing = this.#all;
    this.fieldsSeen += 1;
    while (missing !== 0 && cursor.offset < end) {
      this.fieldsSeen += 1;
      const tag = cursor.varint();
      const length = cursor.varint();
      if (tag === headerTag) {
        missing = this.#without(missing, cursor, length);
        continue;
      }
      const isKey = tag === entryKeyTag && this.#key !== undefined;
      if (isKey && isAt(this.#key, bytes, cursor.offset, cursor.offset + length)) {
        missing &= ~(1 << this.#headers.length);
      }
      cursor.offset += length;
    }
    return missing === 0;
  }

  /** The conditions that a header leaves open; moves the cursor past the header. */
  #without(missing: number, cursor: Cursor, headerLength: number): number {
    const end = cursor.offset + headerLength;
    let keyStart = end;
    let keyEnd = end;
    let valueStart = end;
    let valueEnd = end;
    while (cursor.offset < end) {
      this.fieldsSeen += 1;
      const tag = cursor.varint();
      const length = cursor.varint();
      if (tag === keyTag) {
        keyStart = cursor.offset;
        keyEnd = keyStart + length;
      } else {
        valueStart = cursor.offset;
        valueEnd = valueStart + length;
      }
      cursor.offset += length;
    }
    let open = missing;
    for (const [number, { key, value }] of this.#headers.entries()) {
      const holds =
        isAt(key, cursor.bytes, keyStart, keyEnd) &&
        (value === undefined || isAt(value, cursor.bytes, valueStart, valueEnd));
      if (holds) open &= ~(1 << number);
    }
    return open;
  }
}

/** Whether the wanted bytes are those at `[start, end)`. */
function isAt(wanted: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (wanted.length !== end - start) return false;
  for (let offset = 0; offset < wanted.length; offset++) {
    if (wanted[offset] !== bytes[start + offset]) return false;
  }
  return true;
}

function checkConditions({ key: entryKey, headers }: FilterConditions): void {
  const { headersMax, valueBytesMax } = filterBounds;
  if (headers.length === 0 && entryKey === undefined) throw invalid("the filter has no condition");
  if (headers.length > headersMax) {
    throw invalid(`the filter has ${headers.length} headers; at most ${headersMax} are allowed`);
  }
  if (entryKey !== undefined) checkKey("the key", entryKey);
  for (const { key, value } of headers) {
    checkKey("a header's key", key);
    if (value !== undefined && value.length > valueBytesMax) {
      const allowed = `at most ${valueBytesMax} are allowed`;
      throw invalid(`a header's value in the filter has ${value.length} bytes; ${allowed}`);
    }
  }
}

function checkKey(name: string, key: string): void {
  const { keyBytesMax } = filterBounds;
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes >= 1 && keyBytes <= keyBytesMax) return;
  throw invalid(`${name} in the filter has ${keyBytes} bytes; it must have 1 to ${keyBytesMax}`);
}

function invalid(message: string): SuraftError {
  return new SuraftError("invalid", message);
}
