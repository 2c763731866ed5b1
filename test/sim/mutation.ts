/**
 * Do the judges bite? Plants each bug of the list into a temporary copy of the compiled core, and
 * runs seeds until one fails.
 */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import type { Parts } from "./life/parts.js";
import type { Mutant } from "./mutant.js";
import { mutants } from "./mutants.js";
import { makePlan } from "./plan.js";
import { run, type RunViolation } from "./run.js";
import type { MakeCore } from "./any-core.js";

interface Verdict {
  readonly mutant: Mutant;
  readonly seeds: number;
  readonly seconds: number;
  readonly violation: RunViolation | undefined;
}

const coreDirectory = fileURLToPath(new URL("../../src/core", import.meta.url));

/** The files of the compiled core that the bug changes. Throws where a text does not stand once. */
export function plant(mutant: Mutant): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of mutant.edits) {
    const text = files.get(file) ?? readFileSync(join(coreDirectory, file), "utf8");
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`"${mutant.name}": its text stands ${parts.length - 1} times: ${find}`);
    }
    files.set(file, parts.join(replace));
  }
  return files;
}

/** What a run is made of. */
interface Machines {
  readonly makeCore: MakeCore;
  readonly parts: Parts;
}

async function loadMutant(mutant: Mutant, directory: string): Promise<Machines> {
  cpSync(coreDirectory, directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  for (const [file, text] of plant(mutant)) writeFileSync(join(directory, file), text);
  const load = async (file: string): Promise<unknown> =>
    await import(pathToFileURL(join(directory, file)).href);
  const { Core } = (await load("core.js")) as typeof import("../../src/core/core.js");
  const { Upkeep } = (await load(
    "upkeep/upkeep.js",
  )) as typeof import("../../src/core/upkeep/upkeep.js");
  const { ManifestRead } = (await load(
    "manifest-read.js",
  )) as typeof import("../../src/core/manifest-read.js");
  const { HistoryFloor } = (await load(
    "history-floor.js",
  )) as typeof import("../../src/core/history-floor.js");
  return {
    makeCore: (options) => new Core(options),
    parts: {
      upkeep: (options) => new Upkeep(options),
      manifestRead: () => new ManifestRead(),
      historyFloor: (...given) => new HistoryFloor(...given),
    },
  };
}

/** Runs seeds with the bug until one fails, or the mutant's bound is reached. */
export async function judgeMutant(mutant: Mutant): Promise<Verdict> {
  const directory = mkdtempSync(join(tmpdir(), "suraft-mutant-"));
  try {
    const machines = await loadMutant(mutant, directory);
    const beganMs = performance.now();
    let violation: RunViolation | undefined;
    let seeds = 0;
    for (let seed = 1; violation === undefined && seeds < mutant.seedsMax; seed++) {
      const plan = makePlan(seed);
      if (mutant.profile !== undefined && plan.profile !== mutant.profile) continue;
      seeds += 1;
      violation = run({ plan, ...machines }).violation;
    }
    return { mutant, seeds, seconds: (performance.now() - beganMs) / 1000, violation };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Judges all mutants whose names contain the text and that so many seeds must find, and prints the table.
 * False if one escapes.
 */
export async function judgeMutants(only: string, within: number): Promise<boolean> {
  const chosen = mutants.filter(({ name, seedsMax }) => name.includes(only) && seedsMax <= within);
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const row = (bug: string, section: string, seeds: string, seconds: string, found: string) =>
    `${bug.padEnd(width)}  ${section.padEnd(7)} ${seeds.padStart(9)} ${seconds.padStart(8)}  ${found}`;
  console.log(row("bug", "section", "seeds", "seconds", "found as"));
  let escaped = 0;
  let late = 0;
  let sum = 0;
  for (const mutant of chosen) {
    const { seeds, seconds, violation } = await judgeMutant(mutant);
    sum += seconds;
    if (violation === undefined) escaped += 1;
    // A bound is honest if it is not just the luck of the first seeds.
    const isLate = violation !== undefined && seeds > mutant.seedsMax / 2;
    if (isLate) late += 1;
    const found = violation === undefined ? "NOT FOUND" : violation.rule + (isLate ? ", late" : "");
    console.log(
      row(mutant.name, mutant.section, `${seeds}/${mutant.seedsMax}`, seconds.toFixed(1), found),
    );
  }
  console.log(
    `${chosen.length} of ${mutants.length} bugs in ${sum.toFixed(0)} s, ${escaped} not found, ` +
      `${late} found only in the second half of their seeds`,
  );
  return escaped === 0;
}
