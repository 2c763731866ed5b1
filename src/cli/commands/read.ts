/** `suraft read`: prints entries, from anywhere to anywhere, or as they come. */

import { Option, type Command } from "commander";
import { addClientOptions, openClient, type ClientOptionValues } from "../client-options.js";
import { entryFormats, type EntryFormat } from "../entry-format.js";
import { EntryPrinter } from "../entry-printer.js";
import { UsageError } from "../exit-code.js";
import { interruption } from "../interruption.js";
import {
  addReadRangeOptions,
  checkReadRange,
  readOptionsOf,
  type ReadRangeOptions,
} from "../read-range.js";

interface ReadCommandOptions extends ClientOptionValues, ReadRangeOptions {
  readonly format: EntryFormat;
  readonly verbose?: true;
  readonly local?: true;
}

export function declareRead(command: Command): void {
  command.description(
    "Prints entries in the order of their indexes, by default all that there are.",
  );
  addReadRangeOptions(command)
    .addOption(
      new Option("--format <format>", "text, raw bytes or JSON lines")
        .choices(entryFormats)
        .default("text"),
    )
    .option("-v, --verbose", "text: put the index and the time before each entry")
    .option("--local", "what the node holds, which may lag; works without a leader");
  addClientOptions(command).addHelpText("after", help).action(read);
}

const help = `
Formats:
  text  the payload and a newline; a terminal sees control characters as \\x1b
  raw   the payload's bytes and nothing else
  json  a line such as {"index":1,"term":1,"timestamp":"...","payload":"hello"};
        bytes that are not UTF-8 are in base64, as payloadBase64

Examples:
  suraft read --last 10 --follow
  suraft read --from 1 --end 1001 --format json > part.jsonl
  suraft read --since 10m --verbose
  suraft read --reverse --limit 5 --header type=order
  suraft read --from 42 --limit 1 --format raw > photo.jpg`;

/** An idle log is silent for some seconds. */
const FOLLOW_TIMEOUT_MS = 20_000;

async function read(options: ReadCommandOptions): Promise<void> {
  if (options.verbose && options.format !== "text") {
    throw new UsageError("--verbose is for --format text; JSON has the index and time anyway");
  }
  checkReadRange(options);
  const signal = interruption();
  const source = openClient(options);
  const range = await readOptionsOf(options, source, signal);
  if (range === undefined) {
    return;
  }
  const { format, verbose = false } = options;
  const printer = new EntryPrinter(
    { format, terminal: process.stdout.isTTY, verbose },
    options.reverse ? undefined : options.until,
  );
  const timeoutMs = options.follow ? Math.max(options.timeout, FOLLOW_TIMEOUT_MS) : options.timeout;
  const local = options.local ?? false;
  for await (const { batches } of source.read({ ...range, local, signal, timeoutMs })) {
    for (const batch of batches) {
      if (!(await printer.print(batch))) {
        return;
      }
    }
    // What has come is shown before waiting for more.
    await printer.flush();
  }
}
