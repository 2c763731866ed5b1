/**
 * Where a read stands, so that it can go on at another node.
 *
 * Invariant: what `request` asks for begins right behind what was delivered.
 */

import type { Progress, ReadBatch, ReadOptions } from "./types.js";

export class ReadCursor {
  readonly #options: ReadOptions;
  #nextIndex: number | undefined;
  #moved = false;
  #entriesLeft: number | undefined;
  #bytesLeft: number | undefined;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#nextIndex = options.start?.type === "index" ? options.start.index : undefined;
    this.#entriesLeft = limit(options.entriesMax);
    this.#bytesLeft = limit(options.bytesMax);
  }

  /** Whether a request from now on goes on in the middle: entries came, or their place is settled. */
  get moved(): boolean {
    return this.#moved;
  }

  /** What is still to be read, or undefined if everything was delivered. */
  request(): ReadOptions | undefined {
    const { endIndex } = this.#options;
    const index = this.#nextIndex;
    if (
      this.#entriesLeft === 0 ||
      (this.#bytesLeft !== undefined && this.#bytesLeft <= 0) ||
      (this.#moved && index !== undefined && endIndex !== undefined && index >= endIndex)
    ) {
      return undefined;
    }
    return {
      ...this.#options,
      ...(index === undefined ? {} : { start: { type: "index", index } }),
      ...(this.#entriesLeft === undefined ? {} : { entriesMax: this.#entriesLeft }),
      ...(this.#bytesLeft === undefined ? {} : { bytesMax: this.#bytesLeft }),
    };
  }

  /** Entries were delivered. */
  advance(batch: ReadBatch): void {
    this.#moved = true;
    this.#nextIndex = batch.firstIndex + batch.entries.length;
    if (this.#entriesLeft !== undefined) {
      this.#entriesLeft = Math.max(0, this.#entriesLeft - batch.entries.length);
    }
    if (this.#bytesLeft !== undefined) {
      for (const { payload, headers, key: ownKey } of batch.entries) {
        this.#bytesLeft -= payload.length + Buffer.byteLength(ownKey);
        for (const { key, value } of headers) {
          this.#bytesLeft -= Buffer.byteLength(key) + value.length;
        }
      }
    }
  }

  /** "The last n" is settled when the read begins, not again when it goes on. */
  settle(progress: Progress): void {
    const { start } = this.#options;
    if (this.#nextIndex === undefined && start?.type === "last") {
      this.#moved = true;
      this.#nextIndex = Math.max(progress.firstIndex, progress.nextIndex - start.count);
    }
  }
}

/** 0 means no limit. */
function limit(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}
