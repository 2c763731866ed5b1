/**
 * Which faults, when, and how bad: drawn from one seed before the run begins.
 *
 * Invariant: the same seed, duration and kinds give the same plan. Whom a fault meets also depends on
 * who leads at that moment.
 */

import { Random, type Range } from "../sim/random.js";

/** What each kind does, in the order of the help, and how long it lasts. */
export const faultKinds = {
  kill: { text: "kill -9 of a node, started again later", lastsMs: { min: 100, max: 3000 } },
  "kill-all": { text: "kill -9 of all nodes at once", lastsMs: { min: 100, max: 1500 } },
  restart: { text: "SIGTERM, started again later", lastsMs: { min: 50, max: 1500 } },
  pause: { text: "SIGSTOP, then SIGCONT", lastsMs: { min: 700, max: 6000 } },
  partition: { text: "a minority is cut off from the rest", lastsMs: { min: 1500, max: 6000 } },
  "one-way": { text: "a node is not heard, or hears nobody", lastsMs: { min: 1500, max: 6000 } },
  isolate: {
    text: "a node is cut off from nodes, clients and store",
    lastsMs: { min: 1500, max: 6000 },
  },
  loss: { text: "a share of what reaches a node is lost", lastsMs: { min: 2000, max: 6000 } },
  slow: { text: "what a node sends comes late", lastsMs: { min: 2000, max: 6000 } },
  cut: { text: "a node's connections are reset", lastsMs: { min: 100, max: 500 } },
  "store-noise": {
    text: "requests to the store meet faults of every kind",
    lastsMs: { min: 3000, max: 8000 },
  },
  "store-outage": {
    text: "the store hangs, fails or is away, for a node or all",
    lastsMs: { min: 1000, max: 6000 },
  },
  "store-late": {
    text: "a node's creates land seconds after it gave them up",
    lastsMs: { min: 2000, max: 6000 },
  },
  "full-disk": { text: "the disk is full", lastsMs: { min: 1000, max: 5000 } },
  clock: {
    text: "a node's wall clock jumps, or runs fast or slow",
    lastsMs: { min: 2000, max: 8000 },
  },
} as const satisfies Readonly<Record<string, { readonly text: string; readonly lastsMs: Range }>>;

export type FaultKind = keyof typeof faultKinds;

export const faultKindNames = Object.keys(faultKinds) as readonly FaultKind[];

export interface Fault {
  readonly number: number;
  readonly kind: FaultKind;
  /** Since the faults began. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** Whether the leader is to be met, if there is one. */
  readonly atLeader: boolean;
  /** Picks whom else, what of it, and how bad: uniform in [0, 1). */
  readonly whom: number;
  readonly form: number;
  readonly strength: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly kinds: readonly FaultKind[];
}

const firstMs = 1500;
const quietMs: Range = { min: 300, max: 2500 };
const overlapChance = 0.35;
const leaderChance = 0.5;

/** No fault begins in the plan's last second; how long one lasts is not cut off by its end. */
export function makePlan({ seed, durationMs, kinds }: PlanOptions): readonly Fault[] {
  if (kinds.length === 0) return [];
  const random = new Random(seed).fork("faults");
  const faults: Fault[] = [];
  for (let atMs = firstMs; atMs < durationMs - 1000;) {
    const kind = random.pick(kinds);
    const lastsMs = random.within(faultKinds[kind].lastsMs);
    const [whom, form, strength] = [random.next(), random.next(), random.next()];
    const atLeader = random.chance(leaderChance);
    faults.push({ number: faults.length, kind, atMs, lastsMs, atLeader, whom, form, strength });
    const overlaps = random.chance(overlapChance);
    atMs += overlaps ? random.within(quietMs) : lastsMs + random.within(quietMs);
  }
  return faults;
}
