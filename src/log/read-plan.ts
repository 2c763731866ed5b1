/** What a read asks for, and where in a log it begins and ends. */

import { SuraftError } from "../errors.js";
import type { EntryFilter } from "./entry-filter.js";
import { notInLog, outOfRange, type LogReader } from "./log-reader.js";

/** Where a read begins; a reverse one goes down from there. */
export type ReadStart =
  /** At the first entry that can be read; in reverse at the last one. */
  | { readonly type: "first" }
  | { readonly type: "index"; readonly index: number }
  /** At the first entry of this time or later; in reverse at the last one of this time or earlier. */
  | { readonly type: "timestamp"; readonly timestampMs: number }
  /** So many entries before the tail; in reverse at the last entry, and no more than so many. */
  | { readonly type: "last"; readonly count: number };

/** A read that makes sense by itself. Numbers that were not limited are Infinity. */
export interface ReadPlan {
  readonly start: ReadStart;
  /** The newest entry first. */
  readonly reverse: boolean;
  /** The read stops before it comes to this index. */
  readonly endIndex: number | undefined;
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly follow: boolean;
  readonly filter: EntryFilter | undefined;
}

/** Where a read of a log goes: from `startIndex` until it comes to `endIndex`, up or down. */
export interface ReadRange {
  readonly startIndex: number;
  readonly endIndex: number;
}

/** Throws a SuraftError of kind `invalid` for a plan that contradicts itself. */
export function checkPlan({ start, reverse, endIndex, follow }: ReadPlan): void {
  if (start.type === "index" && start.index === 0) {
    throw invalid("the start index is 0; indexes begin at 1");
  }
  if (endIndex === 0) {
    throw invalid("the end index is 0; indexes begin at 1");
  }
  if (reverse && follow) {
    throw invalid("a reverse read cannot follow: it goes away from the tail");
  }
  if (start.type !== "index" || endIndex === undefined) return;
  if (reverse && endIndex > start.index) {
    const text = `the end index ${endIndex} is above the start index ${start.index}`;
    throw invalid(`${text}, and a reverse read goes down`);
  }
  if (!reverse && endIndex < start.index) {
    throw invalid(`the end index ${endIndex} is before the start index ${start.index}`);
  }
}

/**
 * Where a read goes, by what the log holds now. Throws a SuraftError of kind `out_of_range` with the
 * log's bounds for a start that was trimmed, lies beyond the tail or in the future.
 */
export async function rangeOf(
  plan: ReadPlan,
  log: LogReader,
  signal: AbortSignal,
): Promise<ReadRange> {
  const { firstIndex, nextIndex } = log;
  if (!plan.reverse) {
    const startIndex = await findStart(plan.start, log, signal);
    const { endIndex = Infinity } = plan;
    return { startIndex, endIndex: plan.follow ? endIndex : Math.min(endIndex, nextIndex) };
  }
  const startIndex = await findStartOfReverse(plan.start, log, signal);
  const below = plan.start.type === "last" ? nextIndex - 1 - plan.start.count : 0;
  return { startIndex, endIndex: Math.max(plan.endIndex ?? 0, below, firstIndex - 1) };
}

async function findStart(start: ReadStart, log: LogReader, signal: AbortSignal): Promise<number> {
  switch (start.type) {
    case "first":
      return log.firstIndex;
    case "index":
      checkIndex(start.index, log);
      return start.index;
    case "last":
      return Math.max(log.firstIndex, log.nextIndex - start.count);
    case "timestamp": {
      const index = await log.findTimestamp(start.timestampMs, signal);
      checkTime(start.timestampMs, index, log);
      return index;
    }
  }
}

async function findStartOfReverse(
  start: ReadStart,
  log: LogReader,
  signal: AbortSignal,
): Promise<number> {
  const lastIndex = log.nextIndex - 1;
  switch (start.type) {
    case "first":
    case "last":
      return lastIndex;
    case "index":
      checkIndex(start.index, log);
      return Math.min(start.index, lastIndex);
    case "timestamp": {
      const behind = await log.findTimestamp(start.timestampMs + 1, signal);
      checkTime(start.timestampMs, behind, log);
      return behind - 1;
    }
  }
}

function checkIndex(index: number, log: LogReader): void {
  if (index < log.firstIndex || index > log.nextIndex) throw outOfRange(index, log);
}

/** Entries have the leader's time, which may be a little ahead of this process's. */
function checkTime(timestampMs: number, index: number, log: LogReader): void {
  if (index >= log.nextIndex && timestampMs > Date.now()) {
    throw notInLog("the start timestamp is in the future", log);
  }
}

function invalid(message: string): SuraftError {
  return new SuraftError("invalid", message);
}
