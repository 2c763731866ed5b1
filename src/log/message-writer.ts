/**
 * Writes stored messages whose size is not known before: manifests, ledgers, indexes.
 *
 * Invariant: canonical, as {@link Fields} wants it: zeros and what is empty are not written, fields
 * come in the order of the calls, lengths in the fewest bytes.
 */

import { crc32c } from "./crc32c.js";
import { checksumField } from "./fields.js";
import { FieldWriter, tagOf, varintSize, wireType } from "./wire.js";

/** A tag of one byte and a varint of at most eight. */
const fieldBytesMax = 9;

export class MessageWriter {
  #writer: FieldWriter;

  /** `capacity`: how many bytes are likely to come. */
  constructor(capacity = 256) {
    this.#writer = new FieldWriter(capacity);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#writer.offset;
  }

  /** The bytes written from an offset on; the next call may change them. */
  written(from = 0): Uint8Array {
    return this.#writer.bytes.subarray(from, this.#writer.offset);
  }

  number(field: number, value: number): this {
    this.#room(fieldBytesMax).varintField(field, value);
    return this;
  }

  fixed32(field: number, value: number): this {
    if (value !== 0) this.#room(fieldBytesMax).fixed32Field(field, value);
    return this;
  }

  bytes(field: number, bytes: Uint8Array): this {
    if (bytes.length > 0) this.#room(fieldBytesMax + bytes.length).bytesField(field, bytes);
    return this;
  }

  /** Fields that are encoded already. */
  raw(fields: Uint8Array): this {
    this.#room(fields.length).raw(fields);
    return this;
  }

  text(field: number, text: string): this {
    return this.bytes(field, Buffer.from(text));
  }

  /** A message within the message: what `write` writes. It is there even if it is empty. */
  message(field: number, write: (writer: this) => void): this {
    this.#room(fieldBytesMax).varint(tagOf(field, wireType.bytes));
    const lengthAt = this.#writer.offset++;
    write(this);
    this.#putLength(lengthAt);
    return this;
  }

  /** A repeated number, packed; not there if there is none. */
  packed(field: number, values: Iterable<number> & { readonly length: number }): this {
    if (values.length === 0) return this;
    const writer = this.#room(fieldBytesMax + values.length * fieldBytesMax);
    writer.varint(tagOf(field, wireType.bytes));
    const lengthAt = writer.offset++;
    for (const value of values) writer.varint(value);
    this.#putLength(lengthAt);
    return this;
  }

  /** As {@link packed}, four bytes each. */
  packedFixed32(field: number, values: Iterable<number> & { readonly length: number }): this {
    if (values.length === 0) return this;
    const writer = this.#room(fieldBytesMax + values.length * 4);
    writer.bytesHeader(field, values.length * 4);
    for (const value of values) writer.fixed32(value);
    return this;
  }

  /** An object of what was written: the checksum stands behind it. Nothing is written after it. */
  seal(): { readonly bytes: Uint8Array; readonly checksum: number } {
    const checksum = crc32c(this.written());
    this.#room(fieldBytesMax).fixed32Field(checksumField, checksum);
    return { bytes: this.written(), checksum };
  }

  /** Puts the length of what stands behind the place that was left for it, where it needs room. */
  #putLength(lengthAt: number): void {
    const start = lengthAt + 1;
    const { offset: end } = this.#writer;
    const length = end - start;
    const lengthBytes = varintSize(length);
    const writer = this.#room(lengthBytes - 1);
    writer.bytes.copyWithin(lengthAt + lengthBytes, start, end);
    writer.offset = lengthAt;
    writer.varint(length);
    writer.offset += length;
  }

  /** The writer, with so much room behind what was written. */
  #room(size: number): FieldWriter {
    const needed = this.#writer.offset + size;
    if (needed > this.#writer.bytes.length) {
      const greater = new FieldWriter(Math.max(needed, this.#writer.bytes.length * 2));
      greater.raw(this.written());
      this.#writer = greater;
    }
    return this.#writer;
  }
}
