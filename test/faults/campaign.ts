/**
 * Carries out a plan: does each fault at its time and heals it after its time.
 *
 * Invariant: once `heal` has resolved, nothing that the plan did lasts.
 */

import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Field } from "./field.js";
import { nemeses, type Harm } from "./nemeses.js";
import type { Fault, FaultKind } from "./plan.js";
import type { Recorder } from "./recorder.js";

export class Campaign {
  /** How many faults of each kind were done. */
  readonly counts = new Map<FaultKind, number>();
  /** Those that last, for people. */
  readonly lasting = new Set<string>();
  readonly #field: Field;
  readonly #recorder: Recorder;
  readonly #underWay: Promise<void>[] = [];
  readonly #over = new AbortController();

  constructor(field: Field, recorder: Recorder) {
    this.#field = field;
    this.#recorder = recorder;
    // Each fault that lasts listens.
    setMaxListeners(0, this.#over.signal);
  }

  /** Runs the plan for its time, or until the signal. Rejects if a fault could not be done or healed. */
  async run(plan: readonly Fault[], durationMs: number, signal: AbortSignal): Promise<void> {
    const beganMs = performance.now();
    const until = async (ms: number): Promise<void> => {
      const leftMs = ms - (performance.now() - beganMs);
      if (leftMs > 0) await wait(leftMs, undefined, { signal });
    };
    for (const fault of plan) {
      await until(fault.atMs);
      this.#underWay.push(this.#carryOut(fault));
      // Whoever waits for it hears of it.
      this.#underWay.at(-1)?.catch(() => undefined);
    }
    await until(durationMs);
  }

  /** Ends all that lasts. */
  async heal(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#underWay);
  }

  async #carryOut(fault: Fault): Promise<void> {
    const harm = await nemeses[fault.kind](fault, this.#field);
    if (harm === undefined) return;
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
    await this.#last(fault, harm);
  }

  async #last({ number, lastsMs }: Fault, { text, heal }: Harm): Promise<void> {
    this.#recorder.note(`fault ${number}: ${text}`);
    this.lasting.add(text);
    await wait(lastsMs, undefined, { signal: this.#over.signal }).catch(() => undefined);
    await heal();
    this.lasting.delete(text);
    this.#recorder.note(`fault ${number} is over`);
  }
}
