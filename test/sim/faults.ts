/** Faults that a plan schedules: each is data, with a time, and heals by itself. */

import type { Random } from "./random.js";

/** How a store outage shows. */
export type OutageMode = "silent" | "refusing" | "failing";

/**
 * When a node knows what is soon of the past: its core has asked for the manifests' list, or for the greatest of
 * them, to see whether answers count; or something of its own was committed.
 */
export type Moment = "list" | "get" | "commit";

/** One fault. Nodes are indexes into the plan's nodes. */
export type FaultAction = { readonly atMs: number } & (
  | {
      readonly type: "crash";
      readonly node: number;
      /** It dies in the midst of performing effects, after this many more. */
      readonly afterEffects: number;
      readonly downMs: number;
    }
  | { readonly type: "crashAll"; readonly downMs: number }
  | { readonly type: "stop"; readonly node: number; readonly downMs: number }
  /** An operator asks whoever leads to hand over: to the node, or to the best. */
  | { readonly type: "transfer"; readonly node: number | undefined; readonly forMs: number }
  | { readonly type: "pause"; readonly node: number; readonly forMs: number }
  /**
   * The node sleeps from such a moment on, and what is under way from it hangs. It wakes when that hurts: a little
   * after the manifest that was the greatest was deleted, or the first name that it did not know; or after `forMs`.
   */
  | {
      readonly type: "doze";
      readonly node: number;
      readonly moment: Moment;
      readonly forMs: number;
      readonly lateMs: number;
    }
  /** A second process with the node's id, for a while. */
  | { readonly type: "twin"; readonly node: number; readonly forMs: number }
  /** The node's machine is copied: two processes with one node id, incarnation and randomness. */
  | { readonly type: "clone"; readonly node: number; readonly forMs: number }
  | {
      readonly type: "storeOutage";
      /** Undefined: for all. */
      readonly node: number | undefined;
      readonly mode: OutageMode;
      readonly forMs: number;
    }
  | {
      readonly type: "storeSlow";
      readonly node: number | undefined;
      readonly factor: number;
      readonly forMs: number;
    }
  /** Everything in limbo lands. */
  | { readonly type: "landAll" }
  /** The next get of the node finds a damaged object. */
  | { readonly type: "corruptRead"; readonly node: number }
  | {
      readonly type: "cut";
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly bothWays: boolean;
      readonly forMs: number;
    }
  | {
      readonly type: "flap";
      readonly from: number;
      readonly to: number;
      readonly periodMs: number;
      readonly forMs: number;
    }
  | { readonly type: "clockJump"; readonly node: number; readonly byMs: number }
  | {
      readonly type: "tickRate";
      readonly node: number;
      readonly tickMs: number;
      readonly forMs: number;
    }
  /** The clock by which answers age is set forward. */
  | { readonly type: "ageJump"; readonly node: number; readonly byMs: number }
  /** The clock by which a deleter waits is set back, and makes up for it. */
  | { readonly type: "waitStall"; readonly node: number; readonly forMs: number }
);

type Kind = FaultAction["type"];

const weights: Readonly<Record<Kind, number>> = {
  crash: 6,
  crashAll: 1,
  stop: 2,
  transfer: 3,
  pause: 5,
  doze: 4,
  twin: 2,
  clone: 3,
  storeOutage: 4,
  storeSlow: 3,
  landAll: 3,
  corruptRead: 0.3,
  cut: 5,
  flap: 2,
  clockJump: 2,
  tickRate: 2,
  ageJump: 2,
  waitStall: 2,
};

interface Frame {
  readonly nodeCount: number;
  readonly safetyMs: number;
  readonly electionTimeoutMs: number;
  /** Whether machines may be copied. */
  readonly clones: boolean;
  /** Where there is a past to lose: many sleep about as long. */
  readonly graceMs: number | undefined;
  /**
   * What most faults are: all die and start again at once, to claim in one term, and what was late
   * lands (rivals); or one process after the other dies young (restless), or sleeps (sleepers, dozers).
   */
  readonly bent: "rivals" | "restless" | "sleepers" | "dozers" | undefined;
}

/** A duration of some election timeouts: mostly short, now and then long. */
function duration(random: Random, frame: Frame): number {
  return Math.ceil(frame.electionTimeoutMs * (0.1 + 8 * random.next() ** 3));
}

function someNodes(random: Random, frame: Frame): number[] {
  const all = random.shuffled(Array.from({ length: frame.nodeCount }, (_, index) => index));
  return all.slice(0, 1 + random.below(frame.nodeCount));
}

/** About as long as an answer is believed and a name is kept; or until others were elected, too. */
function sleepMs(random: Random, { graceMs, electionTimeoutMs }: Frame): number | undefined {
  if (graceMs === undefined) return undefined;
  if (random.chance(0.6)) return Math.ceil(graceMs * (0.6 + 0.9 * random.next()));
  return Math.ceil(2 * graceMs * random.next() + 6 * electionTimeoutMs * random.next() ** 2);
}

