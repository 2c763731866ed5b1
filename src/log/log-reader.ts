/** What a node holds of the log: where it ends, and a way to read it from memory or the store. */

import { SuraftError } from "../errors.js";
import type { EntriesSegment } from "../core/types.js";

export interface ReadOptions {
  /** The first segment is the one that holds it: it may begin before it, and end behind it. */
  readonly startIndex: number;
  readonly signal: AbortSignal;
}

/** The log as far as this node holds it: valid segments only, in order. */
export interface LogReader {
  /** The first index that can be read. */
  readonly firstIndex: number;
  /** The index of the next entry. Never decreases. */
  readonly nextIndex: number;
  /** The term of the last leadership in the log, 0 if there was none. */
  readonly term: number;
  /**
   * Segments from the one that holds `startIndex`, which is at most `nextIndex`, up to the tail at
   * the time each is taken; ends there. Reads ahead, within a bound of bytes. Throws a
   * SuraftError: `corrupt` naming the object, `unavailable`, or the signal's reason.
   */
  segments(options: ReadOptions): AsyncIterable<EntriesSegment>;
  /**
   * Segments from the one that holds `startIndex`, which is below `nextIndex`, down to the one that
   * holds `firstIndex`; none from the index before that. Else as `segments`.
   */
  segmentsBack(options: ReadOptions): AsyncIterable<EntriesSegment>;
  /** The index of the first entry with this timestamp or a later one; `nextIndex` if there is none. */
  findTimestamp(timestampMs: number, signal: AbortSignal): Promise<number>;
  /** Resolves once `nextIndex` is greater than `index`, or rejects with the signal's reason. */
  waitPast(index: number, signal: AbortSignal): Promise<void>;
}

/** What a reader hears that asks for an index where nothing can be read, or not any more. */
export function outOfRange(index: number, log: LogBounds): SuraftError {
  return notInLog(
    `index ${index} ${index < log.firstIndex ? "was trimmed" : "is beyond the tail"}`,
    log,
  );
}

/** What was asked for is not in the log: `text` says why. */
export function notInLog(text: string, { firstIndex, nextIndex }: LogBounds): SuraftError {
  const message = `${text}; the log begins at ${firstIndex}, and its next index is ${nextIndex}`;
  const details = { first_index: String(firstIndex), next_index: String(nextIndex) };
  return new SuraftError("out_of_range", message, { details });
}

interface LogBounds {
  readonly firstIndex: number;
  readonly nextIndex: number;
}
