/** What the parts of one core share: its options, its clock, its numbers and its effects. */

import { assert } from "./assert.js";
import type { CoreOptions } from "./options.js";
import type { Effect, RequestId } from "./protocol.js";

export class Context {
  readonly options: CoreOptions;
  /** Ticks since the core was made. */
  now = 0;
  #ageMs: number;
  #effects: Effect[] = [];
  #nextRequest: RequestId = 1;

  constructor(options: CoreOptions) {
    this.options = options;
    this.#ageMs = options.start.ageMs;
  }

  /** The host's age clock, as of the input in hand. */
  get ageMs(): number {
    return this.#ageMs;
  }

  passTo(ageMs: number): void {
    assert(ageMs >= this.#ageMs, "the age clock never moves back");
    this.#ageMs = ageMs;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** The number that the next store request will have: orders requests against reads. */
  get nextRequest(): RequestId {
    return this.#nextRequest;
  }

  newRequest(): RequestId {
    return this.#nextRequest++;
  }
}
