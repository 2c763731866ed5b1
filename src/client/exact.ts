/**
 * Numbers and times of a request and of an answer. A node of another make may answer what no number here can hold, or no
 * calendar: such an answer is as good as none, and never another number.
 */

import { durationMs, timestampMs, type Duration, type Timestamp } from "@bufbuild/protobuf/wkt";
import { SuraftError } from "../errors.js";

/** What an answer that makes no sense leaves open: of an append, everything. */
type Nonsense = "unavailable" | "unknown_outcome";

/** The greatest time that can be shown, before and after 1970. */
const timeMsMax = 8.64e15;

function nonsense(what: string, kind: Nonsense): SuraftError {
  return new SuraftError(kind, `a node's answer makes no sense: ${what}`);
}

/** An index, count or other number that a caller gave. Throws `invalid`. */
export function wholeNumber(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SuraftError("invalid", `${name} must be a whole number of at least 0`);
}

/** A number of an answer, exactly. Throws where a number of 64 bits would lose digits. */
export function exactNumber(name: string, value: bigint, kind: Nonsense = "unavailable"): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw nonsense(`${name} is ${value}`, kind);
}

/** An answer's time in milliseconds; 0 where there is none. */
export function timeOf(timestamp: Timestamp | undefined, kind: Nonsense = "unavailable"): number {
  const timeMs = timestamp === undefined ? 0 : timestampMs(timestamp);
  if (Math.abs(timeMs) <= timeMsMax) return timeMs;
  throw nonsense(`a time is ${timestamp?.seconds} seconds from 1970`, kind);
}

/** An answer's span of time in milliseconds; 0 where there is none. */
export function spanOf(duration: Duration | undefined): number {
  const spanMs = duration === undefined ? 0 : durationMs(duration);
  if (Math.abs(spanMs) <= timeMsMax) return spanMs;
  throw nonsense(`a duration is ${duration?.seconds} seconds`, "unavailable");
}
