/**
 * One run: a safety phase under faults, then a liveness phase in which the cluster must recover
 * within a bound, then everything that was still on its way lands and it must recover again, then
 * it must rest: an idle cluster makes no store request.
 */

import { mix } from "./content.js";
import { checkHistory } from "./linearizability.js";
import { checkLeaks, untilQuiet } from "./life/rest.js";
import type { Parts } from "./life/parts.js";
import { electionMs, type Plan } from "./plan.js";
import type { HistoryEvent } from "./history.js";
import {
  idleRequestsMax,
  runUntil,
  settle,
  untilLed,
  untilServing,
  untilWhole,
} from "./recovery.js";
import type { Trace } from "./describe.js";
import type { MakeCore } from "./any-core.js";
import { must, Violation } from "./violation.js";
import { World } from "./world.js";

/** What a run came to. */
export interface RunResult {
  readonly seed: number;
  readonly violation: RunViolation | undefined;
  readonly events: number;
  readonly virtualMs: number;
  /** Claims that count: leaderships. */
  readonly elections: number;
  readonly appended: number;
  readonly returned: number;
  readonly unknown: number;
  readonly reads: number;
  readonly repeats: number;
  readonly refusals: number;
  readonly outcomes: number;
  readonly faults: number;
  readonly objects: number;
  readonly historyReads: number;
  readonly leftBehind: number;
  readonly manifests: number;
  readonly ghosts: number;
  /** The longest that the cluster took to serve again, as a part of what it may take. */
  readonly recovery: number;
  /** Of the history: equal for equal runs. */
  readonly digest: string;
}

export interface RunViolation {
  readonly rule: string;
  readonly message: string;
  /** When, in virtual milliseconds. */
  readonly atMs: number;
}

export interface RunOptions {
  readonly plan: Plan;
  readonly makeCore: MakeCore;
  readonly parts?: Parts;
  readonly trace?: Trace;
  /** Takes the whole history at the end. */
  readonly keepHistory?: (events: readonly HistoryEvent[]) => void;
}

function checkRest(world: World): void {
  const { plan, queue, store, checks } = world;
  // What is still under way comes to its end first; a list of members out of limbo may have landed.
  untilLed(world);
  untilWhole(world);
  untilQuiet(world);
  runUntil(world, queue.now + 3 * electionMs(plan) + 2 * plan.storeDeadlineMs);
  const requestsBefore = store.requestCount;
  const electionsBefore = checks.log.valid.length;
  const viewsBefore = world.viewChanges;
  runUntil(world, queue.now + 8 * electionMs(plan));
  const requests = store.requestCount - requestsBefore;
  const requestsMax = idleRequestsMax(world, 8 * electionMs(plan));
  must(
    requests <= requestsMax,
    "idle-cost",
    () => `an idle cluster made ${requests} store requests; ${requestsMax} are to be expected`,
  );
  must(
    world.viewChanges === viewsBefore && checks.log.valid.length === electionsBefore,
    "unrest",
    () => "an idle, healthy cluster changed its leader",
  );
  for (const process of world.living()) {
    must(process.checks.holdsAll, "lagging", () => `${process.name} does not hold the whole log`);
    process.compareLedger();
  }
}

/** Without faults a leader, once elected, stays. */
function checkQuiet(world: World): void {
  const claims = world.checks.log.valid.filter(({ segment }) => segment.type === "claim");
  must(claims.length <= 2, "unrest", () => `${claims.length} leaderships without any fault`);
}

function goThrough(world: World): number {
  const { plan, queue } = world;
  world.begin();
  runUntil(world, plan.safetyMs);
  queue.advanceTo(plan.safetyMs);
  if (plan.profile === "quiet") checkQuiet(world);
  world.heal();
  untilWhole(world);
  const first = untilServing(world);
  settle(world);
  world.mend();
  world.note("everything in limbo lands");
  world.store.landAll();
  const restarted = world.living()[0];
  if (restarted !== undefined) world.replace(restarted);
  const second = untilServing(world);
  settle(world);
  checkRest(world);
  checkLeaks(world);
  world.store.landAll();
  return Math.max(first, second);
}

function attempt(
  world: World,
  keep: RunOptions["keepHistory"],
): [RunViolation | undefined, number] {
  let violation: RunViolation | undefined;
  let recovery = 0;
  try {
    recovery = goThrough(world);
    checkHistory([runEvent(world), ...world.checks.finalHistory()]);
  } catch (error) {
    const atMs = world.queue.now;
    if (error instanceof Violation) {
      violation = { rule: error.rule, message: error.message, atMs };
    } else {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      violation = { rule: "core-throws", message, atMs };
    }
  }
  keep?.([runEvent(world), ...world.checks.finalHistory()]);
  return [violation, recovery];
}

function runEvent({ plan }: World): HistoryEvent {
  const { seed, nodes, ledgerBounds: bounds } = plan;
  return { type: "run", seed, nodes: nodes.map(({ nodeId }) => nodeId), bounds };
}

function digestOfHistory(events: readonly HistoryEvent[]): string {
  let digest = 0;
  for (const event of events) {
    if (!("t" in event && "op" in event)) continue;
    digest = mix(mix(mix(digest, event.type.charCodeAt(0)), event.t), event.op);
    if (event.type === "appended") digest = mix(digest, event.firstIndex);
    if (event.type === "answered") digest = mix(digest, event.answer.type.length);
    if (event.type === "outcome") digest = mix(digest, event.outcome.type.length);
    if (event.type === "read") digest = mix(mix(digest, event.nextIndex), event.digest ?? 0);
  }
  return digest.toString(16).padStart(8, "0");
}

/** Runs a plan. The same plan and core give the same result. */
export function run(options: RunOptions): RunResult {
  const { plan, makeCore, parts, trace, keepHistory } = options;
  const world = new World({ plan, makeCore, ...(parts && { parts }), ...(trace && { trace }) });
  const [violation, recovery] = attempt(world, keepHistory);
  const { checks, queue } = world;
  const { appended, returned, unknown, reads, historyReads, leftBehind } = checks.tally;
  const { repeats, refusals, outcomes } = checks.tally;
  return {
    seed: plan.seed,
    violation,
    events: queue.processed,
    virtualMs: queue.now,
    elections: checks.log.valid.filter(({ segment }) => segment.type === "claim").length,
    appended,
    returned,
    unknown,
    reads,
    repeats,
    refusals,
    outcomes,
    faults: world.faultsBegun,
    objects: checks.log.objects.filter((object) => object !== undefined).length,
    historyReads,
    leftBehind,
    manifests: world.life.judge.greatest.number,
    ghosts: world.store.ghostCount,
    recovery,
    digest: digestOfHistory(checks.history),
  };
}
