/**
 * `npm run model`: explores the protocol's models whole, within bounds, and shows that each rule is
 * needed: a control leaves one out, and a property must break.
 *
 * Ends with 1 if a property breaks, a search stays incomplete or a control is not caught, and with 2
 * if nothing could be explored.
 */

import { availableParallelism } from "node:os";

import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";

import { casesOf, judge, type Case, type Outcome } from "./cases.js";
import { explore, type Exploration } from "./checker.js";

interface Options {
  readonly only: string;
  readonly long: boolean;
  readonly trace: boolean;
  readonly jobs: number;
}

interface Done {
  readonly one: Case;
  readonly found: Exploration;
  readonly outcome: Outcome;
}

function readOptions(): Options {
  return new Command("npm run model --")
    .description("Explores the models of src/core/model with Spin.")
    .option("--only <text>", "those whose names contain the text", "")
    .option("--long", "the big ones too: an hour or two, and up to 6 GiB for each", false)
    .option("--trace", "tell every counterexample, the controls' too", false)
    .option("--jobs <n>", "how many at a time", readCount, Math.min(2, availableParallelism()))
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse()
    .opts<Options>();
}

function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError("a count from 1");
  return count;
}

/** Explores all cases, a few at a time. */
async function exploreAll(cases: readonly Case[], options: Options): Promise<readonly Done[]> {
  const done = new Map<Case, Done>();
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const found = await explore(one.task);
      const outcome = judge(one, found);
      done.set(one, { one, found, outcome });
      if (process.stderr.isTTY) process.stderr.write(`\r${done.size} of ${cases.length} `);
      if (options.trace || !outcome.fine) tell(one, found);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return cases.flatMap((one) => done.get(one) ?? []);
}

function tell({ name }: Case, { playback }: Exploration): void {
  console.error(`${name}: ${playback?.property ?? "no counterexample"}`);
  for (const [index, step] of (playback?.steps ?? []).entries()) {
    console.error(`  ${String(index + 1).padStart(2)}. ${step}`);
  }
}

function tableOf(done: readonly Done[]): string {
  const table = new Table({
    head: ["explored", "states", "depth", "MiB", "seconds", "verdict"],
    colAligns: ["left", "right", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const { one, found, outcome } of done) {
    table.push([
      one.name,
      found.states.toLocaleString("en"),
      found.depth.toLocaleString("en"),
      found.memoryMiB.toFixed(0),
      found.seconds.toFixed(1),
      outcome.verdict,
    ]);
  }
  return table.toString();
}

async function main(): Promise<boolean> {
  const options = readOptions();
  const cases = casesOf(options);
  if (cases.length === 0) throw new Error(`no model's name contains "${options.only}"`);
  const began = performance.now();
  const done = await exploreAll(cases, options);
  console.log(tableOf(done));
  const failed = done.filter(({ outcome }) => !outcome.fine).length;
  const states = done.reduce((sum, { found }) => sum + found.states, 0);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${states.toLocaleString("en")} states in ${seconds} s, ${failed} failed`);
  return failed === 0;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
