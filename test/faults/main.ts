/**
 * `npm run faults`: real processes under real faults; every history is judged. README.md tells more.
 *
 * Exit codes: 0 if all was well, 1 for violations, 2 for what could not be done, 130 for Ctrl-C.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Interrupted, interruption } from "../../src/cli/interruption.js";
import { judgeFile } from "../sim/judge-file.js";
import { emulatorBinary } from "../store/emulator/emulator.js";
import { removeLeftovers, Scratch } from "./machine.js";
import { parseOptions, usage, type FaultOptions } from "./options.js";
import { Progress } from "./progress.js";
import { runRound, type RoundResult } from "./round.js";
import type { StoreName } from "./stores.js";
import { summarize, type FinishedRound } from "./summary.js";
import { tampers } from "./tamper.js";

const violationsShown = 10;

/** One cluster's life, as the options ask for it. */
interface PlannedRound {
  readonly store: StoreName;
  readonly seed: number;
  readonly minutes: number;
}

function planRounds({ minutes, roundMinutes, seed, stores }: FaultOptions): PlannedRound[] {
  const each = minutes / stores.length;
  const count = Math.max(1, Math.ceil(each / roundMinutes - 1e-9));
  return Array.from({ length: count }, (_, number) =>
    stores.map((store) => ({ store, seed: seed + number, minutes: each / count })),
  ).flat();
}

function replay({ store, seed, minutes }: PlannedRound, options: FaultOptions): string {
  const only = options.kinds?.map((kind) => ` --only ${kind}`).join("") ?? "";
  const tamper = options.tamper === undefined ? "" : ` --tamper ${options.tamper}`;
  return (
    `npm run faults -- --seed ${seed} --minutes ${Number(minutes.toFixed(3))} --round-minutes ` +
    `${Math.ceil(minutes)} --store ${store} --network ${options.network} ` +
    `--nodes ${options.nodeCount}${only}${tamper} --keep`
  );
}

function tell(planned: PlannedRound, result: RoundResult, options: FaultOptions): void {
  const { violations, history } = result;
  for (const { rule, message } of violations.slice(0, violationsShown)) {
    console.log(`VIOLATION ${rule}: ${message}`);
  }
  if (violations.length > violationsShown)
    console.log(`and ${violations.length - violationsShown} more`);
  console.log(`seed ${planned.seed}, history ${history}`);
  console.log(`again: ${replay(planned, options)}`);
  console.log(`judge: npm run faults -- --judge ${history}`);
}

async function run(options: FaultOptions, signal: AbortSignal): Promise<boolean> {
  removeLeftovers();
  const scratch = new Scratch();
  if (options.keep) scratch.keep();
  const progress = new Progress();
  const finished: FinishedRound[] = [];
  const rounds = planRounds(options);
  for (const [number, planned] of rounds.entries()) {
    const { store, seed, minutes } = planned;
    if (store === "emulator" && emulatorBinary() === undefined) {
      if (number < 2) progress.say("no emulator: SURAFT_FAKE_GCS_SERVER does not name its binary");
      continue;
    }
    const seconds = Math.round(minutes * 60);
    progress.say(`round ${number + 1} of ${rounds.length}: ${store}, seed ${seed}, ${seconds} s`);
    const directory = join(scratch.path, `${number + 1}-${store}`);
    const { network: networkName, nodeCount, kinds, tamper } = options;
    const result = await runRound({
      seed,
      nodeCount,
      kinds,
      directory,
      signal,
      networkName,
      storeName: store,
      durationMs: minutes * 60_000,
      say: (line) => progress.say(`  ${line}`),
      onProgress: (update) => progress.update(update),
      ...(tamper !== undefined && { tamper: tampers[tamper] }),
    });
    progress.end();
    finished.push({ store, result });
    if (result.violations.length > 0) {
      scratch.keep();
      tell(planned, result, options);
    } else if (!options.keep) rmSync(directory, { recursive: true, force: true });
  }
  if (finished.length === 0) throw new Error("nothing could be run");
  console.log(`\n${summarize(finished)}`);
  if (options.keep) console.log(`kept: ${scratch.path}`);
  return finished.every(({ result }) => result.violations.length === 0);
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(usage);
    return 0;
  }
  if (options.judge !== undefined) return judgeFile(options.judge) ? 0 : 1;
  const signal = interruption();
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
  return (await Promise.race([run(options, signal), interrupted])) ? 0 : 1;
}

function codeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  console.error(error instanceof Error ? error.message : String(error));
  return 2;
}

// What was interrupted, or failed, is still under way: the process ends here, and its hooks clean up.
process.exit(await main().catch(codeOf));
