/**
 * Makes a failing run short: fewer faults, fewer kinds of trouble, an earlier end, as long as the
 * same rule breaks. Deterministic, and bounded by a number of runs.
 */

import { makePlan, reducedPlan, type Rates, type Reductions } from "./plan.js";
import { run, type RunResult } from "./run.js";
import type { MakeCore } from "./any-core.js";

export interface Shrunk {
  readonly reductions: Reductions;
  readonly result: RunResult;
  readonly runs: number;
}

export interface ShrinkOptions {
  readonly seed: number;
  readonly makeCore: MakeCore;
  readonly failed: RunResult;
  readonly reductions: Reductions;
  readonly runsMax?: number;
}

const eventsMax = 8_000_000;

class Shrinker {
  readonly #seed: number;
  readonly #makeCore: MakeCore;
  readonly #rule: string;
  readonly #runsMax: number;
  #best: Shrunk;
  #runs = 0;
  #events = 0;

  constructor({ seed, makeCore, failed, reductions, runsMax = 200 }: ShrinkOptions) {
    this.#seed = seed;
    this.#makeCore = makeCore;
    this.#rule = failed.violation?.rule ?? "";
    this.#runsMax = runsMax;
    this.#best = { reductions, result: failed, runs: 0 };
  }

  shrink(): Shrunk {
    for (let progress = true; progress;) {
      progress = this.#endEarlier();
      progress = this.#dropFaults() || progress;
      progress = this.#calmRates() || progress;
    }
    return { ...this.#best, runs: this.#runs };
  }

  get #exhausted(): boolean {
    return this.#runs >= this.#runsMax || this.#events >= eventsMax;
  }

  /** Whether the same rule still breaks; keeps the reductions if it does. */
  #fails(change: Reductions): boolean {
    if (this.#exhausted) return false;
    const reductions = { ...this.#best.reductions, ...change };
    const plan = reducedPlan(makePlan(this.#seed), reductions);
    const result = run({ plan, makeCore: this.#makeCore });
    this.#runs += 1;
    this.#events += result.events;
    if (result.violation?.rule !== this.#rule) return false;
    this.#best = { reductions, result, runs: this.#runs };
    return true;
  }

  #endEarlier(): boolean {
    const plan = reducedPlan(makePlan(this.#seed), this.#best.reductions);
    const atMs = this.#best.result.violation?.atMs ?? plan.safetyMs;
    if (atMs < plan.safetyMs) return this.#fails({ untilMs: atMs + 1 });
    return [0, 0.25, 0.5, 0.75, 0.9].some((part) =>
      this.#fails({ untilMs: Math.floor(plan.safetyMs * part) }),
    );
  }

  #dropFaults(): boolean {
    const { faults } = makePlan(this.#seed);
    const untilMs = this.#best.reductions.untilMs ?? Number.POSITIVE_INFINITY;
    let keep = faults
      .map((_, index) => index)
      .filter((index) => this.#best.reductions.keep?.includes(index) ?? true)
      .filter((index) => (faults[index]?.atMs ?? 0) < untilMs);
    const before = keep.length;
    for (let size = Math.max(1, keep.length); size >= 1; size = Math.floor(size / 2)) {
      for (let start = keep.length - size; start > -size; start -= size) {
        const from = Math.max(0, start);
        const without = [...keep.slice(0, from), ...keep.slice(start + size)];
        if (without.length < keep.length && this.#fails({ keep: without })) keep = without;
      }
    }
    return keep.length < before;
  }

  #calmRates(): boolean {
    const { rates } = makePlan(this.#seed);
    let progress = false;
    for (const rate of Object.keys(rates) as (keyof Rates)[]) {
      const calm = this.#best.reductions.calm ?? [];
      if (rates[rate] === 0 || calm.includes(rate)) continue;
      progress = this.#fails({ calm: [...calm, rate] }) || progress;
    }
    return progress;
  }
}

/** Shrinks a failure of a seed. */
export function shrink(options: ShrinkOptions): Shrunk {
  return new Shrinker(options).shrink();
}

/** The command line that replays a reduced run. */
export function replayCommand(seed: number, { keep, untilMs, calm }: Reductions): string {
  const parts = [`npm run sim -- --seed ${seed} --trace`];
  if (keep !== undefined) parts.push(`--keep ${keep.length === 0 ? "none" : keep.join(",")}`);
  if (untilMs !== undefined) parts.push(`--until ${untilMs}`);
  if (calm !== undefined && calm.length > 0) parts.push(`--calm ${calm.join(",")}`);
  return parts.join(" ");
}
