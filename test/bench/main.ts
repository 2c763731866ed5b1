/**
 * `npm run bench [-- --only NAME] [--seconds S] [--long] [--profile]`: figures, not a test.
 *
 * Every figure stands beside its limit from the same run: machines differ and are noisy, ratios
 * less so.
 */

import { formatAim } from "./aim.js";
import { Child } from "./child.js";
import { removeDirectories } from "./directories.js";
import { parseOptions, usage, type Options } from "./options.js";
import { formatReport, type Report } from "./report.js";
import { defaultDirectory, describeMachine, Results } from "./results.js";
import type { BenchContext } from "./section.js";
import { furtherSections, mainSections } from "./sections.js";

/** Says what went wrong in the sections that failed, and leaves them out. */
async function runSections(
  names: readonly string[],
  { context, results }: { readonly context: BenchContext; readonly results: Results },
): Promise<readonly Report[]> {
  const reports = [];
  for (const name of names) {
    const section = mainSections[name] ?? furtherSections[name];
    if (section === undefined) continue;
    try {
      const report = await section(context);
      reports.push(report);
      console.log(`\n${formatReport(report)}`);
      results.add(name, report);
    } catch (error) {
      console.error(`\n${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
  return reports;
}

async function main(options: Options): Promise<void> {
  const { names, seconds, long, profile, prices } = options;
  const startedMs = performance.now();
  const machine = describeMachine();
  console.log(`${machine.date}, ${machine.cores} cores of ${machine.cpu}, Node ${machine.node}`);
  console.log(`store: ${machine.store}`);
  console.log("three node processes, clients in processes of their own, all on these cores");
  const directory = options.results ?? defaultDirectory(machine);
  const results = new Results(directory, { machine, seconds });
  const { child, value: noOp } = await Child.start<string>("no-op-process.js", {});
  const profileDirectory = profile ? directory : undefined;
  const context = { seconds, long, noOp, prices, profileDirectory };
  const reports = await runSections(names, { context, results });
  await child.stop();
  const aims = reports.flatMap((report) => report.aims ?? []);
  if (reports.length > 1 && aims.length > 0)
    console.log(`\nAims\n${aims.map((aim) => `  ${formatAim(aim)}`).join("\n")}`);
  const elapsedSeconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`\ntook ${elapsedSeconds} s; figures and plots are in ${directory}`);
}

const options = parseOptions();
if (options === "help") {
  console.log(usage);
} else if (options === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  await main(options);
  removeDirectories();
  // What a section that failed left running ends with this process.
  process.exit();
}
