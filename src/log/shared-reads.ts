/**
 * What many readers want is read once, and kept for a while.
 *
 * Invariant: a key is asked for once at a time, however many readers want it, and no longer once none
 * of them does.
 */

import type { Fetch } from "./read-ahead.js";

/** Reads what belongs to a key. The signal is aborted once nobody wants it any more. */
export type Read<Answer> = (signal: AbortSignal) => Promise<Answer>;

export interface SharedReadsOptions<Answer> {
  readonly bytesOf: (answer: Answer) => number;
  /** What was read lately is kept for others, in this much memory. */
  readonly keptBytesMax: number;
}

interface UnderWay<Answer> {
  readonly answer: Promise<Answer>;
  readonly controller: AbortController;
  readers: number;
}

export class SharedReads<Key, Answer> {
  readonly #options: SharedReadsOptions<Answer>;
  readonly #underWay = new Map<Key, UnderWay<Answer>>();
  /** Lately read, the least lately first. */
  readonly #kept = new Map<Key, Answer>();
  #keptBytes = 0;

  constructor(options: SharedReadsOptions<Answer>) {
    this.#options = options;
  }

  /** Asks for what belongs to a key; `read` reads it unless somebody does. The answer rejects as it does. */
  fetch(key: Key, read: Read<Answer>): Fetch<Answer> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return { answer: Promise.resolve(kept), release: () => undefined };
    }
    const underWay = this.#underWay.get(key) ?? this.#begin(key, read);
    underWay.readers += 1;
    return { answer: underWay.answer, release: () => this.#release(key, underWay) };
  }

  #begin(key: Key, read: Read<Answer>): UnderWay<Answer> {
    const controller = new AbortController();
    const answer = this.#read(key, read(controller.signal));
    const underWay = { answer, controller, readers: 0 };
    const end = (): void => this.#forget(key, underWay);
    answer.then(end, end);
    this.#underWay.set(key, underWay);
    return underWay;
  }

  async #read(key: Key, reading: Promise<Answer>): Promise<Answer> {
    const answer = await reading;
    this.#keep(key, answer);
    return answer;
  }

  #release(key: Key, underWay: UnderWay<Answer>): void {
    underWay.readers -= 1;
    if (underWay.readers > 0) return;
    this.#forget(key, underWay);
    underWay.controller.abort(new Error("nobody reads this any more"));
  }

  #forget(key: Key, underWay: UnderWay<Answer>): void {
    if (this.#underWay.get(key) === underWay) this.#underWay.delete(key);
  }

  #keep(key: Key, answer: Answer): void {
    const { bytesOf, keptBytesMax } = this.#options;
    // A key may have been asked for twice, its first readers having gone.
    if (this.#kept.has(key)) return;
    this.#kept.set(key, answer);
    this.#keptBytes += bytesOf(answer);
    for (const [oldestKey, oldest] of this.#kept) {
      if (this.#keptBytes <= keptBytesMax) return;
      this.#kept.delete(oldestKey);
      this.#keptBytes -= bytesOf(oldest);
    }
  }
}
