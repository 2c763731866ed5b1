/**
 * Counts what a load gets done between the end of its warm-up and its own end.
 *
 * Invariant: what ends before or after that time counts for nothing.
 */

import { Durations, type Quantiles } from "./quantiles.js";

export interface MeterOptions {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What a load got done. */
export interface Measured {
  readonly seconds: number;
  readonly entries: number;
  readonly bytes: number;
  /** Also what was done while warming up and while finishing, and the time of it all. */
  readonly entriesInAll: number;
  readonly secondsInAll: number;
  /** How long each operation took. */
  readonly latency: Quantiles;
  /** Operations that failed, and what the first of them said. */
  readonly failures: number;
  readonly firstFailure: string;
}

export class Meter {
  readonly #openedMs = performance.now();
  readonly #beginMs: number;
  readonly #endMs: number;
  readonly #durations = new Durations();
  #lastMs: number;
  #entries = 0;
  #entriesInAll = 0;
  #bytes = 0;
  #failures = 0;
  #firstFailure = "";

  constructor({ warmUpSeconds, seconds }: MeterOptions) {
    this.#beginMs = this.#openedMs + warmUpSeconds * 1000;
    this.#endMs = this.#beginMs + seconds * 1000;
    this.#lastMs = this.#beginMs;
  }

  /** Whether there is time for more. */
  get isOpen(): boolean {
    return performance.now() < this.#endMs;
  }

  /** Operations that began at `startedMs`, by `performance.now()`, have just ended well. */
  done(startedMs: number, { entries, bytes }: { entries: number; bytes: number }): void {
    const now = performance.now();
    this.#entriesInAll += entries;
    if (now < this.#beginMs || now > this.#endMs) return;
    this.#entries += entries;
    this.#bytes += bytes;
    this.#durations.add(now - startedMs);
    this.#lastMs = now;
  }

  failed(error: unknown): void {
    this.#failures++;
    if (this.#firstFailure === "") this.#firstFailure = String(error);
  }

  /** What was done until `isOpen` ended or, with `early`, until the last operation ended. */
  result({ early }: { readonly early: boolean }): Measured {
    return {
      seconds: ((early ? this.#lastMs : this.#endMs) - this.#beginMs) / 1000,
      entries: this.#entries,
      bytes: this.#bytes,
      entriesInAll: this.#entriesInAll,
      secondsInAll: (performance.now() - this.#openedMs) / 1000,
      latency: this.#durations.quantiles(),
      failures: this.#failures,
      firstFailure: this.#firstFailure,
    };
  }
}
