/**
 * Carries requests to the simulated store and answers back: late, lost, doubled, or never. What it
 * means to arrive, whoever sends it says.
 */

import type { Conditions } from "./conditions.js";
import type { EventQueue } from "./event-queue.js";
import type { Plan, Rates } from "./plan.js";
import type { Random } from "./random.js";

export interface CarrierOptions {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly plan: Plan;
  readonly conditions: Conditions;
}

export class Carrier {
  readonly random: Random;
  readonly #queue: EventQueue;
  readonly #plan: Plan;
  readonly #conditions: Conditions;
  #calm = false;
  #requestCount = 0;
  /** Changes that are somewhere on their way, by the name of what they change. */
  #limbo = new Map<string, (() => void)[]>();
  #lastLandingMs = 0;

  constructor(options: CarrierOptions) {
    this.random = options.random;
    this.#queue = options.queue;
    this.#plan = options.plan;
    this.#conditions = options.conditions;
  }

  /** Requests, ever. */
  get requestCount(): number {
    return this.#requestCount;
  }

  countRequest(): void {
    this.#requestCount += 1;
  }

  /** From now on every request is served and answered; what is in limbo stays there. */
  calm(): void {
    this.#calm = true;
  }

  happens(rate: keyof Rates): boolean {
    return !this.#calm && this.random.chance(this.#plan.rates[rate]);
  }

  /** Half a request's time. */
  latency(node: number): number {
    const straggles = this.happens("storeStraggler") ? 20 : 1;
    const whole = this.random.within(this.#plan.storeLatencyMs);
    return Math.ceil((whole / 2) * straggles * this.#conditions.slowness(node));
  }

  /** When the last change arrives that is under way and not in limbo. */
  get lastLandingMs(): number {
    return this.#lastLandingMs;
  }

  /** The change arrives after half a request's time. */
  deliver(node: number, effect: () => void): void {
    const delayMs = this.latency(node);
    this.#lastLandingMs = Math.max(this.#lastLandingMs, this.#queue.now + delayMs);
    this.#queue.after(delayMs, effect);
  }

  /** A request that changes nothing. It may never be answered. */
  ask<T>(node: number, look: () => T, answer: (result: T | "unavailable") => void): void {
    this.#requestCount += 1;
    const outage = this.#conditions.outage(node);
    if (outage === "silent") return;
    if (outage !== undefined || this.happens("storeGetFailed")) {
      if (this.random.chance(0.5)) {
        this.#queue.after(this.latency(node), () => answer("unavailable"));
      }
      return;
    }
    this.#queue.after(this.latency(node), () => {
      const result = look();
      this.#queue.after(this.latency(node), () => answer(result));
    });
  }

  /**
   * A request that changes what has the name: it may take effect at any later time, twice, or never,
   * however it is answered.
   */
  change<T>(
    node: number,
    name: string,
    effect: () => T,
    answer: (result: T | "unknown" | "refused") => void,
  ): void {
    this.#requestCount += 1;
    const outage = this.#conditions.outage(node);
    const silent = (): void => void effect();
    const answered = (): void => {
      const result = effect();
      this.#queue.after(this.latency(node), () => answer(result));
    };
    if (outage === "refusing" || this.happens("storeRefused")) {
      this.#queue.after(this.latency(node), () => answer("refused"));
    } else if (outage === "silent") {
      if (this.random.chance(0.5)) this.#strand(name, silent);
    } else if (outage === "failing" || this.happens("storeError")) {
      this.#queue.after(this.latency(node), () => answer("unknown"));
      if (this.random.chance(0.4)) this.#strand(name, silent);
      else if (this.random.chance(0.5)) this.deliver(node, silent);
    } else if (this.happens("storeLimbo")) {
      this.#strand(name, answered);
    } else if (this.happens("storeReplyLost")) {
      this.deliver(node, silent);
    } else {
      this.deliver(node, answered);
      if (this.happens("storeDuplicated")) {
        if (this.random.chance(0.5)) this.#strand(name, silent);
        else this.deliver(node, silent);
      }
    }
  }

  /** One of the changes in limbo of what has the name takes effect now, if that is what hurts. */
  ambush(name: string): void {
    const stranded = this.#limbo.get(name);
    if (stranded === undefined || !this.happens("storeAmbush")) return;
    this.#land(name, this.random.pick(stranded));
  }

  /** Everything in limbo takes effect at once. */
  landAll(): void {
    const stranded = this.random.shuffled([...this.#limbo.values()].flat());
    this.#limbo = new Map();
    for (const effect of stranded) effect();
  }

  #strand(name: string, effect: () => void): void {
    const stranded = this.#limbo.get(name);
    if (stranded === undefined) this.#limbo.set(name, [effect]);
    else stranded.push(effect);
    if (!this.random.chance(0.5)) return;
    const delayMs = Math.ceil(this.#plan.storeDeadlineMs * 8 * this.random.next() ** 3);
    this.#queue.after(delayMs, () => this.#land(name, effect));
  }

  #land(name: string, effect: () => void): void {
    const stranded = this.#limbo.get(name);
    const at = stranded?.indexOf(effect) ?? -1;
    if (stranded === undefined || at < 0) return;
    stranded.splice(at, 1);
    if (stranded.length === 0) this.#limbo.delete(name);
    effect();
  }
}
