/** Durations, kept whole and sorted when asked: exact, and small for a run of seconds. */

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  /** Not a number where there are fewer than 100 durations; the next one, than 1,000. */
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export class Durations {
  #values = new Float64Array(1024);
  #count = 0;

  add(durationMs: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = durationMs;
  }

  quantiles(): Quantiles {
    const sorted = this.#values.slice(0, this.#count).sort();
    const at = (share: number, countMin: number): number =>
      sorted.length < countMin ? NaN : (sorted[Math.floor(sorted.length * share)] ?? NaN);
    return {
      count: this.#count,
      p50Ms: at(0.5, 1),
      p99Ms: at(0.99, 100),
      p999Ms: at(0.999, 1000),
      maxMs: sorted.at(-1) ?? NaN,
    };
  }
}
