/**
 * The protocol buffers wire format, as far as entries and segments need it: a strict reader that
 * reports malformed bytes as values, and the sizes and bytes of what is written.
 *
 * Invariant: a cursor never reads at or past its end, and every call that succeeds moves it on, so
 * that a walk over n bytes takes at most n steps, whatever the bytes are.
 *
 * Stricter than the format asks: a varint must be written in the fewest bytes that hold it, so that
 * one value has one encoding. Every encoder in common use writes them so.
 */

import { assert } from "../core/assert.js";

/** The wire types that suraft's messages use. */
export const wireType = { varint: 0, bytes: 2, fixed32: 5 } as const;

/** A field's tag. */
export function tagOf(field: number, type: number): number {
  return field * 8 + type;
}

/** What reading returns in place of a number when the bytes are malformed. */
export const malformed = -1;

/** Reads fields one behind the other. */
export class Cursor {
  readonly bytes: Uint8Array;
  offset: number;
  /** Nothing at or past it is read. Narrowed while a message within the message is read. */
  end: number;
  /** Why the last call that returned {@link malformed} did. */
  problem = "";

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.offset >= this.end;
  }

  /** Notes why the bytes are malformed. */
  fail(problem: string): typeof malformed {
    this.problem = problem;
    return malformed;
  }

  /** A varint below 2^53, or {@link malformed}. */
  varint(): number {
    const { offset } = this;
    if (offset < this.end) {
      const byte = this.bytes[offset] ?? 0;
      if (byte < 0x80) {
        this.offset = offset + 1;
        return byte;
      }
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    const { bytes, end } = this;
    let { offset } = this;
    let value = 0;
    for (let scale = 1; offset < end; scale *= 0x80) {
      if (scale > 2 ** 49) return this.fail("a number of 2^53 or more, or one written too long");
      const byte = bytes[offset++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0 && scale > 1) return this.fail("a number written too long");
      if (value > Number.MAX_SAFE_INTEGER) return this.fail("a number of 2^53 or more");
      this.offset = offset;
      return value;
    }
    return this.fail("a number that is cut off");
  }

  /**
   * The length of a field of bytes, the cursor then being at its first byte, or {@link malformed}.
   * The field ends at or before the cursor's end.
   */
  length(): number {
    const length = this.varint();
    if (length > this.end - this.offset) {
      return this.fail(`a length of ${length} where ${this.end - this.offset} bytes are left`);
    }
    return length;
  }

  /** A field of bytes, not copied, or undefined if it is malformed. */
  view(): Uint8Array | undefined {
    const length = this.length();
    if (length < 0) return undefined;
    const start = this.offset;
    this.offset = start + length;
    return this.bytes.subarray(start, this.offset);
  }

  /** Four bytes, the least first, or {@link malformed}. */
  fixed32(): number {
    const { bytes, offset } = this;
    if (this.end - offset < 4) return this.fail("a number that is cut off");
    this.offset = offset + 4;
    return readFixed32(bytes, offset);
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes that are known to be UTF-8, as text. */
export function utf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Four bytes, the least first, as an unsigned number. */
export function readFixed32(bytes: Uint8Array, offset: number): number {
  const low =
    (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16);
  return (low | ((bytes[offset + 3] ?? 0) << 24)) >>> 0;
}

/** How many bytes a varint takes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** How many bytes a field of bytes takes; the fields here have tags of one byte. */
export function bytesFieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** How many bytes a number takes; 0 is not written. */
export function varintFieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Writes fields one behind the other into bytes that were sized for them. */
export class FieldWriter {
  readonly bytes: Uint8Array;
  offset = 0;

  /** Every byte must be written: what stood in the memory before is not cleared. */
  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.offset++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.offset++] = rest;
  }

  fixed32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.offset++] = value >>> shift;
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }

  /** A number; 0 is not written. */
  varintField(field: number, value: number): void {
    if (value === 0) return;
    this.varint(tagOf(field, wireType.varint));
    this.varint(value);
  }

  fixed32Field(field: number, value: number): void {
    this.varint(tagOf(field, wireType.fixed32));
    this.fixed32(value);
  }

  /** The tag and the length of a field whose bytes follow. */
  bytesHeader(field: number, length: number): void {
    this.varint(tagOf(field, wireType.bytes));
    this.varint(length);
  }

  bytesField(field: number, bytes: Uint8Array): void {
    this.bytesHeader(field, bytes.length);
    this.raw(bytes);
  }

  /** The bytes, all written. */
  finish(): Uint8Array {
    assert(this.offset === this.bytes.length, "an encoding is as long as it was sized");
    return this.bytes;
  }
}
