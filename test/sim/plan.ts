/**
 * A run's plan: everything that is decided before it starts. Drawn from the seed, then perhaps
 * reduced (a shrunk failure). Data only: the same plan gives the same run.
 *
 * Times are virtual milliseconds. A nominal tick is 100.
 */

import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { CoreSettings } from "../../src/core/options.js";
import { makeFaults, type FaultAction } from "./faults.js";
import { makeLifePlan, type LifePlan } from "./life/life-plan.js";
import { Random, type Range } from "./random.js";

/** A nominal tick. */
export const tickMs = 100;

/** How often things go wrong by themselves: probabilities by name, so that a run can calm them. */
export interface Rates {
  /** Of a create: certainly nothing happened, and the answer says so. */
  readonly storeRefused: number;
  /** Of a create: an early answer that says nothing (5xx, reset); it may land all the same. */
  readonly storeError: number;
  /** Of a request: done, but the answer is lost. */
  readonly storeReplyLost: number;
  /** Of a create: it lands twice, and the second landing may be what is answered (412 for oneself). */
  readonly storeDuplicated: number;
  /** Of a create: it lands at any later time, or at the very end. */
  readonly storeLimbo: number;
  /** Of a create in limbo: it lands just when that hurts (its position is the tail, or is being taken). */
  readonly storeAmbush: number;
  /** Of a create in limbo, or of a duplicate of one that came too late: it lands as soon as its name is freed. */
  readonly storeGhost: number;
  /** Of a get: it is served at any later time, or just as its name is freed. */
  readonly storeGetLate: number;
  /** Of a get: no answer, or an answer that says nothing. */
  readonly storeGetFailed: number;
  /** Of a request: twenty times slower. */
  readonly storeStraggler: number;
  readonly networkLoss: number;
  readonly networkDuplicated: number;
  /** Of a message: delivered seconds late. */
  readonly networkStraggler: number;
  readonly clientCancels: number;
}

export interface ClientPlan {
  /** Between two operations of all clients together. */
  readonly betweenMs: Range;
  readonly readShare: number;
  /** Of operations: sent to whoever last said that it leads. */
  readonly toLeaderShare: number;
  readonly entriesMax: number;
  readonly appendBytes: Range;
  /** Of appends: many at once. */
  readonly burstShare: number;
  readonly burstMax: number;
  readonly retryShare: number;
}

/** How the clients use the ledger. */
export interface LedgerPlan {
  /** Of operations. */
  readonly share: number;
  /** Clients that number their appends. */
  readonly producers: number;
  /** The most numbers that such a client has under way. */
  readonly numbersMax: number;
  /** Of their turns: what is under way is not waited for, and sent again elsewhere. */
  readonly impatience: number;
  /** Of their turns: something is wrong with the client. */
  readonly mischief: number;
}

/** How the list of members changes. */
export interface MembersPlan {
  /** So many nodes found the cluster; the others come to join. */
  readonly foundingCount: number;
  /** Between two changes of the list. */
  readonly betweenMs: Range;
}

/** Readers of the store that are no nodes. */
export interface ReadersPlan {
  readonly count: number;
  /** Between two things that they all together do, or that befall them. */
  readonly betweenMs: Range;
  /** Of these: one of them sleeps, dies, or takes its answers for older than they are. */
  readonly sleepShare: number;
  readonly sleepMs: Range;
}

export interface NodePlan {
  readonly nodeId: string;
  readonly window: number;
  /** How long this node's tick really takes while faults last. */
  readonly tickMs: number;
  readonly clockOffsetMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly profile: Profile;
  /** Each node's member list is itself alone: all elect themselves, and only the store arbitrates. */
  readonly solo: boolean;
  readonly nodes: readonly NodePlan[];
  readonly settings: CoreSettings;
  readonly storeLatencyMs: Range;
  /** After this long without an answer the host reports unknown or unavailable. */
  readonly storeDeadlineMs: number;
  readonly networkDelayMs: Range;
  readonly rates: Rates;
  readonly clients: ClientPlan;
  readonly ledgerBounds: LedgerBounds;
  /** Undefined: all appends are plain. */
  readonly ledger: LedgerPlan | undefined;
  readonly safetyMs: number;
  readonly faults: readonly FaultAction[];
  /** Whether a process that was paused sees all ticks that it missed, or one. */
  readonly ticksCatchUp: boolean;
  /** Nodes that stay down in the liveness phase: fewer than half. */
  readonly absent: readonly number[];
  /** A node that does not reach the store until the cluster has recovered without it. */
  readonly severed: number | undefined;
  /** Undefined where the founding list stays. */
  readonly members: MembersPlan | undefined;
  /** Undefined where nothing is trimmed, archived or deleted. */
  readonly life: LifePlan | undefined;
  /** Undefined where nobody reads straight from the store. */
  readonly readers: ReadersPlan | undefined;
}

