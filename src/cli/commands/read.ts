/** `suraft read`: prints entries, from anywhere to anywhere, or as they come. */

import { InvalidArgumentError, Option, type Command } from "commander";
import {
  addClientOptions,
  countOption,
  openClient,
  type ClientOptionValues,
} from "../client-options.js";
import {
  entryFormats,
  formatEntry,
  type EntryFormat,
  type EntryFormatOptions,
} from "../entry-format.js";
import { UsageError } from "../exit-code.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { parseTime } from "../time.js";
import type { ReadBatch, ReadOptions, ReadStart } from "../../client/types.js";

/** Output is gathered to about this many bytes before it is written. */
const CHUNK_BYTES = 64 * 1024;

interface ReadCommandOptions extends ClientOptionValues {
  readonly from?: number;
  readonly last?: number;
  readonly since?: number;
  readonly end?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly follow?: true;
  readonly format: EntryFormat;
  readonly verbose?: true;
  readonly local?: true;
}

function timeOption(text: string): number {
  const time = parseTime(text, Date.now());
  if (time === undefined) {
    throw new InvalidArgumentError(
      "Write a time such as 2026-11-21T10:00:00Z, or how long ago: 90s, 10m, 2h, 7d.",
    );
  }
  return time;
}

export function declareRead(command: Command): void {
  command
    .description("Prints entries in the order of their indexes, by default all that there are.")
    .addOption(
      new Option("--from <index>", "begin at this index")
        .argParser(countOption(1))
        .conflicts(["last", "since"]),
    )
    .addOption(
      new Option("--last <count>", "begin this many entries before the end; 0: only new ones")
        .argParser(countOption(0))
        .conflicts(["since"]),
    )
    .addOption(
      new Option("--since <time>", "begin at the first entry of this time or later").argParser(
        timeOption,
      ),
    )
    .addOption(new Option("--end <index>", "stop before this index").argParser(countOption(1)))
    .addOption(
      new Option("--until <time>", "stop before the first entry of this time or later").argParser(
        timeOption,
      ),
    )
    .addOption(
      new Option("-n, --limit <count>", "stop after this many entries").argParser(countOption(1)),
    )
    .option("-f, --follow", "wait at the end for new entries")
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
  suraft read --from 42 --limit 1 --format raw > photo.jpg`;

async function read(options: ReadCommandOptions): Promise<void> {
  if (options.verbose && options.format !== "text") {
    throw new UsageError("--verbose is for --format text; JSON has the index and time anyway");
  }
  if (options.from !== undefined && options.end !== undefined && options.end < options.from) {
    throw new UsageError("--end must not be before --from");
  }
  const format: EntryFormatOptions = {
    format: options.format,
    terminal: process.stdout.isTTY,
    verbose: options.verbose ?? false,
  };
  const printer = new EntryPrinter(format, options.until);
  for await (const { batches } of openClient(options).read(readOptions(options))) {
    for (const batch of batches) {
      if (!(await printer.print(batch))) {
        return;
      }
    }
    // What has come is shown before waiting for more.
    await printer.flush();
  }
}

function readOptions(options: ReadCommandOptions): ReadOptions {
  return {
    start: startOf(options),
    ...(options.end === undefined ? {} : { endIndex: options.end }),
    entriesMax: options.limit ?? 0,
    follow: options.follow ?? false,
    local: options.local ?? false,
    signal: interruption(),
    timeoutMs: options.follow ? Math.max(options.timeout, FOLLOW_TIMEOUT_MS) : options.timeout,
  };
}

/** An idle log is silent for some seconds. */
const FOLLOW_TIMEOUT_MS = 20_000;

function startOf({ from, last, since }: ReadCommandOptions): ReadStart {
  if (from !== undefined) {
    return { type: "index", index: from };
  }
  if (last !== undefined) {
    return { type: "last", count: last };
  }
  return since === undefined ? { type: "first" } : { type: "timestamp", timestampMs: since };
}

/** Gathers entries into chunks and writes them as fast as they are taken. */
class EntryPrinter {
  readonly #format: EntryFormatOptions;
  readonly #untilMs: number | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(format: EntryFormatOptions, untilMs: number | undefined) {
    this.#format = format;
    this.#untilMs = untilMs;
  }

  /** False once nothing more is to be printed. */
  async print(batch: ReadBatch): Promise<boolean> {
    const { term, timestampMs } = batch;
    if (this.#untilMs !== undefined && timestampMs >= this.#untilMs) {
      await this.flush();
      return false;
    }
    let index = batch.firstIndex;
    for (const { payload, headers, key } of batch.entries) {
      const bytes = formatEntry({ index, term, timestampMs, payload, headers, key }, this.#format);
      this.#chunks.push(bytes);
      this.#bytes += bytes.length;
      index += 1;
      if (this.#bytes >= CHUNK_BYTES) {
        await this.flush();
      }
    }
    return true;
  }

  async flush(): Promise<void> {
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    await write(whole);
  }
}
