/**
 * Readers of the store that are no nodes: the production core, of which nobody knows and which speaks
 * to nobody. They look for the tail themselves, sleep, and wake up when the log has gone on without them.
 *
 * Invariant: a reader writes nothing and sends nothing.
 */

import type { EventQueue } from "./event-queue.js";
import type { ReadersPlan } from "./plan.js";
import type { Random } from "./random.js";
import type { RunChecks } from "./run-checks.js";
import { SimProcess } from "./sim-process.js";
import type { Surroundings } from "./surroundings.js";

export interface StoreReadersOptions {
  readonly plan: ReadersPlan;
  /** How many nodes there are: readers are numbered after them. */
  readonly nodeCount: number;
  readonly random: Random;
  readonly queue: EventQueue;
  readonly checks: RunChecks;
  readonly surroundings: () => Surroundings;
}

/** How long somebody takes to start a reader again. */
const downMs = 500;

export class StoreReaders {
  readonly #options: StoreReadersOptions;
  /** By their numbers. */
  readonly #processes: SimProcess[] = [];
  #serials = 0;
  #healed = false;

  constructor(options: StoreReadersOptions) {
    this.#options = options;
  }

  /** All that live. */
  get processes(): readonly SimProcess[] {
    return this.#processes.filter(({ alive }) => alive);
  }

  begin(): void {
    for (let number = 0; number < this.#options.plan.count; number++) this.#start(number);
    this.#act();
  }

  /** Each goes on, or begins anew where it was dead or at fault. */
  heal(): void {
    this.#healed = true;
    for (const [number, process] of this.#processes.entries()) {
      process.crashAfter(undefined);
      if (process.alive && !process.faulted) process.resume();
      else this.#start(number);
    }
  }

  /** Whether each has served a read that was begun since this was first asked. */
  served(asked: Map<SimProcess, number>): boolean {
    const left = this.processes.filter((process) => {
      const readId = asked.get(process);
      if (readId !== undefined && process.checks.served(readId)) return false;
      if (process.started && process.checks.openReadCount === 0) {
        asked.set(process, this.#readAt(process));
      }
      return true;
    });
    return left.length === 0;
  }

  #readAt(process: SimProcess): number {
    const readId = this.#options.checks.nextOperation();
    process.read(readId);
    return readId;
  }

  /** One of them does something, or something happens to it, again and again. */
  #act(): void {
    const { plan, random, queue } = this.#options;
    queue.after(random.within(plan.betweenMs), () => {
      if (this.#healed) return;
      const process = random.pick(this.#processes);
      if (random.chance(plan.sleepShare)) this.#befall(process);
      else if (process.alive && process.started && !process.faulted) this.#use(process);
      this.#act();
    });
  }

  #use(process: SimProcess): void {
    const { random, queue } = this.#options;
    if (random.chance(0.2)) return process.readHistory();
    const readId = this.#readAt(process);
    if (!random.chance(0.1)) return;
    queue.after(random.within({ min: 0, max: 100 }), () => process.cancelRead(readId));
  }

  #befall(process: SimProcess): void {
    const { plan, random, queue } = this.#options;
    const number = this.#processes.indexOf(process);
    if (random.chance(0.2) || process.faulted) {
      process.crash();
      queue.after(downMs, () => this.#startIfDown(number));
    } else if (!process.paused && random.chance(0.8)) {
      process.pause();
      queue.after(random.within(plan.sleepMs), () => process.resume());
    } else {
      process.jumpAge(random.within(plan.sleepMs));
    }
  }

  #startIfDown(number: number): void {
    if (this.#processes[number]?.alive !== true) this.#start(number);
  }

  #start(number: number): void {
    const { nodeCount, random, surroundings } = this.#options;
    this.#processes[number]?.crash();
    this.#serials += 1;
    const nodePlan = { nodeId: `r${number + 1}`, window: 1, tickMs: 100, clockOffsetMs: 0 };
    const process = new SimProcess(surroundings(), {
      // Never a node's.
      serial: 1_000_000 + this.#serials,
      node: nodeCount + number,
      nodePlan,
      incarnation: random.hex(),
      random: random.fork("process"),
      copied: false,
      isReader: true,
    });
    this.#processes[number] = process;
  }
}
