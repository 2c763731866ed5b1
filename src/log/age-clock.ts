/**
 * How old an answer of the store is, at most, and how long a deleter has waited, at least
 * (PROTOCOL.md section 9). Clocks disagree: one stands still while the machine sleeps, another is set.
 *
 * Invariant: neither reading moves back, and both belong to one process.
 * Invariant: between any two readings `ageMs` advances by no less than any of the clocks did, and
 * `leastMs` by no more.
 */

/** Milliseconds since anything; it may jump. */
export type ClockSource = () => number;

export class AgeClock {
  readonly #sources: readonly { readonly read: ClockSource; lastMs: number }[];
  #ageMs = 0;
  #leastMs = 0;

  /** By default the monotonic clock and the wall's. */
  constructor(sources: readonly ClockSource[] = [() => performance.now(), () => Date.now()]) {
    this.#sources = sources.map((read) => ({ read, lastMs: read() }));
  }

  /** What `Core.step` is told. */
  get ageMs(): number {
    this.#read();
    return this.#ageMs;
  }

  /** By what upkeep waits before it deletes. */
  get leastMs(): number {
    this.#read();
    return this.#leastMs;
  }

  #read(): void {
    let mostMs = 0;
    let leastMs = Number.POSITIVE_INFINITY;
    for (const source of this.#sources) {
      const nowMs = source.read();
      const passedMs = Math.max(0, nowMs - source.lastMs);
      mostMs = Math.max(mostMs, passedMs);
      leastMs = Math.min(leastMs, passedMs);
      source.lastMs = nowMs;
    }
    this.#ageMs += mostMs;
    this.#leastMs += leastMs;
  }
}
