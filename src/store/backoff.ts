/**
 * How long to wait before one name is created again.
 *
 * Google takes one write per second to one name: a second is the least, however often it went wrong.
 */

import { pause } from "./abort.js";

export interface BackoffOptions {
  /** 1 second by default. */
  readonly backoffMsMin?: number;
  /** 30 seconds by default. */
  readonly backoffMsMax?: number;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** Waits, less if the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export class Backoff {
  readonly #options: Required<BackoffOptions>;
  readonly #signal: AbortSignal;
  #nextMs: number;

  constructor(options: BackoffOptions & { readonly signal: AbortSignal }) {
    const { backoffMsMin = 1000, backoffMsMax = 30_000 } = options;
    const { random = Math.random, wait = pause } = options;
    this.#options = { backoffMsMin, backoffMsMax, random, wait };
    this.#signal = options.signal;
    this.#nextMs = backoffMsMin;
  }

  /** Waits twice as long as the last time, and up to half as long again, so that rivals part. */
  async wait(): Promise<void> {
    const { backoffMsMax, random, wait } = this.#options;
    const ms = this.#nextMs * (1 + random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, backoffMsMax);
    await wait(ms, this.#signal);
  }
}
