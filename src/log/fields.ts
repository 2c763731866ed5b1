/**
 * Reads stored messages strictly: every byte of them is accounted for.
 *
 * Invariant: a value has one encoding. Fields stand in the order of their numbers, numbers are
 * written in the fewest bytes, and zeros, empty texts and empty bytes are not written.
 * Invariant: the time taken is linear in the number of bytes, and nothing but {@link Malformed} is
 * thrown; {@link readObject} turns that into a value.
 */

import { isUtf8 } from "node:buffer";

import { crc32c } from "./crc32c.js";
import { Cursor, readFixed32, tagOf, utf8, wireType } from "./wire.js";

/** How many bytes the checksum's field takes, at the end of every object. */
export const trailerBytes = 5;

/** The number of the checksum's field in every object. */
export const checksumField = 15;

/** The bytes contradict the schema's rules. */
export class Malformed extends Error {}

/** What the bytes of an object turned out to be. */
export type Decoded<T> =
  | { readonly type: "ok"; readonly value: T }
  /** For people; the caller names the object. */
  | { readonly type: "corrupt"; readonly reason: string };

/**
 * Checks the checksum that an object ends in and reads the fields before it, all of them; `read`
 * gets the checksum, too. Never throws, whatever the bytes are.
 */
export function readObject<T>(
  bytes: Uint8Array,
  message: string,
  read: (fields: Fields, checksum: number) => T,
): Decoded<T> {
  const end = bytes.length - trailerBytes;
  if (end < 0 || bytes[end] !== tagOf(checksumField, wireType.fixed32)) {
    return { type: "corrupt", reason: "the object does not end in a checksum" };
  }
  const checksum = readFixed32(bytes, end + 1);
  if (crc32c(bytes.subarray(0, end)) !== checksum) {
    return { type: "corrupt", reason: "the object's checksum does not match its bytes" };
  }
  return readMessage(bytes, message, (fields) => read(fields, checksum), end);
}

/**
 * Reads all the fields of bytes whose checksum was checked, up to an end. Never throws, whatever the
 * bytes are.
 */
export function readMessage<T>(
  bytes: Uint8Array,
  message: string,
  read: (fields: Fields) => T,
  end: number = bytes.length,
): Decoded<T> {
  try {
    const fields = new Fields(message, new Cursor(bytes, 0, end));
    const value = read(fields);
    fields.end();
    return { type: "ok", value };
  } catch (error) {
    if (error instanceof Malformed) return { type: "corrupt", reason: error.message };
    throw error;
  }
}

/**
 * A message's fields. They stand in the order of their numbers, each at most once unless it is
 * repeated, and are asked for in that order; what is not asked for does not belong. Fields have tags
 * of one byte.
 */
export class Fields {
  readonly #message: string;
  /** Whoever reads a field by hand moves it past the field. */
  readonly cursor: Cursor;

  constructor(message: string, cursor: Cursor) {
    this.#message = message;
    this.cursor = cursor;
  }

  /** A number below 2^53; 0 where it is not set. */
  number(field: number): number {
    if (!this.has(field, wireType.varint)) return 0;
    return this.#notZero(field, this.valid(this.cursor.varint()));
  }

  uint32(field: number): number {
    const value = this.number(field);
    if (value >= 2 ** 32) throw new Malformed(`field ${field} of ${this.#message} is too great`);
    return value;
  }

  fixed32(field: number): number {
    if (!this.has(field, wireType.fixed32)) return 0;
    return this.#notZero(field, this.valid(this.cursor.fixed32()));
  }

  /** False where the field is not set. */
  flag(field: number): boolean {
    const value = this.number(field);
    if (value > 1) throw new Malformed(`field ${field} of ${this.#message} is neither set nor not`);
    return value === 1;
  }

  /** Bytes, not copied; none where the field is not set. */
  bytes(field: number): Uint8Array {
    const { cursor } = this;
    if (!this.has(field, wireType.bytes)) return cursor.bytes.subarray(0, 0);
    const bytes = cursor.view();
    if (bytes === undefined) throw this.malformed();
    this.#notZero(field, bytes.length);
    return bytes;
  }

  /** Text that is not empty. */
  text(field: number, name: string): string {
    const bytes = this.bytes(field);
    if (bytes.length > 0 && isUtf8(bytes)) return utf8(bytes);
    throw new Malformed(`${name} of ${this.#message} is empty or no UTF-8`);
  }

  message(field: number, message: string): Fields | undefined {
    const { cursor } = this;
    if (!this.has(field, wireType.bytes)) return undefined;
    const length = this.valid(cursor.length());
    const start = cursor.offset;
    cursor.offset = start + length;
    return new Fields(message, new Cursor(cursor.bytes, start, cursor.offset));
  }

  required(field: number, message: string): Fields {
    const fields = this.message(field, message);
    if (fields === undefined) throw new Malformed(`${this.#message} has no ${message}`);
    return fields;
  }

  /** A repeated field: each message, read to its end. */
  repeated<T>(field: number, message: string, read: (fields: Fields) => T): T[] {
    const values: T[] = [];
    for (;;) {
      const fields = this.message(field, message);
      if (fields === undefined) return values;
      values.push(read(fields));
      fields.end();
    }
  }

  /** A repeated text: each is not empty. */
  texts(field: number, name: string): string[] {
    const texts: string[] = [];
    const { cursor } = this;
    while (!cursor.atEnd && cursor.bytes[cursor.offset] === tagOf(field, wireType.bytes)) {
      texts.push(this.text(field, name));
    }
    return texts;
  }

  /** A repeated number, packed. */
  packed(field: number): Float64Array {
    const bytes = this.bytes(field);
    // A number's last byte has no continuation bit.
    let count = 0;
    for (let at = 0; at < bytes.length; at++) if ((bytes[at] ?? 0) < 0x80) count++;
    const values = new Float64Array(count);
    const cursor = new Cursor(bytes);
    for (let place = 0; place < count; place++) {
      const value = cursor.varint();
      if (value < 0)
        throw new Malformed(`field ${field} of ${this.#message} has ${cursor.problem}`);
      values[place] = value;
    }
    if (cursor.atEnd) return values;
    throw new Malformed(`field ${field} of ${this.#message} has a number that is cut off`);
  }

  /** A repeated number of four bytes, packed. */
  packedFixed32(field: number): Uint32Array {
    const bytes = this.bytes(field);
    if (bytes.length % 4 > 0) {
      throw new Malformed(`field ${field} of ${this.#message} has a number that is cut off`);
    }
    return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => readFixed32(bytes, at * 4));
  }

  /** Whether the field stands next; the cursor is then behind its tag. */
  has(field: number, type: number): boolean {
    const { cursor } = this;
    if (cursor.atEnd || cursor.bytes[cursor.offset] !== tagOf(field, type)) return false;
    cursor.offset += 1;
    return true;
  }

  /** Nothing is left. */
  end(): void {
    const { cursor } = this;
    if (cursor.atEnd) return;
    const tag = this.valid(cursor.varint());
    const field = `field ${Math.floor(tag / 8)}, wire type ${tag % 8},`;
    throw new Malformed(`${field} of ${this.#message} does not belong there`);
  }

  /** What the cursor returned, if it is not its word for malformed bytes. */
  valid(value: number): number {
    if (value < 0) throw this.malformed();
    return value;
  }

  malformed(): Malformed {
    return new Malformed(`${this.#message} has ${this.cursor.problem}`);
  }

  #notZero(field: number, value: number): number {
    if (value > 0) return value;
    throw new Malformed(`field ${field} of ${this.#message} is written though it is zero`);
  }
}
