/** After faults: how long until the cluster serves again, and does everything open come to an end? */

import type { SimAppend } from "./content.js";
import { electionMs, tickMs } from "./plan.js";
import type { SimProcess } from "./sim-process.js";
import { must, Violation } from "./violation.js";
import type { World } from "./world.js";

/** Runs until a virtual time. */
export function runUntil(world: World, untilMs: number): void {
  while (world.queue.runNext(untilMs));
  world.queue.advanceTo(untilMs);
}

/**
 * Within this long after the last fault a cluster elects, commits and serves reads: forty election
 * timeouts, and the requests that were under way end first, a slow store is waited for, and a fresh
 * node reads the whole log.
 */
export function recoveryBoundMs(world: World): number {
  const { plan, checks } = world;
  const { storeDeadlineMs, storeLatencyMs, settings } = plan;
  const storeTimeoutMs = settings.storeTimeoutTicks * 100;
  const requests = checks.log.objects.length * (1 + requestsToAccept(world));
  const readMs = (requests * storeLatencyMs.max) / settings.readAhead;
  return (
    40 * electionMs(plan) +
    4 * storeDeadlineMs +
    60 * storeLatencyMs.max +
    4 * storeTimeoutMs +
    4 * settings.leaseTicks * tickMs +
    readMs
  );
}

/** With a short grace each answer waits for a manifest read: so many requests, one after the other. */
function requestsToAccept({ plan, life }: World): number {
  if (plan.life === undefined) return 0;
  const manifests = life.objects.names().filter(({ type }) => type === "manifest");
  return 2 + Math.ceil(manifests.length / plan.life.pageItems);
}

/**
 * Appends and reads until an append has been acknowledged and every node that should be up has
 * served a read that began after it. Returns how long that took, as a part of the bound.
 */
export function untilServing(world: World): number {
  const { queue } = world;
  const beganMs = queue.now;
  const boundMs = beganMs + recoveryBoundMs(world);
  const acknowledged = untilAcknowledged(world, boundMs);
  must(acknowledged, "liveness", () => `no append is acknowledged within ${boundMs - beganMs} ms`);
  const served = untilServed(world, boundMs);
  must(served, "liveness", () => `a node serves no read within ${boundMs - beganMs} ms`);
  return (queue.now - beganMs) / (boundMs - beganMs);
}

function untilServed(world: World, boundMs: number): boolean {
  const { queue, clients } = world;
  const asked = new Map<SimProcess, number>();
  const askedReaders = new Map<SimProcess, number>();
  while (queue.now <= boundMs) {
    let servedCount = 0;
    for (const process of world.serving().filter(({ started }) => started)) {
      const readId = asked.get(process);
      if (readId !== undefined && process.checks.served(readId)) servedCount += 1;
      else if (process.checks.openReadCount === 0) asked.set(process, clients.readAt(process));
    }
    const readersServed = world.readers?.served(askedReaders) ?? true;
    if (servedCount === world.servingCount && readersServed) return true;
    runUntil(world, queue.now + 50);
  }
  return false;
}

/** Appends until another append is acknowledged. */
export function untilAppended(world: World): void {
  const acknowledged = untilAcknowledged(world, world.queue.now + recoveryBoundMs(world));
  must(acknowledged, "liveness", () => "no append is acknowledged");
}

function untilAcknowledged(world: World, boundMs: number): boolean {
  const { queue, clients } = world;
  const tried: SimAppend[] = [];
  while (queue.now <= boundMs) {
    if (tried.some((append) => append.fate === "committed")) return true;
    // Also to a leader that does not reach the store: only so can it notice.
    const leaders = world.living().filter((process) => process.role === "leader");
    for (const leader of leaders) {
      if (leader.checks.openAppendCount < 5) tried.push(clients.appendTo(leader));
    }
    runUntil(world, queue.now + 50);
  }
  return false;
}

/**
 * The operator makes the cluster whole: all nodes are voters. A node is forced to lead where the last
 * list leaves none that can.
 */
export function untilWhole(world: World): void {
  const { queue, operator, plan } = world;
  if (operator === undefined) return;
  const boundMs = queue.now + 2 * recoveryBoundMs(world);
  for (let turns = 1; queue.now <= boundMs; turns++) {
    if (operator.makeWhole()) return;
    runUntil(world, queue.now + electionMs(plan));
    const leads = world.serving().some(({ role }) => role === "leader");
    const [first] = world.serving();
    if (!leads && first !== undefined && turns % 10 === 0) operator.force(first);
  }
  throw new Violation("liveness", "the members could not be made whole");
}

/**
 * What an idle cluster may ask of the store: nothing; but a leader that a voter does not answer renews its lease, each
 * time after a look, and deletes an old one.
 */
export function idleRequestsMax({ plan }: World, forMs: number): number {
  const { leaseTicks } = plan.settings;
  if (leaseTicks === 0 || plan.absent.length === 0) return 0;
  const ticks = (1.2 * forMs) / tickMs;
  return 3 * Math.ceil((3 * ticks) / leaseTicks + 1);
}

/** Runs until one node leads and every other knows it. */
export function untilLed(world: World): void {
  const { queue } = world;
  const boundMs = queue.now + recoveryBoundMs(world);
  while (queue.now <= boundMs) {
    const living = world.living();
    const leader = living.find((process) => process.role === "leader");
    if (leader !== undefined && living.every(({ leaderId }) => leaderId === leader.nodeId)) return;
    runUntil(world, queue.now + 100);
  }
  throw new Violation("liveness", "no leader that all know is elected");
}

/** Every append gets its fate and every read its answer. */
export function settle(world: World): void {
  const { queue } = world;
  const boundMs = queue.now + recoveryBoundMs(world);
  while (queue.now <= boundMs) {
    const open = world
      .serving()
      .some(
        ({ checks }) =>
          checks.openAppendCount + checks.openReadCount + checks.openTransferCount > 0,
      );
    if (!open) return;
    runUntil(world, queue.now + 100);
  }
  for (const { checks, name } of world.serving()) {
    must(checks.openAppendCount === 0, "no-fate", () => `${name} leaves appends without a fate`);
    must(checks.openReadCount === 0, "no-answer", () => `${name} leaves reads without an answer`);
    must(checks.openTransferCount === 0, "no-answer", () => `${name} leaves a transfer open`);
  }
}
