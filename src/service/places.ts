/** Bounds how many calls of a kind are served at once: others are to come again. */

import { SuraftError } from "../errors.js";

const retryDelayMs = 500;

export class Places {
  readonly #busyWith: string;
  readonly #max: number;
  #taken = 0;

  /** `busyWith` is for people: "snapshots are being sent". */
  constructor(busyWith: string, max: number) {
    this.#busyWith = busyWith;
    this.#max = max;
  }

  /** Serves a call, or throws `overloaded` at once. */
  async within<Result>(serve: () => Promise<Result>): Promise<Result> {
    if (this.#taken >= this.#max) {
      throw new SuraftError("overloaded", `${this.#max} ${this.#busyWith}`, { retryDelayMs });
    }
    this.#taken++;
    try {
      return await serve();
    } finally {
      this.#taken--;
    }
  }
}
