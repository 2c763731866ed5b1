/** Judges a read: what can be said of the request alone, and where in the log it begins and ends. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";

import { Consistency, type ReadRequest } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../errors.js";
import type { LogReader } from "../log/log-reader.js";

/** Where a read begins. */
export type ReadStart =
  | { readonly type: "first" }
  | { readonly type: "index"; readonly index: number }
  | { readonly type: "timestamp"; readonly timestampMs: number }
  | { readonly type: "last"; readonly count: number };

/** A read that makes sense by itself. Numbers that were not limited are Infinity. */
export interface ReadPlan {
  readonly start: ReadStart;
  readonly endIndex: number;
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly follow: boolean;
  readonly linearizable: boolean;
}

/** Checks a request by itself. Throws a SuraftError of kind `invalid`. */
export function planRead(request: ReadRequest): ReadPlan {
  const start = startOf(request.start);
  const endIndex = request.endIndex === undefined ? Infinity : Number(request.endIndex);
  if (endIndex === 0) {
    throw invalid("end_index is 0; indexes begin at 1");
  }
  if (start.type === "index" && endIndex < start.index) {
    throw invalid(`end_index ${endIndex} is before start_index ${start.index}`);
  }
  return {
    start,
    endIndex,
    entriesMax: limitOf(request.entriesMax),
    bytesMax: limitOf(request.bytesMax),
    follow: request.follow,
    linearizable: isLinearizable(request.consistency),
  };
}

/** Whether a call must see everything that was acknowledged before it began. */
export function isLinearizable(consistency: Consistency): boolean {
  switch (consistency) {
    case Consistency.UNSPECIFIED:
    case Consistency.LINEARIZABLE:
      return true;
    case Consistency.LOCAL:
      return false;
    default:
      throw invalid(`consistency has the unknown value ${String(consistency)}`);
  }
}

function startOf(start: ReadRequest["start"]): ReadStart {
  switch (start.case) {
    case undefined:
      return { type: "first" };
    case "startIndex":
      if (start.value === 0n) {
        throw invalid("start_index is 0; indexes begin at 1");
      }
      return { type: "index", index: Number(start.value) };
    case "startTimestamp":
      return { type: "timestamp", timestampMs: millisecondsOf(start.value) };
    case "lastCount":
      return { type: "last", count: Number(start.value) };
  }
}

/** Rounded up: entries have whole milliseconds, and none before the timestamp is wanted. */
function millisecondsOf({ seconds, nanos }: Timestamp): number {
  if (nanos < 0 || nanos > 999_999_999) {
    throw invalid(`start_timestamp has ${nanos} nanoseconds; 0 to 999,999,999 are allowed`);
  }
  const wholeSeconds = Number(seconds);
  if (wholeSeconds < -62_135_596_800 || wholeSeconds > 253_402_300_799) {
    throw invalid(
      `start_timestamp is ${wholeSeconds} seconds from 1970; years 1 to 9999 are allowed`,
    );
  }
  return wholeSeconds * 1000 + Math.ceil(nanos / 1_000_000);
}

function limitOf(value: bigint): number {
  return value === 0n ? Infinity : Number(value);
}

function invalid(message: string): SuraftError {
  return new SuraftError("invalid", message);
}

/**
 * The index that a read begins at. Throws a SuraftError of kind `out_of_range` with the log's
 * bounds for a start that was trimmed, lies beyond the tail or in the future.
 */
export async function findStart(
  start: ReadStart,
  log: LogReader,
  signal: AbortSignal,
): Promise<number> {
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
      // Entries have the leader's time, which may be a little ahead of this node's.
      if (index >= log.nextIndex && start.timestampMs > Date.now()) {
        throw outOfRange("start_timestamp is in the future", log);
      }
      return index;
    }
  }
}

function checkIndex(index: number, log: LogReader): void {
  if (index < log.firstIndex) {
    throw outOfRange(`index ${index} was trimmed; the log begins at ${log.firstIndex}`, log);
  }
  if (index > log.nextIndex) {
    throw outOfRange(`index ${index} is beyond the tail; the next index is ${log.nextIndex}`, log);
  }
}

function outOfRange(message: string, log: LogReader): SuraftError {
  return new SuraftError("out_of_range", message, {
    details: { first_index: String(log.firstIndex), next_index: String(log.nextIndex) },
  });
}
