/**
 * `npm run fuzz`: fuzzes every target, prints a table, and fails if an input fails.
 *
 * The targets run in a process that writes down each input before it judges it. If that comes no
 * further, runs out of memory or dies, the input that did it is named here.
 */

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { saveInput, showBytes } from "./report.js";
import { targets } from "./targets.js";
import { readBlackboard, type FuzzTask } from "./blackboard.js";

const usage = `npm run fuzz -- [options]
  --minutes M    for so long, shared out among the targets (1)
  --runs N       so many inputs for each target, however long it takes
  --only TEXT    targets whose names contain the text
  --seed N       the first seed (taken from the clock); printed, so that a run can be had again
  --input FILE   judges one saved input; --only says for which target
  --list         names the targets`;

/** An input that takes so long hangs. The machine may be busy, so it is long. */
const hangMs = 30_000;
const heapMiBMax = 1_024;

function parse() {
  return parseArgs({
    options: {
      minutes: { type: "string", default: "1" },
      runs: { type: "string" },
      only: { type: "string", default: "" },
      seed: { type: "string" },
      input: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function positive(text: string, name: string): number {
  const number = Number(text);
  if (!(number > 0 && number < 1e9)) throw new Error(`--${name}: ${text} is no positive number`);
  return number;
}

function taskOf(options: ReturnType<typeof parse>, blackboard: string): FuzzTask {
  const exact = targets.filter(({ name }) => name === options.only);
  const chosen =
    exact.length > 0 ? exact : targets.filter(({ name }) => name.includes(options.only));
  if (chosen.length === 0) throw new Error(`--only: no target's name contains ${options.only}`);
  if (options.input !== undefined && chosen.length > 1) {
    throw new Error("--input: say by --only for which target");
  }
  const seed = options.seed === undefined ? Date.now() % 1_000_000 : Number(options.seed);
  if (!Number.isSafeInteger(seed) || Math.abs(seed) > 2 ** 31) {
    throw new Error(`--seed: ${options.seed} is no seed`);
  }
  return {
    blackboard,
    names: chosen.map(({ name }) => name),
    seed,
    ...(options.runs === undefined
      ? { secondsMax: 60 * positive(options.minutes, "minutes") }
      : { runsMax: positive(options.runs, "runs") }),
    ...(options.input !== undefined && { input: options.input }),
  };
}

/** Runs the task in a process of its own; resolves to the exit code. */
function runWatched(task: FuzzTask): Promise<number> {
  const child = fork(fileURLToPath(new URL("fuzz-process.js", import.meta.url)), {
    execArgv: [`--max-old-space-size=${heapMiBMax}`],
  });
  child.send(task);
  return new Promise((resolve) => {
    let seen = -1;
    let sinceMs = performance.now();
    let hangs = false;
    const watch = setInterval(() => {
      const count = readBlackboard(task.blackboard)?.count ?? 0;
      if (count !== seen) {
        seen = count;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs > hangMs) {
        hangs = true;
        child.kill("SIGKILL");
      }
    }, 500);
    child.on("exit", (code, signal) => {
      clearInterval(watch);
      if (code === 0 || code === 1) return resolve(code);
      const how = hangs ? `came no further in ${hangMs / 1000} seconds` : `died: ${signal ?? code}`;
      resolve(blame(task, how));
    });
  });
}

/** Names the input that was being judged. */
function blame(task: FuzzTask, what: string): number {
  const written = readBlackboard(task.blackboard);
  if (written === undefined) {
    console.log(`FAILS before any input: ${what}`);
    return 1;
  }
  const { target, bytes } = written;
  const file = saveInput(target, bytes);
  console.log(`\nFAILS ${target}: ${what}\n  ${showBytes(bytes)}\n  kept in ${file}`);
  return 1;
}

async function fuzz(options: ReturnType<typeof parse>): Promise<number> {
  const directory = mkdtempSync(path.join(tmpdir(), "suraft-fuzz-"));
  try {
    return await runWatched(taskOf(options, path.join(directory, "blackboard")));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

try {
  const options = parse();
  if (options.help) console.log(usage);
  else if (options.list) console.log(targets.map(({ name }) => name).join("\n"));
  else process.exitCode = await fuzz(options);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  process.exitCode = 2;
}
