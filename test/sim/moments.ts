/** What is to be done at a moment at which a process knows what is soon of the past. */

import type { Moment } from "./faults.js";

/** What a process waits for. */
export interface UnderWay {
  readonly creates: boolean;
  readonly gets: boolean;
  readonly leads: boolean;
}

export class Moments {
  readonly #once = new Map<Moment, () => boolean>();

  /** Does something at such a moment, at each until that returns true. */
  once(moment: Moment, action: () => boolean): void {
    this.#once.set(moment, action);
  }

  /** No more of that. */
  clear(): void {
    this.#once.clear();
  }

  /** Nobody is misled unless other answers are still to come. */
  reached(moment: Moment, { creates, gets, leads }: UnderWay): void {
    const awaits = creates || (gets && !leads);
    if (moment !== "list" && !awaits) return;
    if (this.#once.get(moment)?.() === true) this.#once.delete(moment);
  }
}
