/**
 * Spin, as a checker: writes the verifier of a model in C, has it compiled, runs it, and plays back what it found.
 *
 * Each run has a directory of its own, which goes when it ends.
 */

import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { readPlayback, readSearch, type Playback, type Search } from "./checker-output.js";

/** Where the models stand, as seen from the compiled code. */
export const modelDirectory = fileURLToPath(new URL("../../../src/core/model/", import.meta.url));

export interface Task {
  readonly model: string;
  readonly defines: readonly string[];
  /** Breadth first: the shortest counterexample, for more memory. */
  readonly shortest: boolean;
  readonly hashed: boolean;
  readonly memoryMiBMax: number;
  readonly secondsMax: number;
}

export interface Exploration extends Search {
  /** Compiling included. */
  readonly seconds: number;
  /** How the property was broken, step by step. */
  readonly playback: Playback | undefined;
}

/** A tool that the checker needs is not installed. */
export class CheckerMissing extends Error {
  constructor(tool: string) {
    super(
      `${tool} is not installed. The models need spin and gcc. ` +
        `Debian, Ubuntu: apt-get install spin gcc libc6-dev. macOS: brew install spin gcc.`,
    );
  }
}

const searchDepthMax = 100_000;
const outputBytesMax = 64 * 1024 * 1024;

interface Finished {
  readonly code: number | undefined;
  readonly output: string;
}

/** Runs a tool to its end. A failing one is an answer; a missing one is an error. */
async function call(
  tool: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly timeoutMs: number },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const settings = { cwd: options.cwd, timeout: options.timeoutMs, maxBuffer: outputBytesMax };
    execFile(tool, [...args], settings, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      if (error === null) resolve({ code: 0, output });
      else if (error.code === "ENOENT") reject(new CheckerMissing(tool));
      else resolve({ code: typeof error.code === "number" ? error.code : undefined, output });
    });
  });
}

/** Explores one model, whole unless the bounds end it. Throws if it is no valid model. */
export async function explore(task: Task): Promise<Exploration> {
  const directory = await mkdtemp(join(tmpdir(), "suraft-model-"));
  try {
    return await exploreIn(directory, task);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function exploreIn(cwd: string, task: Task): Promise<Exploration> {
  const began = performance.now();
  const timeoutMs = task.secondsMax * 1000;
  const file = `${task.model}.pml`;
  const defines = task.defines.map((define) => `-D${define}`);
  await cp(modelDirectory, cwd, { recursive: true });
  await mustCall("spin", ["-a", ...defines, file], { cwd, timeoutMs });
  await mustCall("gcc", [...compilerFlags(task), "-o", "verifier", "pan.c"], { cwd, timeoutMs });
  // -E: that nobody can do anything any more is how a bounded run ends; -n: no list of unreached code.
  const run = [`-m${searchDepthMax}`, "-E", "-n", ...(task.hashed ? ["-w26"] : [])];
  const { output } = await call("./verifier", run, { cwd, timeoutMs });
  const search = readSearch(output);
  const seconds = (performance.now() - began) / 1000;
  const hasTrail = (await readdir(cwd)).includes(`${file}.trail`);
  if (!hasTrail) return { ...search, seconds, playback: undefined };
  const trail = await call("spin", ["-T", "-t", ...defines, file], { cwd, timeoutMs });
  return { ...search, seconds, playback: readPlayback(trail.output) };
}

function compilerFlags(task: Task): readonly string[] {
  return [
    task.shortest ? "-O0" : "-O2",
    "-w",
    "-DSAFETY",
    `-DMEMLIM=${task.memoryMiBMax}`,
    ...(task.shortest ? ["-DBFS"] : []),
    ...(task.hashed ? ["-DHC4"] : []),
  ];
}

async function mustCall(...[tool, args, options]: Parameters<typeof call>): Promise<void> {
  const { code, output } = await call(tool, args, options);
  if (code !== 0 || /^spin: .*Error/m.test(output)) {
    throw new Error(`${tool} ${args.join(" ")} failed:\n${output.trim()}`);
  }
}