/** What kind of run this is; README.md tells. */
export type Profile = (typeof profiles)[number];

export const profiles = [
  "mixed",
  "solo",
  "rivals",
  "restless",
  "quiet",
  "slowStore",
  "single",
  "members",
  "life",
] as const;

/** What a shrunk run leaves out. */
export interface Reductions {
  /** Indexes into the plan's faults: only these are kept. */
  readonly keep?: readonly number[];
  /** The safety phase ends here. */
  readonly untilMs?: number;
  /** Rates that are set to 0. */
  readonly calm?: readonly (keyof Rates)[];
}

/** The longest randomised election timeout, in nominal milliseconds: the unit of bounds. */
export function electionMs(plan: Plan): number {
  return plan.settings.electionTicksMax * tickMs;
}

function pickProfile(random: Random): Profile {
  const draw = random.next();
  // Of old: a third of the mixed ones.
  if (draw >= 0.8) return "life";
  if (draw < 0.04) return "quiet";
  if (draw < 0.08) return "slowStore";
  if (draw < 0.16) return "single";
  if (draw < 0.24) return "rivals";
  if (draw < 0.3) return "restless";
  if (draw >= 0.7) return "members";
  return draw < 0.45 ? "solo" : "mixed";
}

function makeRates(random: Random, profile: Profile): Rates {
  // Swarm testing: each run leaves many kinds of trouble out, so that none hides another.
  const some = (most: number): number => {
    const drawn = random.chance(0.45) ? 0 : most * random.next() ** 2;
    return profile === "quiet" ? 0 : drawn;
  };
  const rates = {
    storeRefused: some(0.2),
    storeError: some(0.3),
    storeReplyLost: some(0.3),
    storeDuplicated: some(0.4),
    storeLimbo: some(0.4),
    storeAmbush: some(1),
    storeGhost: profile === "quiet" || random.chance(0.3) ? 0 : random.next(),
    storeGetLate: some(0.4),
    storeGetFailed: some(0.4),
    storeStraggler: some(0.2),
    networkLoss: some(0.3),
    networkDuplicated: some(0.3),
    networkStraggler: some(0.4),
    clientCancels: some(0.3),
  };
  if (profile === "restless") {
    const networkStraggler = 0.1 + 0.3 * random.next();
    const networkDuplicated = 0.2 + 0.6 * random.next();
    return { ...rates, networkStraggler, networkDuplicated, networkLoss: 0.3 * random.next() };
  }
  if (profile !== "rivals") return rates;
  return { ...rates, storeLimbo: 0.1 + 0.4 * random.next(), storeAmbush: random.next() };
}

function makeSettings(random: Random, profile: Profile): CoreSettings {
  const electionTicksMin = random.within({ min: 6, max: 12 });
  const segmentEntriesMax = random.pick([1, 3, 8, 32, 100]);
  return {
    electionTicksMin,
    electionTicksMax: electionTicksMin * 2,
    heartbeatTicks: random.within({ min: 1, max: 2 }),
    // Over a slow store it doubles until it suffices: from so much, and so often, that it does.
    storeTimeoutTicks: random.within({ min: profile === "slowStore" ? 60 : 10, max: 80 }),
    repeatTicks: random.within({ min: 1, max: 10 }),
    leaseTicks: 0,
    window: 1,
    segmentBytesMax: random.pick([200, 500, 2_000, 10_000]),
    segmentEntriesMax,
    queueBytesMax: 0,
    readAhead: random.pick([1, 2, 4, 16]),
  };
}

