/** `suraft trim`: lets go of old entries. */

import { Option, type Command } from "commander";
import {
  addClientOptions,
  countOption,
  openClient,
  type ClientOptionValues,
} from "../client-options.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";

interface TrimCommandOptions extends ClientOptionValues {
  readonly before: number;
  readonly expectedFirstIndex?: number;
  readonly json?: true;
}

export function declareTrim(command: Command): void {
  command
    .description(
      "Trims the log: entries before an index are gone for readers at once, on every node, and for " +
        "ever. Their storage is freed in time, by a node that may delete (see graceMs). Prints the " +
        "index that the log begins at.",
    )
    .addOption(
      new Option("--before <index>", "the first index that is kept")
        .argParser(countOption(1))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--expected-first-index <index>",
        "trim only if the log begins at this index",
      ).argParser(countOption(1)),
    )
    .option("--json", "print JSON");
  addClientOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  suraft trim --before 1000001
  suraft trim --before "$(cat snapshot.index)" --expected-first-index 1`,
    )
    .action(trim);
}

async function trim(options: TrimCommandOptions): Promise<void> {
  const { before, expectedFirstIndex } = options;
  const expected = expectedFirstIndex === undefined ? {} : { expectedFirstIndex };
  const client = openClient(options);
  const { firstIndex } = await client.trim(before, { ...expected, signal: interruption() });
  await write(options.json ? `${JSON.stringify({ firstIndex })}\n` : `${firstIndex}\n`);
}
