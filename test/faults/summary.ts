/** The table at the end: what was done, and what came of it. */

import { formatReport, type Row } from "../bench/report.js";
import { gapMsMin } from "./availability.js";
import { faultKindNames } from "./plan.js";
import type { RoundResult } from "./round.js";
import type { StoreName } from "./stores.js";

/** A round and the store that it stood on. */
export interface FinishedRound {
  readonly store: StoreName;
  readonly result: RoundResult;
}

type Measure = (result: RoundResult) => number;

const sums: readonly (readonly [string, Measure])[] = [
  ["seconds under faults", ({ triedMs }) => Math.round(triedMs / 1000)],
  ["appends acknowledged", ({ counts }) => counts.acknowledged],
  ["appends certainly not in the log", ({ counts }) => counts.failed],
  ["appends of unknown outcome", ({ counts }) => counts.unknown],
  ["reads", ({ counts }) => counts.reads],
  ["reads that failed", ({ counts }) => counts.failedReads],
  ["sightings of follows", ({ counts }) => counts.sightings],
  ["segments", ({ segments }) => segments],
  ["void segments", ({ voids }) => voids],
  ["elections", ({ elections }) => elections],
  ["nodes that ended by themselves", ({ crashes }) => crashes],
];

const lastSums: readonly (readonly [string, Measure])[] = [
  ["unavailable in all, ms", ({ totalGapMs }) => Math.round(totalGapMs)],
  ["violations", ({ violations }) => violations.length],
];

export function summarize(rounds: readonly FinishedRound[]): string {
  const stores = [...new Set(rounds.map(({ store }) => store))];
  const row = (what: string, join: (values: readonly number[]) => number, of: Measure): Row => ({
    what,
    ...Object.fromEntries(
      stores.map((name) => {
        const own = rounds.filter(({ store }) => store === name);
        return [name, join(own.map(({ result }) => of(result)))];
      }),
    ),
  });
  const kinds = faultKindNames.filter((kind) =>
    rounds.some(({ result }) => result.faults.has(kind)),
  );
  return formatReport({
    title: "real processes, real faults",
    rows: [
      ...sums.map(([what, of]) => row(what, sum, of)),
      ...kinds.map((kind) => row(`fault: ${kind}`, sum, ({ faults }) => faults.get(kind) ?? 0)),
      row(
        "unavailable at most, ms",
        (all) => Math.max(...all),
        ({ longestGapMs }) => longestGapMs,
      ),
      ...lastSums.map(([what, of]) => row(what, sum, of)),
    ],
    notes: [
      `unavailable: no append was acknowledged for ${gapMsMin} ms or longer, though clients tried`,
    ],
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
