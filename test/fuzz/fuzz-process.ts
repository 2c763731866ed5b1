/** The process in which targets are fuzzed; main.ts starts it, says what to do, and watches it. */

import { once } from "node:events";
import { readFileSync } from "node:fs";

import { Blackboard, type FuzzTask } from "./blackboard.js";
import { joined, judgeInput, runTarget, type TargetReport } from "./fuzz-run.js";
import { Meter } from "./meter.js";
import { formatTable, tellFailure } from "./report.js";
import type { Target } from "./target.js";
import { targets } from "./targets.js";

const [task] = (await once(process, "message")) as [FuzzTask];
const blackboard = new Blackboard(task.blackboard);

/** Judges a saved input. Returns whether it holds. */
async function judgeSaved(target: Target, file: string, meter: Meter): Promise<boolean> {
  const bytes = readFileSync(file);
  blackboard.write(target.name, bytes);
  const open = await target.open();
  const { judged, error } = await judgeInput(target, open, bytes, meter);
  await open.close?.();
  console.log(
    error?.stack ?? `${target.name} ${judged?.accepted === true ? "takes" : "refuses"} it`,
  );
  return error === undefined;
}

type Pass = (target: Target, untilMs: number) => Promise<TargetReport>;

/** Of the time what is slow gets more. */
function weightOf({ metered }: Target): number {
  return metered ? 1 : 4;
}

/** Gives each target its share of the time. */
async function passOver(
  chosen: readonly Target[],
  seconds: number,
  pass: Pass,
): Promise<readonly TargetReport[]> {
  const reports: TargetReport[] = [];
  const endMs = performance.now() + 1000 * seconds;
  let weightLeft = chosen.reduce((total, target) => total + weightOf(target), 0);
  for (const target of chosen) {
    const leftMs = Math.max(0, endMs - performance.now());
    const untilMs = performance.now() + (leftMs * weightOf(target)) / weightLeft;
    reports.push(await pass(target, untilMs));
    weightLeft -= weightOf(target);
  }
  return reports;
}

/** Of the inputs, or of the time, so much goes with the meter, which slows all down. */
const meteredShare = 0.35;

/** First with the meter, to find inputs that lead somewhere; then without, to breed from those. */
async function fuzzAll(chosen: readonly Target[], meter: Meter): Promise<boolean> {
  console.log(`seed ${task.seed}, ${chosen.length} targets`);
  const { seed, runsMax = Number.POSITIVE_INFINITY } = task;
  const seconds = task.secondsMax ?? Number.POSITIVE_INFINITY;
  const onInput = (name: string, bytes: Uint8Array) => blackboard.write(name, bytes);
  const metered = chosen.filter((target) => target.metered);
  const measured = await passOver(metered, seconds * meteredShare, (target, untilMs) =>
    runTarget(target, { seed, runsMax: runsMax * meteredShare, untilMs, meter, onInput }),
  );
  meter.close();
  const before = new Map(measured.map((report) => [report.name, report]));
  const reports = await passOver(chosen, seconds * (1 - meteredShare), async (target, untilMs) => {
    const first = before.get(target.name);
    const { corpus = [], inputs = 0 } = first ?? {};
    // Other fresh inputs than before.
    const further = { seed: seed + secondPassSeed, runsMax: runsMax - inputs };
    const second = await runTarget(target, { ...further, untilMs, corpus, onInput });
    return first === undefined ? second : joined(first, second);
  });
  for (const { name, failures } of reports) {
    for (const failure of failures) console.log(tellFailure(name, failure));
  }
  console.log(formatTable(reports));
  return reports.every(({ failures }) => failures.length === 0);
}

const secondPassSeed = 1_000_000;

const chosen = targets.filter(({ name }) => task.names.includes(name));
const meter = new Meter();
const [only] = chosen;
const holds =
  task.input !== undefined && only !== undefined
    ? await judgeSaved(only, task.input, meter)
    : await fuzzAll(chosen, meter);
process.exit(holds ? 0 : 1);