function makeClients(random: Random, settings: CoreSettings): ClientPlan {
  const appendBytesMax = random.pick([20, settings.segmentBytesMax / 4, 200]);
  return {
    betweenMs: { min: 1, max: random.pick([10, 40, 100, 400, 1_500]) },
    readShare: random.pick([0.1, 0.3, 0.6]),
    toLeaderShare: random.pick([0.6, 0.9, 1]),
    entriesMax: Math.min(settings.segmentEntriesMax, random.pick([1, 3, 10])),
    appendBytes: { min: Math.ceil(appendBytesMax / 3), max: appendBytesMax },
    burstShare: random.pick([0, 0.02, 0.2]),
    burstMax: random.pick([3, 10, 60]),
    retryShare: random.pick([0, 0.5, 1]),
  };
}

function makeLedgerBounds(random: Random): LedgerBounds {
  return {
    producersMax: random.pick([1, 3, 10, 50, 50]),
    answersMax: random.pick([1, 10, 100, 1_000]),
    keysMax: random.pick([1, 3, 50]),
    keyLengthMax: random.pick([6, 20, 1_000]),
  };
}

function makeLedgerPlan(random: Random): LedgerPlan | undefined {
  const plan = {
    share: random.pick([0.2, 0.5, 0.9]),
    producers: random.pick([1, 2, 4, 8]),
    numbersMax: random.pick([1, 3, 10]),
    impatience: random.pick([0, 0.2, 0.5]),
    mischief: random.pick([0, 0.1, 0.3]),
  };
  return random.chance(0.25) ? undefined : plan;
}

function makeReaders(
  random: Random,
  electionTimeoutMs: number,
  life: LifePlan | undefined,
): ReadersPlan | undefined {
  const sleepMax = Math.max(2 * electionTimeoutMs, 2 * (life?.graceMs ?? 0));
  const plan = {
    count: random.pick([1, 1, 2]),
    betweenMs: { min: 1, max: random.pick([50, 200, 1_000]) },
    sleepShare: random.pick([0, 0.02, 0.1]),
    sleepMs: { min: 1, max: sleepMax },
  };
  return random.chance(life === undefined ? 0.2 : 0.5) ? plan : undefined;
}

const nodeCounts: Readonly<Record<Profile, readonly number[]>> = {
  mixed: [3, 3, 5],
  restless: [3],
  quiet: [3, 3, 5],
  slowStore: [3, 3, 5],
  single: [1],
  members: [2, 3, 4, 5],
  solo: [2, 2, 3, 4],
  rivals: [3, 4],
  life: [1, 2, 3, 3, 4],
};

function makeNodes(random: Random, profile: Profile): NodePlan[] {
  const count = random.pick(nodeCounts[profile]);
  const window = random.pick([1, 2, 3, 4, 8]);
  const sameWindow = random.chance(0.5);
  const steady = profile === "quiet" || random.chance(0.4);
  return Array.from({ length: count }, (_, index) => ({
    nodeId: `n${index + 1}`,
    window: sameWindow ? window : random.pick([1, 2, 3, 5, 8]),
    tickMs: steady ? tickMs : random.within({ min: 60, max: 180 }),
    clockOffsetMs: random.chance(0.5) ? 0 : random.within({ min: -5_000, max: 5_000 }),
  }));
}

function storeTiming(random: Random, profile: Profile, electionTimeoutMs: number) {
  if (profile !== "slowStore") {
    const latency = random.pick([
      { min: 1, max: 10 },
      { min: 5, max: 60 },
      { min: 30, max: 400 },
    ]);
    return { latency, deadlineMs: random.within({ min: 1_000, max: 8_000 }) };
  }
  const slowest = electionTimeoutMs * random.pick([2, 10, 100]);
  return { latency: { min: Math.floor(slowest / 3), max: slowest }, deadlineMs: slowest * 3 };
}

function clientsOf(profile: Profile, clients: ClientPlan): ClientPlan {
  if (profile === "slowStore") return { ...clients, betweenMs: { min: 1, max: 2_000 } };
  if (profile === "life") return { ...clients, betweenMs: { min: 1, max: 150 } };
  if (profile !== "restless") return clients;
  return { ...clients, betweenMs: { min: 1, max: 60 }, readShare: 0.6, toLeaderShare: 0.5 };
}

/** What most faults of a run are, if not any. */
function bentOf(profile: Profile, life: LifePlan | undefined) {
  if (profile === "rivals" || profile === "restless") return profile;
  return life === undefined || life.bent === "any" ? undefined : life.bent;
}