/** So long that others were elected, and have deleted what stood where it was; or while a commit is believed. */
function makeDoze(random: Random, { graceMs = 0, electionTimeoutMs }: Frame) {
  const moment = random.pick(["list", "get", "commit"] as const);
  const long = 3 * graceMs + 12 * electionTimeoutMs * random.next();
  const lateMs = Math.ceil(graceMs * (moment === "commit" ? 0.2 : 1) * random.next() ** 2);
  return { moment, forMs: Math.ceil(moment === "commit" ? 1.3 * graceMs : long), lateMs };
}

function makeFault(kind: Kind, atMs: number, random: Random, frame: Frame): FaultAction {
  const node = random.below(frame.nodeCount);
  const nodeOrAll = random.chance(0.4) ? undefined : node;
  const forMs = duration(random, frame);
  switch (kind) {
    case "crash":
      return {
        type: kind,
        atMs,
        node,
        afterEffects: random.below(6),
        downMs: frame.bent ? random.below(300) + 1 : forMs,
      };
    case "crashAll":
      return { type: kind, atMs, downMs: frame.bent ? random.below(30) + 1 : forMs };
    case "stop":
      return { type: kind, atMs, node, downMs: forMs };
    case "transfer":
      return { type: kind, atMs, node: nodeOrAll, forMs };
    case "doze":
      return { type: kind, atMs, node, ...makeDoze(random, frame) };
    case "pause":
      return { type: kind, atMs, node, forMs: sleepMs(random, frame) ?? forMs };
    case "twin":
    case "clone":
      return { type: kind, atMs, node, forMs };
    case "ageJump":
      return { type: kind, atMs, node, byMs: forMs };
    case "waitStall":
      return { type: kind, atMs, node, forMs };
    case "storeOutage": {
      const mode = random.pick<OutageMode>(["silent", "refusing", "failing"]);
      return { type: kind, atMs, node: nodeOrAll, mode, forMs };
    }
    case "storeSlow":
      return { type: kind, atMs, node: nodeOrAll, factor: random.pick([5, 30, 200]), forMs };
    case "landAll":
      return { type: kind, atMs };
    case "corruptRead":
      return { type: kind, atMs, node };
    case "cut": {
      const [from, to] = [someNodes(random, frame), someNodes(random, frame)];
      return { type: kind, atMs, from, to, bothWays: random.chance(0.5), forMs };
    }
    case "flap": {
      const periodMs = Math.ceil(frame.electionTimeoutMs * (0.05 + random.next()));
      return { type: kind, atMs, from: node, to: random.below(frame.nodeCount), periodMs, forMs };
    }
    case "clockJump":
      return { type: kind, atMs, node, byMs: random.within({ min: -60_000, max: 60_000 }) };
    case "tickRate":
      return { type: kind, atMs, node, tickMs: random.pick([20, 50, 200, 400]), forMs };
  }
}

const bentKinds: Readonly<Record<NonNullable<Frame["bent"]>, readonly Kind[]>> = {
  rivals: ["crashAll", "landAll"],
  restless: ["crash"],
  sleepers: ["pause", "landAll"],
  dozers: ["doze"],
};

const lifeKinds: readonly Kind[] = ["ageJump", "waitStall", "doze"];
/** What a damaged answer means that is held back nobody can tell; copies draw equal names. */
const notInLife: readonly Kind[] = ["corruptRead", "clone"];

function pickKinds(random: Random, { bent, clones, graceMs }: Frame): Kind[] {
  const all = Object.keys(weights) as Kind[];
  const none = graceMs === undefined ? lifeKinds : notInLife;
  const kinds = all.filter((kind) => !none.includes(kind));
  if (bent === undefined) {
    return kinds.filter((kind) => random.chance(0.6) && (clones || kind !== "clone"));
  }
  return kinds.filter((kind) => bentKinds[bent].includes(kind) || random.chance(0.1));
}

/** Draws the faults of a run, in the order of their times. */
export function makeFaults(random: Random, frame: Frame): FaultAction[] {
  const kinds = pickKinds(random, frame);
  const total = kinds.reduce((sum, kind) => sum + weights[kind], 0);
  const betweenMs = frame.electionTimeoutMs * random.pick([0.3, 1, 2, 5]);
  const faults: FaultAction[] = [];
  if (total === 0) return faults;
  for (let atMs = 0; ;) {
    atMs += Math.ceil(2 * betweenMs * random.next());
    if (atMs >= frame.safetyMs) return faults;
    let draw = random.next() * total;
    const kind = kinds.find((candidate) => (draw -= weights[candidate]) < 0);
    if (kind !== undefined) faults.push(makeFault(kind, atMs, random, frame));
  }
}

/** A fault in words, for the trace. */
export function describeFault(fault: FaultAction): string {
  const { atMs: _, type, ...rest } = fault;
  const parts = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [type, ...parts].join(" ");
}
