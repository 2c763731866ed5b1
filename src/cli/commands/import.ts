/** `suraft import`: makes a new log of exported entries, with no node. */

import { InvalidArgumentError, Option, type Command } from "commander";
import { describeDefault, nodeSettings } from "../../node/config.js";
import { members } from "../../node/config-values.js";
import { openSource } from "../append-input.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { WorkProgress } from "../progress-bar.js";
import { addStoreOption, parallelOption, type StoreOptionValues } from "../store-options.js";
import { countOf, entriesOf } from "../terminal.js";
import type { NodeMember } from "../../node/node.js";

interface ImportCommandOptions extends StoreOptionValues {
  readonly members: readonly NodeMember[];
  readonly graceMs?: number;
  readonly parallel: number;
  readonly json?: true;
}

function memberList(text: string): readonly NodeMember[] {
  const parsed = members().safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message ?? "names no members"}.`);
}

function grace(text: string): number {
  const parsed = nodeSettings.graceMs.schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message ?? "is no time"}.`);
}

export function declareImport(command: Command): void {
  command
    .description(
      "Makes a new log, in an empty store, of what suraft export has written. Indexes, timestamps, keys " +
        "and headers stay; the cluster is a new one. An import that failed, or whose file was cut off, " +
        "leaves no log behind: repeat it with the whole file, and it goes on.",
    )
    .argument("<file>", "- for standard input")
    .addOption(
      new Option("--members <id=host:port,...>", "the nodes of the new cluster")
        .makeOptionMandatory()
        .argParser(memberList),
    )
    .addOption(
      new Option(
        "--grace-ms <ms>",
        `the new cluster's grace, fixed from then on (default: ${describeDefault("graceMs")})`,
      ).argParser(grace),
    )
    .option("--json", "print JSON");
  addStoreOption(command)
    .addOption(parallelOption())
    .addHelpText("after", help)
    .action(importCommand);
}

const help = `
What is not in the file is not in the new log: terms, producers, fencing tokens.

Examples:
  suraft import --store gs://other/log --members n1=10.0.0.1:7101 log.suraft
  zstd -d < log.suraft.zst | \\
    suraft import --store gs://other/log --members n1=10.0.0.1:7101 -`;

async function importCommand(path: string, options: ImportCommandOptions): Promise<void> {
  const { openLogStore } = await import("../../offline/open-log-store.js");
  const { ExportFile } = await import("../../offline/export-file.js");
  const { importLog } = await import("../../offline/import-log.js");
  const store = openLogStore(options.store);
  const { name, chunks, sizeBytes } = await openSource(path);
  const progress = new WorkProgress("bytes");
  try {
    const imported = await importLog(store, new ExportFile(name, chunks), {
      signal: interruption(),
      members: options.members,
      width: options.parallel,
      ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
      onProgress: ({ bytes }) => progress.update({ done: bytes, total: sizeBytes ?? bytes, bytes }),
    });
    progress.stop();
    const { firstIndex, nextIndex, segments } = imported;
    const entries = entriesOf(firstIndex, nextIndex);
    await write(
      options.json
        ? `${JSON.stringify(imported)}\n`
        : `imported ${entries} in ${countOf(segments, "segment")}\n`,
    );
  } finally {
    progress.stop();
    chunks.destroy();
    await store.close();
  }
}
