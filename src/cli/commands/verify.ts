/** `suraft verify`: checks a whole log in its store, with no node. */

import { DamagedLogError } from "../exit-code.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { WorkProgress } from "../progress-bar.js";
import { addStoreOption, parallelOption, type StoreOptionValues } from "../store-options.js";
import { describeReport } from "../verify-text.js";
import type { Command } from "commander";

interface VerifyOptions extends StoreOptionValues {
  readonly parallel: number;
  readonly json?: true;
  readonly all?: true;
}

export function declareVerify(command: Command): void {
  command
    .description(
      "Reads every object of a log, with no node: checks every checksum and every rule, and says " +
        "what is damaged, which entries are lost, and what is left over. Nodes may be at work " +
        "meanwhile. It only reads.",
    )
    .option("--json", "print one JSON document")
    .option("--all", "print every finding that is kept, up to 1,000 of damage and as many others");
  addStoreOption(command).addOption(parallelOption()).addHelpText("after", help).action(verify);
}

const help = `
Damage: damaged, missing and contradicting objects. Harmless, and left behind by
the protocol: voids, gaps behind the end, ghosts, orphans, old manifests.

Exit codes:
  0  nothing is damaged
  6  something is damaged: see "damaged", "missing" and "contradictions"
  3  the store did not answer
  1  there is no log, or it may not be read

Examples:
  suraft verify --store gs://my-log/production
  suraft verify --store file:///var/lib/suraft --json | jq .lost`;

async function verify(options: VerifyOptions): Promise<void> {
  // Loaded here, so that the other commands do not wait for what a store needs.
  const { openLogStore } = await import("../../offline/open-log-store.js");
  const { verifyLog } = await import("../../offline/verify.js");
  const store = openLogStore(options.store);
  const progress = new WorkProgress("segments");
  const startedMs = performance.now();
  try {
    const report = await verifyLog(store, {
      signal: interruption(),
      width: options.parallel,
      onProgress: ({ position, endPosition, bytes }) =>
        progress.update({ done: position, total: endPosition, bytes }),
    });
    progress.stop();
    const elapsedMs = performance.now() - startedMs;
    const text = options.json
      ? `${JSON.stringify(report)}\n`
      : describeReport(report, { all: options.all ?? false, elapsedMs });
    await write(text);
    if (report.isDamaged) throw new DamagedLogError(`the log in ${options.store} is damaged`);
  } finally {
    progress.stop();
    await store.close();
  }
}
