/** `suraft read`: prints entries, from anywhere to anywhere, or as they come. */

import { Option, type Command } from "commander";
import { addClientOptions } from "../client-options.js";
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
import {
  addStoreOption,
  checkSource,
  openSource,
  pollIntervalOption,
  type SourceOptionValues,
} from "../store-source.js";
import type { ReadOptions, ReadPart } from "../../client/types.js";
import type { WalkNotice } from "../walk-notice.js";

interface ReadCommandOptions extends SourceOptionValues, ReadRangeOptions {
  readonly format: EntryFormat;
  readonly json?: true;
  readonly verbose?: true;
  readonly pollInterval?: number;
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
    .addOption(new Option("--json", "the same as --format json").implies({ format: "json" }))
    .option("-v, --verbose", "text: put the index and the time before each entry")
    .option("--local", "what the node holds, which may lag; works without a leader");
  addStoreOption(command).addOption(pollIntervalOption());
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
  suraft read --from 42 --limit 1 --format raw > photo.jpg
  suraft read --store gs://my-log/production --last 10`;

/** An idle log is silent for some seconds. */
const FOLLOW_TIMEOUT_MS = 20_000;

async function read(options: ReadCommandOptions, command: Command): Promise<void> {
  if (options.json && options.format !== "json") {
    throw new UsageError("--json is --format json: give one of the two");
  }
  if (options.verbose && options.format !== "text") {
    throw new UsageError("--verbose is for --format text; JSON has the index and time anyway");
  }
  if (options.pollInterval !== undefined && !(options.store !== undefined && options.follow)) {
    throw new UsageError("--poll-interval is for --store with --follow: a node says what is new");
  }
  checkReadRange(options);
  checkSource(options, command);
  const signal = interruption();
  const { log, notice } = await openSource(options);
  try {
    const range = await readOptionsOf(options, log, signal);
    if (range !== undefined)
      await print(log.read(callOptions(options, range, signal)), options, notice);
  } finally {
    notice.end();
  }
}

function callOptions(
  { follow, timeout, local }: ReadCommandOptions,
  range: ReadOptions,
  signal: AbortSignal,
): ReadOptions {
  const timeoutMs = follow ? Math.max(timeout, FOLLOW_TIMEOUT_MS) : timeout;
  return { ...range, local: local ?? false, signal, timeoutMs };
}

async function print(
  parts: AsyncIterable<ReadPart>,
  { format, verbose, reverse, until }: ReadCommandOptions,
  notice: WalkNotice,
): Promise<void> {
  const printer = new EntryPrinter(
    { format, terminal: process.stdout.isTTY, verbose: verbose ?? false },
    reverse ? undefined : until,
  );
  for await (const { batches } of parts) {
    for (const batch of batches) {
      notice.end();
      if (!(await printer.print(batch))) {
        return;
      }
    }
    // What has come is shown before waiting for more.
    await printer.flush();
  }
}
