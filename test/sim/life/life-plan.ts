/** What a run about the log's past decides before it starts. */

import type { UpkeepSettings } from "../../../src/core/upkeep/protocol.js";
import type { Random, Range } from "../random.js";
import type { ClockRates } from "./clocks.js";

export interface LifePlan {
  /** What most faults are: any, sleep, or sleep from the worst moment on while others do upkeep in haste. */
  readonly bent: "any" | "sleepers" | "dozers";
  /** `G`: about as long as things take, so that many sleep through it. */
  readonly graceMs: number;
  readonly upkeep: UpkeepSettings;
  /** Whether every node does upkeep, whether it leads or not. */
  readonly everybody: boolean;
  /** How many names a page of a listing has at most. */
  readonly pageItems: number;
  /** By node. */
  readonly clocks: readonly ClockRates[];
  /** Between two reads of the log's past. */
  readonly historyBetweenMs: Range;
}

/** Any two clocks run within a factor of two. */
const slow = 0.75;
const fast = 2 * slow;

const clockRates: readonly ClockRates[] = [
  { age: slow, least: slow },
  { age: fast, least: fast },
  { age: fast, least: slow },
  { age: 1, least: 1 },
];

export interface LifeFrame {
  readonly nodeCount: number;
  readonly electionTimeoutMs: number;
  readonly storeLatencyMs: Range;
}

export function makeLifePlan(random: Random, frame: LifeFrame): LifePlan {
  const { nodeCount, electionTimeoutMs, storeLatencyMs } = frame;
  const graceMs = random.pick([
    // No longer than some requests take.
    ...[3, 10].map((requests) => requests * storeLatencyMs.max),
    // No longer than elections do.
    ...[0.7, 1.5, 3, 6].map((elections) => elections * electionTimeoutMs),
  ]);
  const bent = random.pick(["any", "sleepers", "dozers", "dozers"] as const);
  return {
    bent,
    graceMs: Math.ceil(graceMs),
    upkeep: makeUpkeep(random, bent === "dozers"),
    everybody: random.chance(bent === "dozers" ? 0.7 : 0.4),
    pageItems: random.pick([1, 2, 5, 100]),
    clocks: makeClocks(random, nodeCount),
    historyBetweenMs: { min: 10, max: random.pick([200, 1_000]) },
  };
}

function makeUpkeep(random: Random, hasty: boolean): UpkeepSettings {
  if (hasty) {
    return {
      checkpointSegments: 3,
      archiveBytesMin: 1,
      archiveSegmentsMin: 1,
      archiveBytesMax: 20_000,
      keptSegments: 0,
      repeatMs: random.within({ min: 10, max: 100 }),
      deletesMax: 16,
      snapshotsKept: 2,
    };
  }
  const archiving = random.chance(0.7);
  return {
    checkpointSegments: random.pick([3, 8, 20, 50]),
    archiveBytesMin: random.pick(archiving ? [1, 300] : [300, 2_000, 10_000]),
    archiveSegmentsMin: random.pick(archiving ? [1, 3] : [3, 10, 30]),
    archiveBytesMax: random.pick([500, 3_000, 20_000]),
    keptSegments: random.pick(archiving ? [0] : [0, 3, 10]),
    repeatMs: random.within({ min: 10, max: random.pick([100, 1_500]) }),
    deletesMax: random.pick([1, 3, 16]),
    snapshotsKept: 2,
  };
}

/** Any of each; or one node waits as short as it may, and all others believe as long as they may. */
function makeClocks(random: Random, nodeCount: number): readonly ClockRates[] {
  const hasty = random.below(nodeCount);
  const isHasty = random.chance(0.6);
  return Array.from({ length: nodeCount }, (_, node) => {
    const any = random.pick(clockRates);
    if (!isHasty) return any;
    return node === hasty ? { age: fast, least: fast } : { age: slow, least: slow };
  });
}
