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
  /** Nodes of which nothing arrives. */
  readonly #hanging = new Set<number>();
  /** What waits for a name to be freed. */
  readonly #awaiting = new Map<string, Set<() => void>>();

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
    this.#hanging.clear();
  }

  /** What is under way from the node hangs from now on: it arrives when it has long been given up. */
  hang(node: number): void {
    this.#hanging.add(node);
  }

  release(node: number): void {
    this.#hanging.delete(node);
  }

  /** Does something just as the name is freed, or after a while. */
  onceFreed(name: string, whileMs: number, action: () => void): void {
    const awaiting = this.#awaiting.get(name) ?? new Set();
    this.#awaiting.set(name, awaiting);
    const once = (): void => {
      if (awaiting.delete(once)) action();
    };
    awaiting.add(once);
    this.#queue.after(whileMs, once);
  }

  /** Whether something waits for the name to be freed. */
  isAwaited(name: string): boolean {
    return (this.#awaiting.get(name)?.size ?? 0) > 0;
  }

  /** What has the name was deleted just now. */
  freed(name: string): void {
    for (const action of this.#awaiting.get(name) ?? []) action();
    this.#awaiting.delete(name);
  }

  /** The create of a name that was taken: a duplicate of it may land as soon as the name is freed. */
  cameTooLate(name: string, effect: () => void): void {
    if (!this.happens("storeGhost")) return;
    this.onceFreed(name, this.#plan.safetyMs, effect);
  }

  /** A request about the name arrives long after it was given up; or just as the name is freed. */
  arriveLate(name: string, effect: () => void): void {
    const delayMs = Math.ceil(this.#plan.storeDeadlineMs * (1 + 7 * this.random.next()));
    this.#lastLandingMs = Math.max(this.#lastLandingMs, this.#queue.now + delayMs);
    this.onceFreed(name, delayMs, effect);
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

  /** When the last request arrives that is under way and not in limbo. */
  get lastLandingMs(): number {
    return this.#lastLandingMs;
  }

  /** The request arrives after half its time; or late, if by then what comes from the node hangs. */
  arrive(node: number, name: string, effect: () => void): void {
    const delayMs = this.latency(node);
    this.#lastLandingMs = Math.max(this.#lastLandingMs, this.#queue.now + delayMs);
    this.#queue.after(delayMs, () => {
      if (this.#hanging.has(node)) this.arriveLate(name, effect);
      else effect();
    });
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
      else if (this.random.chance(0.5)) this.arrive(node, name, silent);
    } else if (this.happens("storeLimbo")) {
      this.#strand(name, answered);
    } else if (this.happens("storeReplyLost")) {
      this.arrive(node, name, silent);
    } else {
      this.arrive(node, name, answered);
      if (this.happens("storeDuplicated")) {
        if (this.random.chance(0.5)) this.#strand(name, silent);
        else this.arrive(node, name, silent);
      }
    }
  }

  /** One of the changes in limbo of what has the name takes effect now, if that is what hurts. */
  ambush(name: string, rate: "storeAmbush" | "storeGhost"): void {
    const stranded = this.#limbo.get(name);
    if (stranded === undefined || !this.happens(rate)) return;
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
