/**
 * Cuts segments to what a read asked for, and into pieces that fit into responses.
 *
 * Invariant: batches are delivered in the order of their indexes, without a gap or an overlap, from
 * the read's start to its first limit.
 */

import type { EntriesSegment } from "../core/types.js";
import { contentBytes, dropEntries, takeEntries, type EntryRun } from "../log/entry-run.js";
import { entryRunOf } from "../log/segment-body.js";
import type { Batch } from "./read-response.js";

/** What is left to be read. */
export class ReadCut {
  readonly #endIndex: number;
  #nextIndex: number;
  #entriesLeft: number;
  #bytesLeft: number;
  #limitReached = false;
  /** Whether an entry was delivered: the first one is, whatever its size. */
  #begun = false;

  constructor(options: {
    readonly startIndex: number;
    readonly endIndex: number;
    readonly entriesMax: number;
    readonly bytesMax: number;
  }) {
    this.#nextIndex = options.startIndex;
    this.#endIndex = options.endIndex;
    this.#entriesLeft = options.entriesMax;
    this.#bytesLeft = options.bytesMax;
  }

  /** The index of the next entry to deliver. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** Whether nothing more is to be delivered, however much the log grows. */
  get isDone(): boolean {
    return this.#limitReached || this.#nextIndex >= this.#endIndex || this.#entriesLeft === 0;
  }

  /** The part of the segment that is wanted, in batches of about `bytesMax` bytes at most. */
  *take(segment: EntriesSegment, bytesMax: number): Generator<Batch> {
    const skipped = Math.max(0, this.#nextIndex - segment.firstIndex);
    let rest = this.#limited(dropEntries(entryRunOf(segment), skipped));
    while (rest.entryCount > 0) {
      const run = takeAtLeastOne(rest, bytesMax);
      const { term } = segment.epoch;
      yield { run, firstIndex: this.#nextIndex, term, timestampMs: segment.timestampMs };
      this.#nextIndex += run.entryCount;
      this.#entriesLeft -= run.entryCount;
      rest = dropEntries(rest, run.entryCount);
    }
  }

  #limited(run: EntryRun): EntryRun {
    const entriesMax = Math.min(this.#entriesLeft, this.#endIndex - this.#nextIndex);
    const wanted = takeEntries(run, { entriesMax, bytesMax: Infinity });
    if (this.#bytesLeft === Infinity) {
      return wanted;
    }
    const fitting = this.#begun
      ? takeEntries(wanted, { entriesMax: Infinity, bytesMax: this.#bytesLeft })
      : takeAtLeastOne(wanted, this.#bytesLeft);
    this.#begun = true;
    this.#limitReached = fitting.entryCount < wanted.entryCount;
    this.#bytesLeft = Math.max(0, this.#bytesLeft - contentBytes(fitting));
    return fitting;
  }
}

/** As many entries as fit, but one at least. */
function takeAtLeastOne(run: EntryRun, bytesMax: number): EntryRun {
  const taken = takeEntries(run, { entriesMax: Infinity, bytesMax });
  return taken.entryCount > 0 ? taken : takeEntries(run, { entriesMax: 1, bytesMax: Infinity });
}
