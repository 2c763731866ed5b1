/**
 * What one process has to do with the log's past: it starts from a manifest, tells its core how old answers
 * are, does upkeep, and reads history.
 */

import type { CoreStart } from "../../../src/core/options.js";
import type { LedgerOutcome, ManifestView } from "../../../src/core/manifest.js";
import type { UpkeepLog } from "../../../src/core/upkeep/protocol.js";
import type { EventQueue } from "../event-queue.js";
import type { Random } from "../random.js";
import type { RunChecks } from "../run-checks.js";
import type { SimStore } from "../sim-store.js";
import { must } from "../violation.js";
import { ProcessClocks } from "./clocks.js";
import type { ClockRates } from "./clocks.js";
import { HistoryReader } from "./history-reader.js";
import type { LifePlan } from "./life-plan.js";
import type { ManifestChecks } from "./manifest-checks.js";
import type { SimObjects } from "./objects.js";
import type { Parts } from "./parts.js";
import { ProcessStore } from "./process-store.js";
import { SnapshotPutter } from "./snapshot-putter.js";
import { UpkeepChecks } from "./upkeep-checks.js";
import { UpkeepHost } from "./upkeep-host.js";

/** What all processes of a run share. */
export interface LifeWorld {
  /** Undefined in a run in which nothing is ever written about the past. */
  readonly plan: LifePlan | undefined;
  readonly founding: ManifestView;
  readonly parts: Parts;
  readonly objects: SimObjects;
  readonly judge: ManifestChecks;
}

export interface ProcessLifeOptions {
  readonly world: LifeWorld;
  readonly name: string;
  readonly node: number;
  readonly queue: EventQueue;
  readonly store: SimStore;
  readonly checks: RunChecks;
  readonly deadlineMs: number;
  readonly random: Random;
  readonly trace: ((line: string) => void) | undefined;
  /** It does no upkeep. */
  readonly readsOnly: boolean;
  readonly whenRunning: (action: () => void) => void;
  readonly lives: () => boolean;
  readonly knownEnd: () => number;
  readonly mayBeDamaged: () => boolean;
}

const trueClocks = { age: 1, least: 1 };

/** A reader's clocks are as wrong as some node's. */
function clocksOf(plan: LifePlan | undefined, node: number): ClockRates {
  return plan?.clocks[node % plan.clocks.length] ?? trueClocks;
}

export class ProcessLife {
  readonly clocks: ProcessClocks;
  readonly #options: ProcessLifeOptions;
  readonly #requests: ProcessStore;
  #upkeep: UpkeepHost | undefined;
  #history: HistoryReader | undefined;
  #snapshots: SnapshotPutter | undefined;

  constructor(options: ProcessLifeOptions) {
    this.#options = options;
    const { world, node, queue, deadlineMs, whenRunning } = options;
    const { objects, parts, plan } = world;
    this.clocks = new ProcessClocks(queue, clocksOf(plan, node));
    this.#requests = new ProcessStore({ node, objects, parts, queue, deadlineMs, whenRunning });
  }

  /** Finds what a core is to start from; tries for as long as it takes. */
  boot(done: (start: CoreStart) => void): void {
    const { world } = this.#options;
    if (world.plan === undefined) {
      return done({ manifest: world.founding, ledger: undefined, ageMs: this.clocks.ageMs });
    }
    const { ageMs } = this.clocks;
    this.#requests.readManifest((read) => {
      if (read.type !== "found") return this.#bootLater(done);
      const { manifest } = read;
      if (manifest.checkpoint === undefined) return done({ manifest, ledger: undefined, ageMs });
      this.#requests.readLedger(manifest.checkpoint, (got) => {
        if (got.type !== "found") return this.#bootLater(done);
        done({ manifest, ledger: got.ledger, ageMs });
      });
    });
  }

  #bootLater(done: (start: CoreStart) => void): void {
    const { queue, whenRunning } = this.#options;
    queue.after(200, () => whenRunning(() => this.boot(done)));
  }

  /** The core runs: upkeep and reads of the past begin. */
  begin(core: UpkeepLog, start: CoreStart): void {
    const { world, random, readsOnly, ...rest } = this.#options;
    const { plan, parts, objects, judge } = world;
    if (plan === undefined) return;
    const nonces = random.fork("upkeep");
    const log = {
      get walk() {
        return core.walk;
      },
      get view() {
        return plan.everybody ? ({ role: "leader" } as const) : core.view;
      },
      get ledger() {
        return core.ledger;
      },
    };
    const { clocks } = this;
    const shared = { ...rest, clocks, objects, requests: this.#requests };
    this.#history = new HistoryReader({
      ...shared,
      parts,
      judge,
      random: random.fork("history"),
      start,
      tail: () => core.walk.tail,
    });
    if (readsOnly) return;
    this.#upkeep = new UpkeepHost({
      ...shared,
      upkeep: parts.upkeep({ settings: plan.upkeep, log, nonce: () => nonces.hex() }),
      checks: new UpkeepChecks(rest.name),
    });
    this.#snapshots = new SnapshotPutter({
      ...shared,
      judge,
      upkeep: this.#upkeep,
      random: random.fork("snapshots"),
      nextIndex: () => core.walk.nextIndex,
    });
    this.#upkeep.give({ type: "tick" });
  }

  tick(): void {
    this.#upkeep?.give({ type: "tick" });
  }

  readHistory(): void {
    this.#history?.read();
    if (this.#options.random.chance(0.1)) this.#snapshots?.put();
  }

  readManifest(...given: Parameters<ProcessStore["readManifest"]>): void {
    this.#requests.readManifest(...given);
  }

  readLedger({ checkpoint }: ManifestView, done: (outcome: LedgerOutcome) => void): void {
    must(checkpoint !== undefined, "no-checkpoint", () => "reads a ledger that is not named");
    this.#requests.readLedger(checkpoint, done);
  }
}
