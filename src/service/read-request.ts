/** Judges a read by its request alone. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";

import {
  Consistency,
  type EntryFilter as WireFilter,
  type ReadRequest,
} from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../errors.js";
import { EntryFilter } from "../log/entry-filter.js";
import { checkPlan, type ReadPlan, type ReadStart } from "../log/read-plan.js";

/** A read that makes sense by itself, and how much it must have seen. */
export interface ServedRead {
  readonly plan: ReadPlan;
  readonly linearizable: boolean;
}

/** Checks a request by itself. Throws a SuraftError of kind `invalid`. */
export function planRead(request: ReadRequest): ServedRead {
  const { endIndex, reverse, follow, filter, consistency } = request;
  const plan: ReadPlan = {
    start: startOf(request.start),
    reverse,
    endIndex: endIndex === undefined ? undefined : Number(endIndex),
    entriesMax: limitOf(request.entriesMax),
    bytesMax: limitOf(request.bytesMax),
    follow,
    filter: filter === undefined ? undefined : filterOf(filter),
  };
  checkPlan(plan);
  return { plan, linearizable: isLinearizable(consistency) };
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
      return { type: "index", index: Number(start.value) };
    case "startTimestamp":
      return { type: "timestamp", timestampMs: millisecondsOf(start.value) };
    case "lastCount":
      return { type: "last", count: Number(start.value) };
  }
}

function filterOf({ key: entryKey, headers }: WireFilter): EntryFilter {
  const conditions = headers.map(({ key, value }) => ({ key, value }));
  return new EntryFilter({ key: entryKey, headers: conditions });
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
