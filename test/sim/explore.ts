/** Runs seeds one after the other and reports: the sums, and each failure, shrunk, with its trace. */

import { makePlan, reducedPlan, type Profile, type Reductions } from "./plan.js";
import { run, type RunResult } from "./run.js";
import { replayCommand, shrink } from "./shrink.js";
import type { MakeCore } from "./any-core.js";

export interface ExploreOptions {
  readonly makeCore: MakeCore;
  readonly firstSeed: number;
  readonly seedCount: number;
  readonly secondsMax: number;
  readonly reductions: Reductions;
  /** Other kinds of run are left out. */
  readonly profile: Profile | undefined;
}

const failuresMax = 5;
const traceLines = 40;

/** What is added up over all runs. */
const summed = [
  "events",
  "virtualMs",
  "elections",
  "appended",
  "returned",
  "unknown",
  "reads",
  "repeats",
  "refusals",
  "outcomes",
  "faults",
  "historyReads",
  "leftBehind",
  "manifests",
  "ghosts",
] as const satisfies readonly (keyof RunResult)[];

type Sums = Record<(typeof summed)[number] | "seeds" | "recovery", number>;

function add(sums: Sums, result: RunResult): void {
  sums.seeds += 1;
  for (const name of summed) sums[name] += result[name];
  sums.recovery = Math.max(sums.recovery, result.recovery);
}

function tellFailure(failed: RunResult, options: ExploreOptions): void {
  const { makeCore, reductions } = options;
  const { seed, violation } = failed;
  console.log(`\nSEED ${seed} FAILS: ${violation?.rule}: ${violation?.message}`);
  const shrunk = shrink({ seed, makeCore, failed, reductions });
  const plan = reducedPlan(makePlan(seed), shrunk.reductions);
  const lines: string[] = [];
  run({ plan, makeCore, trace: (line) => lines.push(line) });
  console.log(
    `shrunk in ${shrunk.runs} runs to ${plan.faults.length} faults, ` +
      `${shrunk.result.events} events; the last steps:`,
  );
  for (const line of lines.slice(-traceLines)) console.log(`  ${line.slice(0, 200)}`);
  console.log(`  ${shrunk.result.violation?.message}`);
  console.log(`replay: ${replayCommand(seed, shrunk.reductions)}`);
}

function report(sums: Sums, failures: number, cpuSeconds: number): void {
  const rate = Math.round(sums.events / Math.max(cpuSeconds, 0.001));
  console.log(
    `${sums.seeds} seeds, ${failures} failed; ${sums.events} events in ${cpuSeconds.toFixed(1)} s ` +
      `of processor time (${rate} a second), ${Math.round(sums.virtualMs / 1000)} virtual seconds`,
  );
  console.log(
    `${sums.elections} elections, ${sums.faults} faults; appends: ${sums.appended} acknowledged, ` +
      `${sums.repeats} repeats, ${sums.refusals} refused, ${sums.returned} returned, ` +
      `${sums.unknown} unknown; ${sums.reads} linearizable reads, ${sums.outcomes} outcomes; ` +
      `longest recovery ${(100 * sums.recovery).toFixed(0)} % of its bound`,
  );
  console.log(
    `${sums.manifests} manifests, ${sums.ghosts} ghosts, ${sums.leftBehind} nodes left behind; ` +
      `${sums.historyReads} reads of the past`,
  );
}

/** Returns whether every seed held. */
export function explore(options: ExploreOptions): boolean {
  const sums: Sums = {
    seeds: 0,
    recovery: 0,
    events: 0,
    virtualMs: 0,
    elections: 0,
    appended: 0,
    returned: 0,
    unknown: 0,
    reads: 0,
    repeats: 0,
    refusals: 0,
    outcomes: 0,
    faults: 0,
    historyReads: 0,
    leftBehind: 0,
    manifests: 0,
    ghosts: 0,
  };
  let failures = 0;
  let cpuSeconds = 0;
  const beganMs = performance.now();
  for (let seed = options.firstSeed; ; seed++) {
    if (sums.seeds >= options.seedCount || failures >= failuresMax) break;
    if ((performance.now() - beganMs) / 1000 >= options.secondsMax) break;
    const plan = reducedPlan(makePlan(seed), options.reductions);
    if (options.profile !== undefined && plan.profile !== options.profile) continue;
    const cpu = process.cpuUsage();
    const result = run({ plan, makeCore: options.makeCore });
    const { user, system } = process.cpuUsage(cpu);
    cpuSeconds += (user + system) / 1_000_000;
    add(sums, result);
    if (result.violation === undefined) continue;
    failures += 1;
    tellFailure(result, options);
  }
  report(sums, failures, cpuSeconds);
  return failures === 0;
}