/** Draws a seed's plan. */
export function makePlan(seed: number): Plan {
  const random = new Random(seed).fork("plan");
  const profile = pickProfile(random);
  const nodes = makeNodes(random, profile);
  const bareSettings = makeSettings(random, profile);
  const clients = makeClients(random, bareSettings);
  // So few that a queue left by the safety phase empties within the liveness bound.
  const queueBytesMax = clients.appendBytes.max * random.pick([2, 10, 40]);
  const membersRandom = new Random(seed).fork("members");
  const isArbiter = profile === "members" && membersRandom.chance(0.5);
  const leaseTicks = isArbiter ? bareSettings.electionTicksMax * membersRandom.pick([3, 6]) : 0;
  const settings = { ...bareSettings, queueBytesMax, leaseTicks };
  const electionTimeoutMs = settings.electionTicksMax * tickMs;
  const store = storeTiming(random, profile, electionTimeoutMs);
  const lengths = {
    mixed: 60,
    single: 40,
    solo: 30,
    rivals: 30,
    restless: 60,
    quiet: 100,
    slowStore: 20,
    members: 60,
    life: 80,
  };
  const safetyMs =
    lengths[profile] * electionTimeoutMs * (0.3 + random.next()) +
    (profile === "slowStore" ? 10 * store.latency.max : 0);
  const order = random.shuffled(nodes.map((_, index) => index));
  const severed = profile === "mixed" && random.chance(0.3) ? order.pop() : undefined;
  const minority = Math.floor((nodes.length - 1) / 2) - (severed === undefined ? 0 : 1);
  const solo =
    profile === "solo" ||
    profile === "rivals" ||
    profile === "single" ||
    (profile === "life" && (nodes.length !== 3 || random.chance(0.3)));
  const life =
    profile === "life"
      ? makeLifePlan(random.fork("life"), {
          nodeCount: nodes.length,
          electionTimeoutMs,
          storeLatencyMs: store.latency,
        })
      : undefined;
  const ledgerRandom = new Random(seed).fork("ledger");
  // Where only the store arbitrates, or can, one node that is left must do.
  const absentMax = solo || isArbiter ? nodes.length - 1 : minority;
  const absentCount = solo ? absentMax : random.below(absentMax + 1);
  return {
    seed,
    profile,
    solo,
    nodes,
    settings,
    storeLatencyMs: store.latency,
    storeDeadlineMs: store.deadlineMs,
    networkDelayMs: random.pick([
      { min: 0, max: 3 },
      { min: 1, max: 40 },
      { min: 1, max: 200 },
    ]),
    rates: makeRates(random, profile),
    clients: clientsOf(profile, clients),
    members:
      profile === "members"
        ? {
            foundingCount: 1 + membersRandom.below(nodes.length),
            betweenMs: { min: 1, max: electionTimeoutMs * membersRandom.pick([2, 5, 20]) },
          }
        : undefined,
    ledgerBounds: makeLedgerBounds(ledgerRandom),
    ledger: makeLedgerPlan(ledgerRandom),
    safetyMs: Math.floor(safetyMs),
    faults:
      profile === "quiet"
        ? []
        : makeFaults(random.fork("faults"), {
            nodeCount: nodes.length,
            safetyMs,
            electionTimeoutMs,
            // A copied machine leads in the epoch of another; followers' reads cannot bear that.
            clones: solo && life === undefined,
            graceMs: life?.graceMs,
            bent: bentOf(profile, life),
          }),
    ticksCatchUp: random.chance(0.3),
    absent: order.slice(0, absentCount),
    severed,
    life,
    readers: makeReaders(new Random(seed).fork("readers"), electionTimeoutMs, life),
  };
}

/** Leaves out of a plan what a shrunk failure does without. */
export function reducedPlan(plan: Plan, reductions: Reductions): Plan {
  const keep = reductions.keep === undefined ? undefined : new Set(reductions.keep);
  const calm = Object.fromEntries((reductions.calm ?? []).map((rate) => [rate, 0]));
  const safetyMs = Math.min(plan.safetyMs, reductions.untilMs ?? plan.safetyMs);
  return {
    ...plan,
    rates: { ...plan.rates, ...calm },
    safetyMs,
    faults: plan.faults.filter((_, index) => keep?.has(index) ?? true),
  };
}
