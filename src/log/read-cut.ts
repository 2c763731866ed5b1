/**
 * Cuts segments to what a read asked for, and into pieces that fit into responses.
 *
 * Invariant: batches come in the read's order, without an overlap, and together they hold each
 * entry that is wanted between the read's start and its first limit. At each step all that is wanted
 * before `nextIndex` was in a batch of this or of an earlier step.
 * Invariant: between two steps a bounded number of fields is looked at, whatever the filter.
 */

import type { EntriesSegment } from "../core/types.js";
import type { EntryFilter } from "./entry-filter.js";
import {
  contentBytes,
  dropEntries,
  entryOffsets,
  takeEntries,
  type EntryRun,
} from "./entry-run.js";
import { entryRunOf } from "./segment-body.js";

/** Entries at consecutive indexes that were committed together; indexes go down in a reverse read. */
export interface Batch {
  readonly run: EntryRun;
  readonly firstIndex: number;
  readonly term: number;
  readonly timestampMs: number;
}

export type CutStep =
  | { readonly type: "batch"; readonly batch: Batch }
  /** Work was done, and nothing came of it so far: others may want to do some. */
  | { readonly type: "pause" };

export interface ReadCutOptions {
  readonly startIndex: number;
  readonly endIndex: number;
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly reverse: boolean;
  readonly filter: EntryFilter | undefined;
}

/** Well below a millisecond of work. */
const fieldsBetweenPauses = 16_384;

const pause: CutStep = { type: "pause" };

/** What is left to be read. */
export class ReadCut {
  readonly #options: ReadCutOptions;
  readonly #step: 1 | -1;
  #nextIndex: number;
  #entriesLeft: number;
  #bytesLeft: number;
  #limitReached = false;
  /** Whether an entry was delivered: the first one is, whatever its size. */
  #begun = false;
  #fieldsAtPause = 0;

  constructor(options: ReadCutOptions) {
    this.#options = options;
    this.#step = options.reverse ? -1 : 1;
    this.#nextIndex = options.startIndex;
    this.#entriesLeft = options.entriesMax;
    this.#bytesLeft = options.bytesMax;
  }

  /** The index of the next entry to look at. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** What stands before this index is wanted no more: the log begins here. For reads that go up. */
  skipTo(index: number): void {
    this.#nextIndex = Math.max(this.#nextIndex, index);
  }

