/** The simulated network: messages are delayed, lost, doubled, reordered and cut off. */

import type { Message } from "../../src/core/protocol.js";
import type { Conditions } from "./conditions.js";
import type { EventQueue } from "./event-queue.js";
import type { Plan } from "./plan.js";
import type { Random } from "./random.js";

export interface SimNetworkOptions {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly plan: Plan;
  readonly conditions: Conditions;
}

/** Carries messages between nodes. */
export class SimNetwork {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #conditions: Conditions;
  #calm = false;

  constructor(options: SimNetworkOptions) {
    this.#queue = options.queue;
    this.#random = options.random;
    this.#plan = options.plan;
    this.#conditions = options.conditions;
  }

  /** From now on every message arrives once, soon; those still under way are lost. */
  calm(): void {
    this.#calm = true;
  }

  /** Sends a message. `deliver` runs never, once or twice. */
  send(from: number, to: number, message: Message, deliver: (message: Message) => void): void {
    const { rates } = this.#plan;
    if (!this.#calm && this.#random.chance(rates.networkLoss)) return;
    const calm = this.#calm;
    const copies = !this.#calm && this.#random.chance(rates.networkDuplicated) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#queue.after(this.#delayMs(), () => {
        if (calm === this.#calm && this.#conditions.linked(from, to)) deliver(message);
      });
    }
  }

  #delayMs(): number {
    const delayMs = this.#random.within(this.#plan.networkDelayMs);
    if (this.#calm || !this.#random.chance(this.#plan.rates.networkStraggler)) return delayMs;
    return delayMs + Math.ceil(20_000 * this.#random.next() ** 3);
  }
}
