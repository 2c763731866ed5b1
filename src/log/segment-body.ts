/** What the log keeps of a segment beside the core's view of it: the stored bytes. */

import { assert } from "../core/assert.js";
import type { Append, EntriesSegment, Segment } from "../core/types.js";
import type { EntryRun } from "./entry-run.js";

/** An append that knows its entries: what the drafts that are sealed here are made of. */
export interface EntryAppend extends Append {
  readonly run: EntryRun;
}

/** The bytes of a segment. */
export class SegmentBody {
  /** The stored object, whole. */
  readonly bytes: Uint8Array;
  /** Its entries stand at `[runStart, runEnd)`. */
  readonly runStart: number;
  readonly runEnd: number;

  constructor(bytes: Uint8Array, runStart: number, runEnd: number) {
    this.bytes = bytes;
    this.runStart = runStart;
    this.runEnd = runEnd;
  }
}

export function hasEntries(segment: Segment): segment is EntriesSegment {
  return segment.type === "entries" && segment.entryCount > 0;
}

/** The bytes that are stored for a segment. */
export function storedBytes(segment: Segment): Uint8Array {
  return bodyOf(segment).bytes;
}

/** A segment's entries, as they were sent; none in a claim. Aliases the stored bytes. */
export function entryRunOf(segment: Segment): EntryRun {
  const { bytes, runStart, runEnd } = bodyOf(segment);
  const entryCount = segment.type === "entries" ? segment.entryCount : 0;
  return { bytes: bytes.subarray(runStart, runEnd), entryCount };
}

function bodyOf(segment: Segment): SegmentBody {
  const { body } = segment;
  assert(body instanceof SegmentBody, "a segment has the body that its codec gave it");
  return body;
}
