/**
 * Which part of the log a command reads: indexes, times and counts, forwards or in reverse.
 *
 * `--since` and `--until` bound the times of the entries whichever way they are read; `--from` and
 * `--end` are where the read begins and where it stops.
 */

import { InvalidArgumentError, Option, type Command } from "commander";
import { countOption, textOption } from "./client-options.js";
import { UsageError } from "./exit-code.js";
import { headerFilterOption, type HeaderFilter } from "./header-option.js";
import { parseTime } from "./time.js";
import type { ReadOptions, ReadPart, ReadStart } from "../client/types.js";

export interface ReadRangeOptions {
  readonly from?: number;
  readonly last?: number;
  readonly since?: number;
  readonly end?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly follow?: true;
  readonly reverse?: true;
  readonly key?: string;
  readonly header: readonly HeaderFilter[];
}

/** Reads a log: a client of its nodes, or a reader of its store. */
export interface LogSource {
  read(options: ReadOptions): AsyncIterable<ReadPart>;
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

/** Adds them to a command. */
export function addReadRangeOptions(command: Command): Command {
  return command
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
      new Option("--since <time>", "only entries of this time or later").argParser(timeOption),
    )
    .addOption(
      new Option("--until <time>", "only entries before the first of this time or later").argParser(
        timeOption,
      ),
    )
    .addOption(
      new Option("--end <index>", "stop before coming to this index").argParser(countOption(1)),
    )
    .addOption(
      new Option("-n, --limit <count>", "stop after this many entries").argParser(countOption(1)),
    )
    .option("-r, --reverse", "the newest entry first")
    .addOption(new Option("--key <key>", "only entries with this key").argParser(textOption(256)))
    .addOption(
      new Option("--header <key[=value]>", "only entries with this header (may be repeated)")
        .argParser(headerFilterOption)
        .default([], "all entries"),
    )
    .option("-f, --follow", "wait at the end for new entries");
}

/** Throws a UsageError for options that contradict each other. */
export function checkReadRange(options: ReadRangeOptions): void {
  const { from, end, reverse, follow, last, until } = options;
  if (reverse && follow) {
    throw new UsageError("--reverse goes away from the end: it cannot be used with --follow");
  }
  if (reverse && until !== undefined && (from !== undefined || last !== undefined)) {
    throw new UsageError("with --reverse the read begins at --until: give no --from or --last");
  }
  if (from === undefined || end === undefined) return;
  if (reverse && end > from) {
    throw new UsageError("--end must not be above --from: --reverse goes down");
  }
  if (!reverse && end < from) {
    throw new UsageError("--end must not be before --from");
  }
}

/**
 * The read that the options ask for; undefined if there is nothing to read. In reverse, the time
 * where it ends has to be found in the log first.
 */
export async function readOptionsOf(
  options: ReadRangeOptions,
  source: LogSource,
  signal: AbortSignal,
): Promise<ReadOptions | undefined> {
  const { since, limit, follow = false, reverse = false } = options;
  let endIndex = options.end;
  if (reverse && since !== undefined) {
    const first = await firstIndexSince(since, source, signal);
    if (first === undefined) return undefined;
    endIndex = Math.max(first - 1, endIndex ?? 0);
  }
  return {
    start: startOf(options),
    ...(endIndex === undefined || endIndex === 0 ? {} : { endIndex }),
    entriesMax: limit ?? 0,
    follow,
    reverse,
    ...filterOf(options),
  };
}

function filterOf({ key, header }: ReadRangeOptions): Pick<ReadOptions, "filter"> {
  if (key === undefined && header.length === 0) return {};
  return { filter: { ...(key === undefined ? {} : { key }), headers: header } };
}

function startOf(options: ReadRangeOptions): ReadStart {
  const { from, last, since, until, reverse } = options;
  if (from !== undefined) {
    return { type: "index", index: from };
  }
  if (last !== undefined) {
    return { type: "last", count: last };
  }
  if (!reverse) {
    return since === undefined ? { type: "first" } : { type: "timestamp", timestampMs: since };
  }
  // At a time that has not come yet the log ends.
  return until === undefined || until > Date.now()
    ? { type: "first" }
    : { type: "timestamp", timestampMs: until - 1 };
}

/** The index of the first entry of a time or later; undefined if there is none. */
async function firstIndexSince(
  timestampMs: number,
  source: LogSource,
  signal: AbortSignal,
): Promise<number | undefined> {
  const start = { type: "timestamp", timestampMs } as const;
  for await (const { batches } of source.read({ start, entriesMax: 1, signal })) {
    const [batch] = batches;
    if (batch !== undefined) return batch.firstIndex;
  }
  return undefined;
}
