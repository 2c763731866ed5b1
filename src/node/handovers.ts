/** Transfers of leadership that somebody waits for. */

import type { Input, TransferOutcome } from "../core/protocol.js";

/** What a transfer came to, and to whom. */
export interface HandoverEnd {
  readonly outcome: TransferOutcome;
  readonly target: string | undefined;
}

export interface HandoversOptions {
  readonly tickMs: number;
  readonly feed: (input: Input) => void;
}

export class Handovers {
  readonly #options: HandoversOptions;
  /** In the order in which they asked. */
  readonly #waiting: ((end: HandoverEnd) => void)[] = [];

  constructor(options: HandoversOptions) {
    this.#options = options;
  }

  /** Has the core hand over; resolves within about `timeoutMs`. */
  async begin(target: string | undefined, timeoutMs: number): Promise<HandoverEnd> {
    const { tickMs, feed } = this.#options;
    const timeoutTicks = Math.max(1, Math.round(timeoutMs / tickMs));
    return await new Promise((resolve) => {
      this.#waiting.push(resolve);
      feed({ type: "transfer", target, timeoutTicks });
    });
  }

  /** The core says what one of them came to. */
  ended(end: HandoverEnd): void {
    // A second one is refused at once, so it has its answer before the first one ends.
    const resolve = end.outcome === "busy" ? this.#waiting.pop() : this.#waiting.shift();
    resolve?.(end);
  }
}
