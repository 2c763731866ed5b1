/**
 * `npm run bench [-- --only NAME] [--seconds S] [--json FILE] [--profile]`: figures, not a test.
 *
 * Every figure stands beside its limit from the same run: machines differ and are noisy, ratios
 * less so.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Child } from "./child.js";
import { formatReport, type Report } from "./report.js";
import type { BenchContext, Section } from "./section.js";
import { cost } from "./sections/cost.js";
import { exactlyOnce } from "./sections/exactly-once.js";
import { failover } from "./sections/failover.js";
import { followers } from "./sections/followers.js";
import { latency } from "./sections/latency.js";
import { catchUp, coldStart } from "./sections/cold-start.js";
import { longLog } from "./sections/long-log.js";
import { ledger } from "./sections/ledger.js";
import { library } from "./sections/library.js";
import { locks } from "./sections/locks.js";
import { memory } from "./sections/memory.js";
import { proofs } from "./sections/proofs.js";
import { read } from "./sections/read.js";
import { recovery } from "./sections/recovery.js";
import { session } from "./sections/session.js";
import { unary } from "./sections/unary.js";
import { verify } from "./sections/verify.js";

const sections: Readonly<Record<string, Section>> = {
  unary,
  session,
  "exactly-once": exactlyOnce,
  latency,
  read,
  proofs,
  followers,
  "long-log": longLog,
  "cold-start": coldStart,
  "catch-up": catchUp,
  cost,
  memory,
  ledger,
  failover,
  library,
  recovery,
  locks,
  verify,
};

const usage = `npm run bench -- [options]
  --only NAME     one section: ${Object.keys(sections).join(", ")}; may be repeated
  --seconds S     how long each load is measured (default 2)
  --json FILE     write the figures there too
  --long          memory with entries of 1 KiB too
  --profile       write CPU profiles of the leader and a follower to bench-results/
`;

interface Options {
  readonly only: readonly string[];
  readonly seconds: number;
  readonly json: string | undefined;
  readonly long: boolean;
  readonly profile: boolean;
}

/** Undefined where the arguments make no sense. */
function parseOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        seconds: { type: "string", default: "2" },
        json: { type: "string" },
        long: { type: "boolean", default: false },
        profile: { type: "boolean", default: false },
      },
    });
    const { only, json, long, profile } = values;
    const seconds = Number(values.seconds);
    if (!(seconds > 0) || only.some((name) => sections[name] === undefined)) return undefined;
    return { only, seconds, json, long, profile };
  } catch {
    return undefined;
  }
}

interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly store: string;
}

function describeMachine(): Machine {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    node: process.version,
    store: "file:// (a temporary local directory, fsync for each object)",
  };
}

async function runSections(
  names: readonly string[],
  context: BenchContext,
): Promise<ReadonlyMap<string, Report>> {
  const reports = new Map<string, Report>();
  for (const name of names) {
    const section = sections[name];
    if (section === undefined) continue;
    try {
      const report = await section(context);
      reports.set(name, report);
      console.log(`\n${formatReport(report)}`);
    } catch (error) {
      console.error(`\n${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
  return reports;
}

async function main({ only, seconds, json, long, profile }: Options): Promise<void> {
  const startedMs = performance.now();
  const machine = describeMachine();
  console.log(`${machine.date}, ${machine.cores} cores of ${machine.cpu}, Node ${machine.node}`);
  console.log(`store: ${machine.store}`);
  console.log("three node processes, clients in processes of their own, all on these cores");
  const { child, value: noOp } = await Child.start<string>("no-op-process.js", {});
  const names = only.length > 0 ? only : Object.keys(sections);
  const profileDirectory = profile ? "bench-results" : undefined;
  const reports = await runSections(names, { seconds, long, noOp, profileDirectory });
  await child.stop();
  if (json !== undefined) {
    const figures = { machine, seconds, sections: Object.fromEntries(reports) };
    writeFileSync(json, `${JSON.stringify(figures, undefined, 2)}\n`);
  }
  console.log(`\ntook ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

const options = parseOptions();
if (options === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  await main(options);
  // What a section that failed left running ends with this process.
  process.exit();
}
