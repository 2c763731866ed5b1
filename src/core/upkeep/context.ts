/** What the parts of upkeep share: its options, its clock, its numbers and its effects. */

import { assert } from "../assert.js";
import type { RequestId } from "../protocol.js";
import type { UpkeepClock, UpkeepEffect, UpkeepOptions } from "./protocol.js";

export class UpkeepContext {
  readonly options: UpkeepOptions;
  #clock: UpkeepClock = { ageMs: 0, leastMs: 0 };
  #effects: UpkeepEffect[] = [];
  #nextRequest: RequestId = 1;

  constructor(options: UpkeepOptions) {
    this.options = options;
  }

  get leads(): boolean {
    return this.options.log.view.role === "leader";
  }

  /** What upkeep waits by. */
  get nowMs(): number {
    return this.#clock.leastMs;
  }

  passTo(clock: UpkeepClock): void {
    const { ageMs, leastMs } = this.#clock;
    assert(clock.ageMs >= ageMs && clock.leastMs >= leastMs, "upkeep's clocks never move back");
    this.#clock = clock;
  }

  emit(effect: UpkeepEffect): void {
    this.#effects.push(effect);
  }

  takeEffects(): readonly UpkeepEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  newRequest(): RequestId {
    return this.#nextRequest++;
  }
}
