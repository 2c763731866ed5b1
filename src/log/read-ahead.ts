/**
 * Asks for segments before their reader needs them, so that a reader of the past waits for the
 * store's throughput rather than for each get.
 *
 * Invariant: beyond the segment that a reader needs next, one reader holds at most `getsMax`
 * segments and about `bytesMax` bytes of them, and all readers together about the budget's. "About",
 * because a segment counts as big as the biggest that its reader has seen of late until it is here.
 * Invariant: when the signal is aborted everything is let go at once, even if the reader never
 * comes back.
 */

import { assert } from "../core/assert.js";
import type { Position, Segment } from "../core/types.js";
import { memoryBytes } from "./segment-cache.js";
import type { Fetch, SegmentFetcher } from "./segment-fetcher.js";

const getsMax = 16;
const bytesMax = 8 * 1024 * 1024;

/** What a segment is taken for before one was seen. */
const firstGuessBytes = 512 * 1024;

/** What all readers together may ask for ahead of their need. */
export class ReadAheadBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(budgetBytesMax: number) {
    this.#bytesMax = budgetBytesMax;
  }

  /** What is taken. */
  get bytes(): number {
    return this.#bytes;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

interface Asked {
  readonly position: Position;
  readonly fetch: Fetch;
  readonly chargedBytes: number;
}

export interface ReadAheadOptions {
  readonly fetcher: SegmentFetcher;
  readonly budget: ReadAheadBudget;
  readonly signal: AbortSignal;
}

/** One reader's way through consecutive positions. */
export class ReadAhead {
  readonly #options: ReadAheadOptions;
  readonly #onAbort = (): void => this.#aborted();
  /** In order, from the position that is taken next. */
  #asked: Asked[] = [];
  #chargedBytes = 0;
  #guessBytes = firstGuessBytes;
  /** How many segments are asked for at once: doubles with each that comes. */
  #width = 1;
  #fail: (reason: unknown) => void = () => undefined;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * The segment at the position behind the last one taken, and a look at those behind it, below
   * `end`. Rejects as {@link Fetch} does, or with the signal's reason.
   */
  async take(position: Position, end: Position): Promise<Segment> {
    this.#options.signal.throwIfAborted();
    this.#ask(position, end);
    const next = this.#asked.shift();
    assert(next?.position === position, "positions are taken in order");
    try {
      const segment = await this.#orAborted(next.fetch.segment);
      this.#width = Math.min(this.#width * 2, getsMax);
      this.#guessBytes = Math.max(memoryBytes(segment), Math.ceil(this.#guessBytes / 2));
      return segment;
    } finally {
      this.#letGo(next);
    }
  }

  /** Lets go of everything. */
  close(): void {
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    for (const asked of this.#asked) this.#letGo(asked);
    this.#asked = [];
  }

  #ask(position: Position, end: Position): void {
    const { fetcher } = this.#options;
    for (;;) {
      const next = (this.#asked.at(-1)?.position ?? position - 1) + 1;
      if (next >= end || next >= position + this.#width) return;
      const isNeeded = next === position;
      if (!isNeeded && !this.#mayAsk()) return;
      const chargedBytes = isNeeded ? 0 : this.#guessBytes;
      this.#chargedBytes += chargedBytes;
      this.#asked.push({ position: next, fetch: fetcher.fetch(next), chargedBytes });
    }
  }

  /** Whether there is room for one more ahead; takes it from the budget. */
  #mayAsk(): boolean {
    const fits = this.#chargedBytes + this.#guessBytes <= bytesMax;
    return fits && this.#options.budget.take(this.#guessBytes);
  }

  #letGo({ fetch, chargedBytes }: Asked): void {
    fetch.release();
    this.#chargedBytes -= chargedBytes;
    this.#options.budget.give(chargedBytes);
  }

  async #orAborted<T>(work: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.#fail = reject;
      work.then(resolve, reject);
    });
  }

  #aborted(): void {
    this.close();
    this.#fail(this.#options.signal.reason);
  }
}
