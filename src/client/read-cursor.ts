/**
 * Where a read stands, so that it can go on at another node.
 *
 * Invariant: what `request` asks for begins right behind what was delivered, and ends where the
 * read ended when it began.
 */

import type { ReadBatch, ReadEntry, ReadOptions, ReadPart } from "./types.js";

export class ReadCursor {
  readonly #options: ReadOptions;
  readonly #step: 1 | -1;
  #nextIndex: number | undefined;
  #endIndex: number | undefined;
  /** The first index that can be read, as far as is known. */
  #firstIndex = 1;
  #moved = false;
  #delivered = false;
  #entriesLeft: number | undefined;
  #bytesLeft: number | undefined;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#step = options.reverse === true ? -1 : 1;
    this.#nextIndex = options.start?.type === "index" ? options.start.index : undefined;
    this.#endIndex = options.endIndex;
    this.#entriesLeft = limit(options.entriesMax);
    this.#bytesLeft = limit(options.bytesMax);
  }

  /** Whether a request from now on goes on in the middle: its place is settled. */
  get moved(): boolean {
    return this.#moved;
  }

  /** What is still to be read, or undefined if everything was delivered. */
  request(): ReadOptions | undefined {
    const index = this.#nextIndex;
    const endIndex = this.#endIndex;
    if (
      this.#entriesLeft === 0 ||
      (this.#bytesLeft !== undefined && this.#bytesLeft <= 0) ||
      (this.#moved && index !== undefined && this.#isAtEnd(index))
    ) {
      return undefined;
    }
    return {
      ...this.#options,
      ...(index === undefined ? {} : { start: { type: "index", index } }),
      ...(endIndex === undefined ? {} : { endIndex }),
      ...(this.#entriesLeft === undefined ? {} : { entriesMax: this.#entriesLeft }),
      ...(this.#bytesLeft === undefined ? {} : { bytesMax: this.#bytesLeft }),
    };
  }

  /**
   * Whether a part may be delivered. A node that a read goes on at delivers an entry whatever its
   * size; the one before would have ended there.
   */
  admits({ batches }: ReadPart): boolean {
    const entry = batches[0]?.entries[0];
    if (!this.#delivered || this.#bytesLeft === undefined || entry === undefined) return true;
    return contentBytes(entry) <= this.#bytesLeft;
  }

  /** A part was delivered. */
  advance(part: ReadPart): void {
    this.#settle(part);
    for (const batch of part.batches) this.#advance(batch);
    const { progress } = part;
    if (progress === undefined) return;
    this.#moved = true;
    this.#nextIndex = progress.readIndex;
    this.#firstIndex = progress.firstIndex;
  }

  /** Whether what is still to be read was trimmed: a reverse read has then come to its end. */
  isTrimmedBelow(firstIndex: number): boolean {
    const index = this.#nextIndex;
    return this.#step < 0 && this.#moved && index !== undefined && index < firstIndex;
  }

  #isAtEnd(index: number): boolean {
    const endIndex = this.#endIndex;
    if (this.#step < 0 && index < this.#firstIndex) return true;
    return endIndex !== undefined && (endIndex - index) * this.#step <= 0;
  }

  /** How far down "the last n" go is settled when the read begins, not again when it goes on. */
  #settle({ batches, progress }: ReadPart): void {
    const { start, filter, endIndex = 0 } = this.#options;
    if (this.#moved || this.#step > 0 || start?.type !== "last") return;
    // With a filter the first part holds no entries, and says where the read begins.
    const began = filter === undefined ? batches[0]?.firstIndex : undefined;
    const startIndex = began ?? progress?.readIndex;
    if (startIndex === undefined) return;
    const lowest = Math.max(endIndex, startIndex - start.count);
    this.#endIndex = lowest > 0 ? lowest : undefined;
  }

  #advance(batch: ReadBatch): void {
    this.#moved = true;
    this.#delivered = true;
    this.#nextIndex = batch.firstIndex + this.#step * batch.entries.length;
    if (this.#entriesLeft !== undefined) {
      this.#entriesLeft = Math.max(0, this.#entriesLeft - batch.entries.length);
    }
    if (this.#bytesLeft !== undefined) {
      for (const entry of batch.entries) this.#bytesLeft -= contentBytes(entry);
    }
  }
}

function contentBytes({ payload, key: entryKey, headers }: ReadEntry): number {
  return headers.reduce(
    (total, { key, value }) => total + Buffer.byteLength(key) + value.length,
    payload.length + Buffer.byteLength(entryKey),
  );
}

/** 0 means no limit. */
function limit(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}
