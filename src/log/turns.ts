/**
 * Shares the event loop among those who look through many entries.
 *
 * Invariant: in one turn of the event loop one of them works, however many wait; so requests,
 * timers and heartbeats wait for one piece of work at most. They take turns in the order they came.
 */

export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #give = (): void => {
    const next = this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#give);
    next?.();
  };

  /** Resolves when it is the caller's turn to go on with a piece of work. Never rejects. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#give);
    });
  }
}