  /** Whether nothing more is to be delivered, however much the log grows. */
  get isDone(): boolean {
    const left = (this.#options.endIndex - this.#nextIndex) * this.#step;
    return this.#limitReached || left <= 0 || this.#entriesLeft === 0;
  }

  /** What is wanted of the next segment, in batches of about `bytesMax` bytes at most. */
  take(segment: EntriesSegment, bytesMax: number): Generator<CutStep> {
    const { reverse, filter } = this.#options;
    return reverse || filter !== undefined
      ? this.#takeEach(segment, bytesMax)
      : this.#takeAll(segment, bytesMax);
  }

  /** Forwards and unfiltered, the stored bytes are wanted as they are. */
  *#takeAll(segment: EntriesSegment, bytesMax: number): Generator<CutStep> {
    const skipped = Math.max(0, this.#nextIndex - segment.firstIndex);
    let rest = this.#limited(dropEntries(entryRunOf(segment), skipped));
    while (rest.entryCount > 0) {
      const run = takeAtLeastOne(rest, bytesMax);
      const step = batchStep(segment, run, this.#nextIndex);
      this.#nextIndex += run.entryCount;
      this.#entriesLeft -= run.entryCount;
      yield step;
      // A run is the beginning of what it was taken from.
      const bytes = rest.bytes.subarray(run.bytes.length);
      rest = { bytes, entryCount: rest.entryCount - run.entryCount };
    }
  }

  #limited(run: EntryRun): EntryRun {
    const entriesMax = Math.min(this.#entriesLeft, this.#options.endIndex - this.#nextIndex);
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

  /** Entry by entry. */
  *#takeEach(segment: EntriesSegment, bytesMax: number): Generator<CutStep> {
    const run = entryRunOf(segment);
    const offsets = entryOffsets(run);
    const { filter } = this.#options;
    const collected = new Collected(segment, run.bytes);
    for (;;) {
      const place = this.#nextIndex - segment.firstIndex;
      if (place < 0 || place >= segment.entryCount || this.isDone) break;
      const start = offsets[place] ?? 0;
      const end = offsets[place + 1] ?? 0;
      const isWanted = filter === undefined || filter.matches(run.bytes, start, end);
      if (isWanted && !this.#mayDeliver(run.bytes.subarray(start, end))) break;
      const isFull = collected.bytes + end - start > bytesMax;
      if (!collected.isEmpty && (!isWanted || isFull)) yield collected.take();
      if (isWanted) {
        collected.add(this.#nextIndex, start, end);
        this.#entriesLeft -= 1;
      }
      this.#nextIndex += this.#step;
      if (!this.#isTimeToPause()) continue;
      if (!collected.isEmpty) yield collected.take();
      yield pause;
    }
    if (!collected.isEmpty) yield collected.take();
  }

  /** Takes the entry from what is left of the bytes; where it does not fit, the read is done. */
  #mayDeliver(entry: Uint8Array): boolean {
    if (this.#bytesLeft === Infinity) return true;
    const content = contentBytes({ bytes: entry, entryCount: 1 });
    if (this.#begun && content > this.#bytesLeft) {
      this.#limitReached = true;
      return false;
    }
    this.#begun = true;
    this.#bytesLeft = Math.max(0, this.#bytesLeft - content);
    return true;
  }

  #isTimeToPause(): boolean {
    const fields = this.#options.filter?.fieldsSeen ?? 0;
    if (fields - this.#fieldsAtPause < fieldsBetweenPauses) return false;
    this.#fieldsAtPause = fields;
    return true;
  }
}

/** Entries of one segment that are collected for a batch, upwards or downwards. */
class Collected {
  readonly #segment: EntriesSegment;
  readonly #run: Buffer;
  /** Where entries that stand one behind the other begin and end. */
  #ranges: { start: number; end: number }[] = [];
  #firstIndex = 0;
  #entryCount = 0;
  bytes = 0;

  constructor(segment: EntriesSegment, run: Uint8Array) {
    this.#segment = segment;
    this.#run = Buffer.from(run.buffer, run.byteOffset, run.length);
  }

  get isEmpty(): boolean {
    return this.#entryCount === 0;
  }

  add(index: number, start: number, end: number): void {
    if (this.isEmpty) this.#firstIndex = index;
    this.#entryCount += 1;
    this.bytes += end - start;
    const last = this.#ranges.at(-1);
    if (last?.end === start) last.end = end;
    else this.#ranges.push({ start, end });
  }

  /** What was collected; then nothing is. */
  take(): CutStep {
    const run = { bytes: this.#joined(), entryCount: this.#entryCount };
    this.#ranges = [];
    this.#entryCount = 0;
    this.bytes = 0;
    return batchStep(this.#segment, run, this.#firstIndex);
  }

  /** Copied only where the entries do not stand one behind the other. */
  #joined(): Uint8Array {
    const [first, second] = this.#ranges;
    if (first !== undefined && second === undefined) {
      return this.#run.subarray(first.start, first.end);
    }
    const joined = Buffer.allocUnsafe(this.bytes);
    let offset = 0;
    for (const { start, end } of this.#ranges) {
      offset += this.#run.copy(joined, offset, start, end);
    }
    return joined;
  }
}

function batchStep(segment: EntriesSegment, run: EntryRun, firstIndex: number): CutStep {
  const { epoch, timestampMs } = segment;
  return { type: "batch", batch: { run, firstIndex, term: epoch.term, timestampMs } };
}

/** As many entries as fit, but one at least. */
function takeAtLeastOne(run: EntryRun, bytesMax: number): EntryRun {
  const taken = takeEntries(run, { entriesMax: Infinity, bytesMax });
  return taken.entryCount > 0 ? taken : takeEntries(run, { entriesMax: 1, bytesMax: Infinity });
}
