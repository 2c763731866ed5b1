/**
 * The simulated clients: appends of one and many entries, bursts, reads, to any node; a retry
 * after "returned" is another append with another number, after "unknown" there is none.
 */

import { makeAppend, type SimAppend } from "./content.js";
import { LedgerClients } from "./ledger/ledger-clients.js";
import type { ClientPlan, LedgerPlan, Rates } from "./plan.js";
import type { Random } from "./random.js";
import type { RunChecks } from "./run-checks.js";
import type { SimProcess } from "./sim-process.js";
import type { EventQueue } from "./event-queue.js";

export interface ClientOptions {
  readonly plan: ClientPlan;
  readonly rates: Rates;
  readonly random: Random;
  readonly queue: EventQueue;
  readonly checks: RunChecks;
  /** How the ledger is used, if it is. */
  readonly ledger: LedgerPlan | undefined;
  /** Processes that take calls at the moment. */
  readonly processes: () => readonly SimProcess[];
}

/** All clients of a run. */
export class Clients {
  readonly #options: ClientOptions;
  readonly #retries = new Set<SimAppend>();
  readonly #ledgerClients: LedgerClients | undefined;
  #busy = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { plan, ledger, random, checks } = options;
    if (ledger === undefined) return;
    this.#ledgerClients = new LedgerClients({
      plan: ledger,
      clients: plan,
      random: random.fork("ledger"),
      checks,
      target: () => this.#target(),
    });
  }

  start(): void {
    this.#busy = true;
    this.#next();
  }

  stop(): void {
    this.#busy = false;
  }

  /** An append came back: certainly not in the log. */
  returned(append: SimAppend): void {
    const { random, plan, queue } = this.#options;
    // The others see to their own.
    if (append.ended !== undefined) return;
    if (!this.#busy || !random.chance(plan.retryShare) || this.#retries.size > 50) return;
    this.#retries.add(append);
    queue.after(random.within({ min: 1, max: 300 }), () => {
      this.#retries.delete(append);
      const target = this.#target();
      if (!this.#busy || target === undefined) return;
      const { entryCount, sizeBytes } = append;
      target.append([this.#make(target, entryCount, sizeBytes)]);
    });
  }

  /** One append of one entry. */
  appendTo(process: SimProcess): SimAppend {
    const append = this.#make(process, 1, 1);
    process.append([append]);
    return append;
  }

  /** One read; its number. */
  readAt(process: SimProcess): number {
    const readId = this.#options.checks.nextOperation();
    process.read(readId);
    return readId;
  }

  #next(): void {
    const { random, plan, queue } = this.#options;
    queue.after(random.within(plan.betweenMs), () => {
      if (!this.#busy) return;
      this.#act();
      this.#next();
    });
  }

  #act(): void {
    const { random, plan, rates, queue, ledger } = this.#options;
    if (ledger !== undefined && random.chance(ledger.share)) return this.#ledgerClients?.act();
    const process = this.#target();
    if (process === undefined) return;
    // A copied machine's claim may stand before the machine sends it: its reads prove nothing.
    if (random.chance(plan.readShare) && !process.copied) {
      const readId = this.readAt(process);
      if (random.chance(rates.clientCancels)) {
        queue.after(random.within({ min: 0, max: 100 }), () => process.cancelRead(readId));
      }
      return;
    }
    const count = random.chance(plan.burstShare) ? 1 + random.below(plan.burstMax) : 1;
    const appends: SimAppend[] = [];
    for (let made = 0; made < count; made++) {
      const entries = 1 + random.below(plan.entriesMax);
      appends.push(this.#make(process, entries, random.within(plan.appendBytes)));
    }
    process.append(appends);
  }

  /** Whoever says that it leads, or anybody; mostly nobody while nobody leads. */
  #target(): SimProcess | undefined {
    const { random, plan, processes } = this.#options;
    const all = processes();
    if (all.length === 0) return undefined;
    const leaders = all.filter((process) => process.role === "leader");
    if (leaders.length === 0) return random.chance(0.1) ? random.pick(all) : undefined;
    return random.pick(random.chance(plan.toLeaderShare) ? leaders : all);
  }

  #make(process: SimProcess, entryCount: number, sizeBytes: number): SimAppend {
    const id = this.#options.checks.nextOperation();
    return makeAppend(id, process.serial, { entryCount, sizeBytes });
  }
}
