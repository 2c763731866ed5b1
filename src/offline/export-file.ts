/**
 * A file of exported entries, as a stream of bytes from anywhere.
 *
 * Invariant: at most one part and one chunk of the stream are held.
 * Invariant: who reads to the end has read a whole file: its runs follow one another without a gap, and
 * add up to what the trailer says.
 */

import { SuraftError } from "../errors.js";
import { crc32c } from "../log/crc32c.js";
import { decodePart } from "./export-codec.js";
import type { ExportedRun, ExportTrailer } from "./export-codec.js";

/** No part has more bytes: a segment is smaller by far. */
const partBytesMax = 256 * 1024 * 1024;
const lengthBytesMax = 5;

/** What stands in a file, as far as it was read. */
export class ExportFile {
  readonly #parts: AsyncGenerator<Uint8Array, void>;
  readonly #name: string;
  #firstIndex = 1;
  #nextIndex = 1;
  #timestampMs = 0;
  #runCount = 0;
  #checksum = 0;

  /** `name`: what to call the file in errors. */
  constructor(name: string, bytes: AsyncIterable<Uint8Array>) {
    this.#name = name;
    this.#parts = delimited(bytes, name);
  }

  /** The index of its first entry. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** The index after the last entry that was read. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** Reads the header. Throws a SuraftError of kind `corrupt` or `invalid`. */
  async open(): Promise<void> {
    const next = await this.#parts.next();
    if (next.done === true) throw this.#wrong("invalid", "it is empty: no export");
    const header = decodePart(next.value);
    if (header.type === "corrupt") throw this.#wrong("invalid", `no export: ${header.reason}`);
    if (header.value.type !== "header") throw this.#wrong("invalid", "no export: it has no header");
    this.#firstIndex = header.value.firstIndex;
    this.#nextIndex = this.#firstIndex;
  }

  /** The runs, to the trailer. Throws a SuraftError of kind `corrupt` if the file is not whole. */
  async *runs(): AsyncGenerator<ExportedRun, void> {
    for await (const bytes of this.#parts) {
      const part = decodePart(bytes);
      if (part.type === "corrupt") throw this.#damaged(part.reason);
      switch (part.value.type) {
        case "header":
          throw this.#damaged("a second header");
        case "entries":
          this.#note(part.value);
          yield part.value;
          break;
        case "trailer":
          this.#check(part.value);
          if ((await this.#parts.next()).done !== true) {
            throw this.#damaged("something stands behind the trailer");
          }
          return;
      }
    }
    throw this.#damaged("it is cut off: it has no trailer");
  }

  #note({ firstIndex, timestampMs, run }: ExportedRun): void {
    if (firstIndex !== this.#nextIndex) throw this.#damaged(`the next run begins at ${firstIndex}`);
    if (timestampMs < this.#timestampMs) throw this.#damaged("the next run has an earlier time");
    this.#timestampMs = timestampMs;
    this.#nextIndex += run.entryCount;
    this.#runCount++;
    this.#checksum = crc32c(run.bytes, this.#checksum);
  }

  #check({ nextIndex, runCount, entriesChecksum }: ExportTrailer): void {
    const isWhole =
      nextIndex === this.#nextIndex &&
      runCount === this.#runCount &&
      entriesChecksum === this.#checksum;
    if (!isWhole) throw this.#damaged("it does not add up to what its trailer says");
  }

  #damaged(reason: string): SuraftError {
    const last = this.#nextIndex - 1;
    const where = last < this.#firstIndex ? "at its beginning" : `behind the entry ${last}`;
    return this.#wrong("corrupt", `damaged ${where}: ${reason}`);
  }

  #wrong(kind: "corrupt" | "invalid", reason: string): SuraftError {
    return new SuraftError(kind, `${this.#name}: ${reason}`);
  }
}

/** The messages of a delimited stream. A stream that ends within one throws `corrupt`. */
async function* delimited(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let wantedBytes = 1;
  for await (const chunk of chunks) {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < wantedBytes) continue;
    let bytes = held.length === 1 ? chunk : Buffer.concat(held);
    for (;;) {
      const length = lengthAt(bytes);
      if (length === undefined) {
        if (bytes.length < lengthBytesMax) break;
        throw new SuraftError("corrupt", `${name}: no export, or damaged: a part has no length`);
      }
      wantedBytes = length.end + length.value;
      if (wantedBytes > partBytesMax) {
        throw new SuraftError("corrupt", `${name}: no export, or damaged: a part is too long`);
      }
      if (bytes.length < wantedBytes) break;
      yield bytes.subarray(length.end, wantedBytes);
      bytes = bytes.subarray(wantedBytes);
      wantedBytes = 1;
    }
    held = bytes.length === 0 ? [] : [bytes];
    heldBytes = bytes.length;
  }
  if (heldBytes > 0) throw new SuraftError("corrupt", `${name}: it is cut off within a part`);
}

/** A varint at the beginning; undefined if it does not end there. */
function lengthAt(bytes: Uint8Array): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let at = 0; at < lengthBytesMax && at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte % 128) * 2 ** (7 * at);
    if (byte < 128) return { value, end: at + 1 };
  }
  return undefined;
}
