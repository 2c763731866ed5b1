/**
 * The two clocks of one process (PROTOCOL.md section 9): run too fast or too slow, within a factor of two of
 * any other process's, and err beyond that only to the safe side.
 */

import type { EventQueue } from "../event-queue.js";

/** How fast a node's clocks run, as parts of the true time. */
export interface ClockRates {
  /** Of the clock by which answers age. */
  readonly age: number;
  /** Of the clock by which a deleter waits. */
  readonly least: number;
}

export class ProcessClocks {
  readonly #queue: EventQueue;
  readonly #rates: ClockRates;
  #lastMs: number;
  #ageMs = 0;
  #leastMs = 0;
  #stalledUntilMs = 0;

  constructor(queue: EventQueue, rates: ClockRates) {
    this.#queue = queue;
    this.#rates = rates;
    this.#lastMs = queue.now;
  }

  get ageMs(): number {
    this.#pass();
    return this.#ageMs;
  }

  get leastMs(): number {
    this.#pass();
    return this.#leastMs;
  }

  /** A clock is set forward: answers seem older than they are. */
  jump(byMs: number): void {
    this.#pass();
    this.#ageMs += byMs;
  }

  /** A clock is set back, and makes up for it: waiting seems shorter than it is. */
  stall(forMs: number): void {
    this.#pass();
    this.#stalledUntilMs = this.#queue.now + forMs;
  }

  #pass(): void {
    const { now } = this.#queue;
    this.#ageMs += (now - this.#lastMs) * this.#rates.age;
    const from = Math.max(this.#lastMs, Math.min(now, this.#stalledUntilMs));
    this.#leastMs += (now - from) * this.#rates.least;
    this.#lastMs = now;
  }
}
