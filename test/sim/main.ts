/** `npm run sim`: runs seeds, replays one as a trace, judges a history, or sees if the judges bite. */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Core } from "../../src/core/core.js";
import { explore } from "./explore.js";
import { formatHistory } from "./history.js";
import { judgeFile } from "./judge-file.js";
import { judgeMutants } from "./mutation.js";
import { makePlan, profiles, reducedPlan } from "./plan.js";
import type { Profile, Rates, Reductions } from "./plan.js";
import { run } from "./run.js";

const usage = `npm run sim -- [options]
  --seed N        the first seed (1)
  --seeds N       how many seeds (100; 1 with --trace or --history)
  --minutes M     fresh seeds, one after the other, for so long
  --profile KIND  only runs of this kind: ${profiles.join(", ")}
  --trace         tell the run of --seed step by step
  --history FILE  write the history of --seed, one JSON event a line
  --check FILE    judge a history file
  --keep LIST     of the seed's faults only these (numbers, or "none")
  --until MS      faults end at this virtual time
  --calm LIST     set these rates to 0
  --mutants       plant each known bug into the core: is it found?
  --only TEXT     with --mutants: those whose names contain the text
  --within N      with --mutants: those that N seeds must find`;

function parse() {
  return parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string" },
      minutes: { type: "string" },
      profile: { type: "string" },
      trace: { type: "boolean", default: false },
      history: { type: "string" },
      check: { type: "string" },
      keep: { type: "string" },
      until: { type: "string" },
      calm: { type: "string" },
      mutants: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      within: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}

type Options = ReturnType<typeof parse>;

function wholeNumber(text: string, name: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name}: ${text} is no count`);
  return number;
}

function parseProfile(text: string | undefined): Profile | undefined {
  const profile = profiles.find((one) => one === text);
  if (text !== undefined && profile === undefined) {
    throw new Error(`--profile: ${text} is none of ${profiles.join(", ")}`);
  }
  return profile;
}

function parseReductions({ keep, until, calm }: Options, seed: number): Reductions {
  const rates = makePlan(seed).rates;
  const names = calm?.split(",") ?? [];
  const unknown = names.find((name) => !(name in rates));
  if (unknown !== undefined) {
    throw new Error(`--calm: ${unknown} is none of ${Object.keys(rates).join(", ")}`);
  }
  return {
    ...(keep !== undefined && {
      keep: keep === "none" ? [] : keep.split(",").map((one) => wholeNumber(one, "--keep")),
    }),
    ...(until !== undefined && { untilMs: wholeNumber(until, "--until") }),
    ...(names.length > 0 && { calm: names as (keyof Rates)[] }),
  };
}

/** Runs one seed for its trace or its history. Returns whether it held. */
function replay(options: Options, seed: number): boolean {
  const plan = reducedPlan(makePlan(seed), parseReductions(options, seed));
  const { history } = options;
  const { faults, ...rest } = plan;
  if (options.trace) console.log(`plan ${JSON.stringify({ ...rest, faults: faults.length })}`);
  const result = run({
    plan,
    makeCore: (core) => new Core(core),
    ...(options.trace && { trace: (line: string) => console.log(line) }),
    ...(history !== undefined && {
      keepHistory: (events) => writeFileSync(history, formatHistory(events)),
    }),
  });
  console.log(JSON.stringify(result, undefined, 1));
  return result.violation === undefined;
}

async function main(): Promise<boolean> {
  const options = parse();
  if (options.help) {
    console.log(usage);
    return true;
  }
  if (options.check !== undefined) return judgeFile(options.check);
  if (options.mutants) {
    const { only, within } = options;
    const seedsMax = within === undefined ? Infinity : wholeNumber(within, "--within");
    return judgeMutants(only, seedsMax);
  }
  const seed = wholeNumber(options.seed, "--seed");
  if (options.trace || options.history !== undefined) return replay(options, seed);
  const minutes = options.minutes === undefined ? undefined : Number(options.minutes);
  const seedsMax = minutes === undefined ? 100 : Number.POSITIVE_INFINITY;
  return explore({
    makeCore: (core) => new Core(core),
    firstSeed: seed,
    seedCount: options.seeds === undefined ? seedsMax : wholeNumber(options.seeds, "--seeds"),
    secondsMax: minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60,
    reductions: parseReductions(options, seed),
    profile: parseProfile(options.profile),
  });
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  process.exitCode = 2;
}
