/** After faults and clients: upkeep comes to its end too, and leaves nothing behind that nobody needs. */

import { runUntil, untilAppended } from "../recovery.js";
import { must } from "../violation.js";
import type { World } from "../world.js";

/** The slowest clock by which a deleter waits takes so much longer. */
const slowness = 1 / 0.75;

/** Runs until nothing was asked of the store for longer than upkeep ever waits. */
export function untilQuiet(world: World): void {
  const { plan, queue, store } = world;
  if (plan.life === undefined) return;
  const { graceMs, upkeep } = plan.life;
  const quietMs = Math.ceil((2 * graceMs + upkeep.repeatMs) * slowness) + 2 * plan.storeDeadlineMs;
  const boundMs = queue.now + 30 * quietMs + 50 * store.standingCount * plan.storeLatencyMs.max;
  let requests = -1;
  while (store.requestCount !== requests) {
    requests = store.requestCount;
    must(queue.now <= boundMs, "upkeep-unrest", () => "upkeep of a resting log does not end");
    runUntil(world, queue.now + quietMs);
  }
}

/**
 * Whatever may be deleted is, once the log has grown by what makes a manifest: crashes have left nothing
 * for ever.
 */
export function checkLeaks(world: World): void {
  const { plan, life, store } = world;
  if (plan.life === undefined) return;
  // What lands later on a freed name is swept when there is something to do again.
  runUntil(world, store.carrier.lastLandingMs);
  for (let count = 0; count < plan.life.upkeep.checkpointSegments; count++) untilAppended(world);
  untilQuiet(world);
  const { number, floor, archives, checkpoint, snapshots } = life.judge.greatest;
  must(number > 0, "no-manifest", () => "upkeep has written nothing");
  for (let position = 0; position < floor.tail; position++) {
    const gone = store.standing(position) === undefined;
    must(gone, "leak", () => `position ${position} still stands; the floor is ${floor.tail}`);
  }
  const named = new Set(archives.map(({ id }) => id.nonce));
  for (const { id } of snapshots.flatMap(({ parts }) => parts)) named.add(id.nonce);
  if (checkpoint !== undefined) named.add(checkpoint.ledger.id.nonce);
  for (const name of life.objects.names()) {
    const needed =
      name.type === "manifest"
        ? name.number === 0 || name.number === number
        : name.type !== "segment" && (named.has(name.id.nonce) || name.id.manifest > number);
    must(needed, "leak", () => `${JSON.stringify(name)} is never deleted`);
  }
}
