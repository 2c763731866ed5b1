/**
 * Encodes ReadResponses by hand: the stored bytes of the entries go out as they are, only the
 * fields around them are written anew.
 */

import type { Batch } from "../log/read-cut.js";
import {
  bytesFieldSize,
  millisecondsSize,
  numberFieldSize,
  writeBytesFieldHead,
  writeMilliseconds,
  writeNumberField,
} from "../rpc/wire.js";

/** How far the log is. */
export interface TailProgress {
  readonly nextIndex: number;
  readonly firstIndex: number;
  readonly ageMs: number;
}

/** How far the log and a read of it are. */
export interface Progress extends TailProgress {
  /** The index that the read comes to next; 0 at the end of a log that was read in reverse. */
  readonly readIndex: number;
}

/** How many bytes a batch takes in a response. */
export function batchSize(batch: Batch): number {
  return bytesFieldSize(contentSize(batch));
}

/** Encodes a ReadResponse. */
export function encodeReadResponse(
  batches: readonly Batch[],
  progress: Progress | undefined,
): Buffer {
  let sizeBytes = progress === undefined ? 0 : bytesFieldSize(progressSize(progress));
  for (const batch of batches) {
    sizeBytes += batchSize(batch);
  }
  const target = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  for (const batch of batches) {
    offset = writeBatch(target, offset, batch);
  }
  if (progress !== undefined) {
    writeProgress(target, offset, progress);
  }
  return target;
}

function contentSize({ run, firstIndex, term, timestampMs }: Batch): number {
  return (
    run.bytes.length +
    numberFieldSize(firstIndex) +
    numberFieldSize(term) +
    bytesFieldSize(millisecondsSize(timestampMs))
  );
}

function writeBatch(target: Buffer, start: number, batch: Batch): number {
  const { run, firstIndex, term, timestampMs } = batch;
  let offset = writeBytesFieldHead(target, start, { number: 1, sizeBytes: contentSize(batch) });
  target.set(run.bytes, offset);
  offset += run.bytes.length;
  offset = writeNumberField(target, offset, { number: 2, value: firstIndex });
  offset = writeNumberField(target, offset, { number: 3, value: term });
  const sizeBytes = millisecondsSize(timestampMs);
  offset = writeBytesFieldHead(target, offset, { number: 4, sizeBytes });
  return writeMilliseconds(target, offset, timestampMs);
}

function progressSize({ nextIndex, firstIndex, ageMs, readIndex }: Progress): number {
  return (
    numberFieldSize(nextIndex) +
    numberFieldSize(firstIndex) +
    bytesFieldSize(millisecondsSize(ageMs)) +
    numberFieldSize(readIndex)
  );
}

function writeProgress(target: Buffer, start: number, progress: Progress): number {
  const { nextIndex, firstIndex, ageMs, readIndex } = progress;
  const head = { number: 2, sizeBytes: progressSize(progress) };
  let offset = writeBytesFieldHead(target, start, head);
  offset = writeNumberField(target, offset, { number: 1, value: nextIndex });
  offset = writeNumberField(target, offset, { number: 2, value: firstIndex });
  const sizeBytes = millisecondsSize(ageMs);
  offset = writeBytesFieldHead(target, offset, { number: 3, sizeBytes });
  offset = writeMilliseconds(target, offset, ageMs);
  return writeNumberField(target, offset, { number: 4, value: readIndex });
}
