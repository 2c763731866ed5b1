/**
 * How far the log is, for many who ask at the same time.
 *
 * Invariant: whoever asks gets the answer of a call that began after that.
 */

import type { Client } from "../client/client.js";

export class TailReads {
  readonly #client: Client;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<number> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** The index of the log's next entry. At most one call is under way. */
  next(): Promise<number> {
    this.#next ??= this.#after(this.#current);
    return this.#next;
  }

  async #after(current: Promise<unknown>): Promise<number> {
    await current;
    this.#next = undefined;
    const call = this.#client.tail();
    this.#current = call.catch(() => undefined);
    return (await call).nextIndex;
  }
}
