/**
 * Acknowledgements by hand: the field `repeated AckRange acks = 1`, as it stands in an
 * AppendSessionResponse and in a ForwardResponse.
 */

import {
  bytesFieldSize,
  millisecondsSize,
  numberFieldSize,
  writeBytesFieldHead,
  writeMilliseconds,
  writeNumberField,
} from "./wire.js";

/** Consecutive appends whose entries stand at consecutive indexes of one term, or one repeat. */
export interface AckRange {
  /** Numbered from 1 in the order of the stream. */
  readonly firstAppend: number;
  readonly appendCount: number;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly term: number;
  readonly timestampMs: number;
  /** The append was in the log already; 0 and 0 where its indexes are forgotten. */
  readonly repeat?: boolean;
}

/** One range for both, or undefined where the second does not continue the first. */
export function joinAckRanges(first: AckRange, second: AckRange): AckRange | undefined {
  const continues =
    first.repeat !== true &&
    second.repeat !== true &&
    first.firstAppend + first.appendCount === second.firstAppend &&
    first.firstIndex + first.entryCount === second.firstIndex &&
    first.term === second.term &&
    first.timestampMs === second.timestampMs;
  return continues
    ? {
        ...first,
        appendCount: first.appendCount + second.appendCount,
        entryCount: first.entryCount + second.entryCount,
      }
    : undefined;
}

/** Adds a range behind others, joined to the last where it continues it. */
export function addAckRange(ranges: AckRange[], range: AckRange): void {
  const last = ranges.at(-1);
  const joined = last === undefined ? undefined : joinAckRanges(last, range);
  if (joined === undefined) ranges.push(range);
  else ranges[ranges.length - 1] = joined;
}

/** Encodes a response that holds these ranges and nothing else. */
export function encodeAckRanges(ranges: readonly AckRange[]): Buffer {
  let sizeBytes = 0;
  for (const range of ranges) {
    sizeBytes += bytesFieldSize(rangeSize(range));
  }
  const target = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  for (const range of ranges) {
    offset = writeBytesFieldHead(target, offset, { number: 1, sizeBytes: rangeSize(range) });
    offset = writeRange(target, offset, range);
  }
  return target;
}

function rangeSize(range: AckRange): number {
  return (
    numberFieldSize(range.firstAppend) +
    numberFieldSize(range.appendCount) +
    numberFieldSize(range.firstIndex) +
    numberFieldSize(range.entryCount) +
    numberFieldSize(range.term) +
    bytesFieldSize(millisecondsSize(range.timestampMs)) +
    numberFieldSize(range.repeat === true ? 1 : 0)
  );
}

function writeRange(target: Uint8Array, start: number, range: AckRange): number {
  let offset = start;
  offset = writeNumberField(target, offset, { number: 1, value: range.firstAppend });
  offset = writeNumberField(target, offset, { number: 2, value: range.appendCount });
  offset = writeNumberField(target, offset, { number: 3, value: range.firstIndex });
  offset = writeNumberField(target, offset, { number: 4, value: range.entryCount });
  offset = writeNumberField(target, offset, { number: 5, value: range.term });
  const sizeBytes = millisecondsSize(range.timestampMs);
  offset = writeBytesFieldHead(target, offset, { number: 6, sizeBytes });
  offset = writeMilliseconds(target, offset, range.timestampMs);
  return writeNumberField(target, offset, { number: 7, value: range.repeat === true ? 1 : 0 });
}
