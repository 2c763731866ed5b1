/** What the sections of the benchmark share. */

import { join } from "node:path";
import type { ClusterUse } from "./cluster.js";
import type { LoadResult, SessionLoad, Timed } from "./load.js";
import type { Report } from "./report.js";

/** What 1,000 requests to a bucket cost, in dollars. */
export interface ListPrices {
  /** Creates and lists. */
  readonly classA: number;
  /** Gets. */
  readonly classB: number;
}

export interface BenchContext {
  /** How long each load is measured. */
  readonly seconds: number;
  /** Whether the loads that take minutes are wanted. */
  readonly long: boolean;
  /** The address of a server that only answers. */
  readonly noOp: string;
  readonly prices: ListPrices;
  /** Where profiles go; undefined: none are made. */
  readonly profileDirectory: string | undefined;
}

/** One section of the benchmark. */
export type Section = (context: BenchContext) => Promise<Report>;

export const payloadBytes = 1024;

/** A load's times: long enough a warm-up for the compiler and the connections. */
export function timing({ seconds }: BenchContext): { warmUpSeconds: number; seconds: number } {
  return { warmUpSeconds: Math.min(1, Math.max(0.5, seconds / 2)), seconds };
}

/** A session whose appends have an entry each. */
export function oneByOne(address: string, inFlight: number): Omit<SessionLoad, keyof Timed> {
  const shape = { sessions: 1, inFlight, entriesPerAppend: 1, payloadBytes, entriesMax: 0 };
  return { type: "session", address, ...shape };
}

/** Where the profiles of one load go; see `BenchCluster.observe`. */
export function profilePath({ profileDirectory }: BenchContext, name: string): string | undefined {
  return profileDirectory === undefined ? undefined : join(profileDirectory, name);
}

/**
 * What an entry cost in CPU, which a busy machine distorts less than rates: tells what was the
 * limit. Warm-up counts.
 */
export function useCells(use: ClusterUse, load: LoadResult) {
  const followersMs = use.followers.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const perEntry = (cpuMs: number): number => (cpuMs * 1000) / load.entriesInAll;
  return {
    "leader CPU µs": perEntry(use.leader.cpuMs),
    "followers'": perEntry(followersMs),
    "client's": perEntry(load.cpuMs),
    "entries/segment": load.entriesInAll / use.requests.creates,
    "loop p99 ms": use.leader.delayP99Ms,
    elections: use.terms,
  };
}
