/**
 * Asks for positions before their reader needs them, upwards or downwards, so that a reader waits
 * for the store's throughput rather than for each get.
 *
 * Invariant: beyond the position that a reader needs next, one reader holds at most `getsMax`
 * answers and about `bytesMax` bytes of them, and all readers together about the budget's. "About",
 * because an answer counts as big as the biggest that its reader has seen of late until it is here:
 * then what is asked for farthest ahead is let go again, where there is no room for it.
 * Invariant: when the signal is aborted everything is let go at once, even if the reader never
 * comes back.
 */

import { assert } from "../core/assert.js";
import type { Position } from "../core/types.js";

const getsMaxDefault = 256;
/** As many are asked for at once of which little may be wanted. */
const getsOfFew = 16;
const bytesMaxDefault = 16 * 1024 * 1024;

/** Who takes the answer hears of it. */
const ignored = (): void => undefined;

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

/** A reader's interest in what stands at a position. */
export interface Fetch<Answer> {
  /** A rejection that nobody hears does no harm. */
  readonly answer: Promise<Answer>;
  /** The reader wants it no more. To be called once. */
  release(): void;
}

interface Asked<Answer> {
  readonly position: Position;
  readonly fetch: Fetch<Answer>;
  chargedBytes: number;
  /** Until it is taken or let go. */
  isAhead: boolean;
}

export interface ReadAheadOptions<Answer> {
  readonly ask: (position: Position) => Fetch<Answer>;
  /** What an answer takes in memory. */
  readonly bytesOf: (answer: Answer) => number;
  readonly budget: ReadAheadBudget;
  readonly signal: AbortSignal;
  /** Downwards with -1. */
  readonly step?: 1 | -1;
  readonly getsMax?: number;
  readonly bytesMax?: number;
}

/** One reader's way through the positions. */
export class ReadAhead<Answer> {
  readonly #options: Required<ReadAheadOptions<Answer>>;
  readonly #onAbort = (): void => this.#aborted();
  /** In order, from the position that is taken next. */
  #asked: Asked<Answer>[] = [];
  #chargedBytes = 0;
  #guessBytes = firstGuessBytes;
  #taken = 0;
  #fail: (reason: unknown) => void = () => undefined;

  constructor(options: ReadAheadOptions<Answer>) {
    const defaults = { step: 1, getsMax: getsMaxDefault, bytesMax: bytesMaxDefault } as const;
    this.#options = { ...defaults, ...options };
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * The answer for a position behind the last one taken, and a look at those behind it, before
   * `end`; positions in between are passed over. Rejects as {@link Fetch} does, or with the signal's
   * reason.
   */
  async take(position: Position, end: Position): Promise<Answer> {
    this.#options.signal.throwIfAborted();
    this.#passOver(position);
    this.#ask(position, end);
    const next = this.#asked.shift();
    assert(next?.position === position, "positions are taken in order");
    next.isAhead = false;
    try {
      const answer = await this.#orAborted(next.fetch.answer);
      this.#taken++;
      const bytes = this.#options.bytesOf(answer);
      this.#guessBytes = Math.max(bytes, Math.ceil(this.#guessBytes / 2));
      return answer;
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

  /**
   * How many positions are asked for at once: twice as many after each answer, and when many have
   * been taken, half as many as those, so that a reader that ends has asked for little in vain.
   */
  #width(): number {
    const ofFew = Math.min(2 ** Math.min(this.#taken, 30), getsOfFew);
    return Math.min(Math.max(ofFew, this.#taken / 2), this.#options.getsMax);
  }

  #passOver(position: Position): void {
    const { step } = this.#options;
    const isBefore = (asked: Asked<Answer>): boolean => (position - asked.position) * step > 0;
    for (let first = this.#asked[0]; first !== undefined && isBefore(first);) {
      this.#letGo(first);
      this.#asked.shift();
      first = this.#asked[0];
    }
  }

  #ask(position: Position, end: Position): void {
    const { ask, step } = this.#options;
    const width = this.#width();
    for (;;) {
      const next = (this.#asked.at(-1)?.position ?? position - step) + step;
      const isNeeded = next === position;
      if (!isNeeded && ((end - next) * step <= 0 || (next - position) * step >= width)) return;
      if (!isNeeded && !this.#mayAsk()) return;
      const chargedBytes = isNeeded ? 0 : this.#guessBytes;
      this.#chargedBytes += chargedBytes;
      const asked = { position: next, fetch: ask(next), chargedBytes, isAhead: !isNeeded };
      this.#asked.push(asked);
      asked.fetch.answer.then((answer) => this.#came(asked, answer), ignored);
    }
  }

  /** What was asked for ahead is here, and may be bigger than it was taken for. */
  #came(asked: Asked<Answer>, answer: Answer): void {
    const { bytesMax, bytesOf, budget } = this.#options;
    const bytes = bytesOf(answer);
    const more = bytes - asked.chargedBytes;
    if (!asked.isAhead || more <= 0) return;
    this.#guessBytes = Math.max(this.#guessBytes, bytes);
    for (;;) {
      const fits = this.#chargedBytes + more <= bytesMax;
      if (fits && budget.take(more)) break;
      const last = this.#asked.pop();
      assert(last !== undefined, "what is ahead is among what was asked for");
      this.#letGo(last);
      if (last === asked) return;
    }
    asked.chargedBytes = bytes;
    this.#chargedBytes += more;
  }

  /** Whether there is room for one more ahead; takes it from the budget. */
  #mayAsk(): boolean {
    const { bytesMax, budget } = this.#options;
    const fits = this.#chargedBytes + this.#guessBytes <= bytesMax;
    return fits && budget.take(this.#guessBytes);
  }

  #letGo(asked: Asked<Answer>): void {
    const { fetch, chargedBytes } = asked;
    asked.isAhead = false;
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
