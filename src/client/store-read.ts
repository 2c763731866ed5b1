/**
 * One read straight from the store: walks as far as it must, and delivers what was asked for on its way.
 *
 * Invariant: a read that goes upwards delivers while it walks; it ends at a tail that was proven after
 * it began. One that counts from the end, or goes down, finds that tail first.
 */

import { wholeNumber } from "./exact.js";
import { EntryFilter } from "../log/entry-filter.js";
import { decodeEntries } from "../log/entry-run.js";
import { ReadCut, type Batch, type CutStep } from "../log/read-cut.js";
import { checkPlan, rangeOf, type ReadPlan } from "../log/read-plan.js";
import { orAborted } from "../store/abort.js";
import type { StoreLog } from "../log/store-log.js";
import type { Proof } from "../log/store-walkers.js";
import type { Turns } from "../log/turns.js";
import type { ReadBatch, ReadFilter, ReadPart, StoreReadOptions } from "./types.js";

/** About how much a batch holds. */
const batchBytes = 256 * 1024;
/** A read that delivers nothing says so often how far it is. */
const progressIntervalMs = 2000;

/** Throws a SuraftError of kind `invalid` for options that make no sense. */
export function planStoreRead(options: StoreReadOptions): ReadPlan {
  const { start = { type: "first" }, endIndex, follow = false, reverse = false, filter } = options;
  if (start.type === "index") wholeNumber("the index", start.index);
  if (start.type === "last") wholeNumber("the count", start.count);
  const plan: ReadPlan = {
    start,
    reverse,
    endIndex: endIndex === undefined ? undefined : wholeNumber("the end index", endIndex),
    entriesMax: limitOf("the limit of entries", options.entriesMax),
    bytesMax: limitOf("the limit of bytes", options.bytesMax),
    follow,
    filter: filter === undefined ? undefined : filterOf(filter),
  };
  checkPlan(plan);
  return plan;
}

function filterOf({ key, headers = [] }: ReadFilter): EntryFilter {
  return new EntryFilter({
    key,
    headers: headers.map((header) => ({
      key: header.key,
      value: header.value === undefined ? undefined : Buffer.from(header.value),
    })),
  });
}

/** 0 means no limit. */
function limitOf(name: string, value = 0): number {
  return wholeNumber(name, value) === 0 ? Infinity : value;
}

export interface StoreReadParts {
  readonly signal: AbortSignal;
  readonly turns: Turns;
  readonly onWalk: (nextIndex: number) => void;
  /** Resolves, after some time, to what a read has that begins then. */
  readonly poll: () => Promise<Proof>;
}

export class StoreRead {
  readonly #store: StoreLog;
  readonly #plan: ReadPlan;
  readonly #parts: StoreReadParts;
  #proof: Proof;
  /** Whether everything was delivered once that stood in the log when the read began. */
  #follows = false;
  #saidMs = performance.now();

  constructor(store: StoreLog, plan: ReadPlan, parts: StoreReadParts) {
    this.#store = store;
    this.#plan = plan;
    this.#parts = parts;
    this.#proof = store.begin();
  }

  async *parts(): AsyncGenerator<ReadPart, void, undefined> {
    const { follow } = this.#plan;
    const cut = await this.#begin();
    yield this.#progress(cut);
    for (;;) {
      const isTail = this.#proof.isProven;
      yield* this.#deliver(cut);
      if (cut.isDone || (isTail && !follow)) break;
      this.#follows ||= isTail;
      if (isTail) await this.#awaitPoll();
      try {
        await this.#walk();
      } catch (error) {
        // What was walked before is good, and may be all that was asked for.
        yield* this.#deliver(cut);
        if (!cut.isDone) throw error;
      }
      if (this.#isTimeToSay()) yield this.#progress(cut);
    }
    yield this.#progress(cut);
  }

  /** Walks until it is known where the read begins. */
  async #begin(): Promise<ReadCut> {
    const { log } = this.#store;
    const { start, reverse } = this.#plan;
    while (!this.#proof.isProven) {
      if (!reverse && start.type === "first") break;
      if (!reverse && start.type === "index" && start.index < log.nextIndex) break;
      // The log's last entry is not older: the first of its time or later is known.
      const isFound = start.type === "timestamp" && !reverse;
      if (isFound && (await this.#finds(start.timestampMs))) break;
      await this.#walk();
    }
    // The end is found on the way: only a proven tail ends a read that goes up.
    const plan = reverse ? this.#plan : { ...this.#plan, follow: true };
    const range = await rangeOf(plan, log, this.#parts.signal);
    return new ReadCut({ ...this.#plan, ...range });
  }

  async #finds(timestampMs: number): Promise<boolean> {
    const { log } = this.#store;
    return (await log.findTimestamp(timestampMs, this.#parts.signal)) < log.nextIndex;
  }

  async #walk(): Promise<void> {
    await this.#store.walkOn(this.#proof, this.#parts.signal);
    if (!this.#proof.isProven) this.#parts.onWalk(this.#store.log.nextIndex);
  }

  async #awaitPoll(): Promise<void> {
    const { poll, signal } = this.#parts;
    this.#proof = await orAborted(poll(), signal);
  }

  /** What was walked and not delivered yet. */
  async *#deliver(cut: ReadCut): AsyncGenerator<ReadPart, void, undefined> {
    const { signal } = this.#parts;
    const { log } = this.#store;
    const { reverse, start } = this.#plan;
    // The walk may have come to a trim since the manifest was written that it began with. What is trimmed
    // later, before a read that follows has had it, would be missed in silence.
    if (!reverse && start.type === "first" && !this.#follows) cut.skipTo(log.firstIndex);
    if (cut.isDone || (!reverse && cut.nextIndex >= log.nextIndex)) return;
    const options = { startIndex: cut.nextIndex, signal };
    for await (const segment of reverse ? log.segmentsBack(options) : log.segments(options)) {
      yield* this.#give(cut, cut.take(segment, batchBytes));
      if (cut.isDone) return;
    }
  }

  async *#give(cut: ReadCut, taking: Iterable<CutStep>): AsyncGenerator<ReadPart, void, undefined> {
    const { turns, signal } = this.#parts;
    const step = this.#plan.reverse ? -1 : 1;
    for (const taken of taking) {
      if (taken.type === "batch") {
        this.#saidMs = performance.now();
        yield { batches: [batchOf(taken.batch, step)], progress: undefined };
      } else {
        await turns.next();
        signal.throwIfAborted();
      }
      if (this.#isTimeToSay()) yield this.#progress(cut);
    }
  }

  #isTimeToSay(): boolean {
    return performance.now() - this.#saidMs >= progressIntervalMs;
  }

  #progress(cut: ReadCut): ReadPart {
    this.#saidMs = performance.now();
    const { nextIndex, firstIndex } = this.#store.log;
    const ageMs = Math.round(this.#store.tailAgeMs);
    const progress = { nextIndex, firstIndex, ageMs, readIndex: cut.nextIndex };
    return { batches: [], progress };
  }
}

function batchOf({ run, firstIndex, term, timestampMs }: Batch, step: 1 | -1): ReadBatch {
  const entries = decodeEntries(run).map(({ payload, headers, key = "" }) => ({
    payload,
    headers,
    key,
  }));
  return { firstIndex, step, term, timestampMs, entries };
}
