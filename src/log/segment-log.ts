/**
 * The log as far as a node holds it: the last segments in memory, the others in the store, where
 * the sparse index and the manifest know to begin.
 *
 * Invariant: `firstIndex` and `nextIndex` never decrease, and every index between them can be read.
 */

import { assert } from "../core/assert.js";
import { advance, judge, logStart } from "../core/walk.js";
import { LogHistory } from "./log-history.js";
import { outOfRange } from "./log-reader.js";
import { SegmentCache } from "./segment-cache.js";
import type { EntriesSegment, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { Store } from "../store/store.js";
import type { LogPast } from "./log-past.js";
import type { LogReader, ReadOptions } from "./log-reader.js";

/** From where on a node holds a log. */
export interface LogStart {
  readonly walk: WalkState;
  /** Entries below are gone for readers. */
  readonly firstIndex: number;
}

export interface SegmentLogOptions {
  readonly store: Store;
  readonly clusterId: string;
  readonly past: LogPast;
  /** The log's beginning by default. */
  readonly start?: LogStart;
  /** The last segments take at most this much memory. 64 MiB by default. */
  readonly cacheBytesMax?: number;
  /** A get that takes longer is made again. 10 seconds by default. */
  readonly requestTimeoutMs?: number;
  /** Even. 131,072 by default, which takes 6 MiB. */
  readonly indexRowsMax?: number;
}

interface Waiter {
  readonly index: number;
  readonly resolve: () => void;
}

export class SegmentLog implements LogReader {
  readonly #clusterId: string;
  readonly #cache: SegmentCache;
  readonly #history: LogHistory;
  readonly #waiters = new Set<Waiter>();
  #walk: WalkState;
  #firstIndex: number;

  constructor(options: SegmentLogOptions) {
    const { store, clusterId, past, cacheBytesMax = 64 * 1024 * 1024 } = options;
    const { requestTimeoutMs = 10_000, indexRowsMax = 131_072 } = options;
    const { walk, firstIndex } = options.start ?? wholeLog;
    this.#clusterId = clusterId;
    this.#cache = new SegmentCache(cacheBytesMax);
    this.#history = new LogHistory({ store, clusterId, past, requestTimeoutMs, indexRowsMax });
    this.#walk = walk;
    this.#firstIndex = firstIndex;
  }

  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** What readers and upkeep stand on. */
  get history(): LogHistory {
    return this.#history;
  }

  /** The walk at the tail. */
  get walk(): WalkState {
    return this.#walk;
  }

  get nextIndex(): number {
    return this.#walk.nextIndex;
  }

  get term(): number {
    return this.#walk.term;
  }

  /** Gets sent to the store for readers. */
  get gets(): number {
    return this.#history.gets;
  }

  /** The log's next valid segment has been committed. */
  append(segment: Segment): void {
    assert(segment.position >= this.#walk.tail, "segments are committed in order");
    // The positions in between hold voids.
    const before = { ...this.#walk, tail: segment.position };
    const verdict = judge(before, segment, this.#clusterId);
    assert(verdict === "valid", "only valid segments are committed");
    this.#walk = advance(before, segment, verdict);
    if (segment.type !== "entries") return;
    for (const record of segment.records) {
      if (record.type === "trimmed") this.#trimmed(record.firstIndex);
    }
    this.#history.index.add(before);
    // Without entries it moves nothing that a reader sees; the index keeps its timestamp.
    if (segment.entryCount === 0) return;
    this.#cache.push(segment);
    this.#wake();
  }

  /** The log went on without this node: it holds the log anew, from a later place on. */
  restart({ walk, firstIndex }: LogStart): void {
    assert(walk.tail >= this.#walk.tail, "a log goes on, not back");
    this.#walk = walk;
    this.#cache.clear();
    this.#history.index.clear();
    this.#trimmed(firstIndex);
    this.#wake();
  }

  async *segments({ startIndex, signal }: ReadOptions): AsyncGenerator<EntriesSegment, void> {
    let index = startIndex;
    for (;;) {
      signal.throwIfAborted();
      this.#checkRange(index, { first: this.firstIndex, last: this.nextIndex });
      if (index === this.nextIndex) return;
      const cached = this.#cache.find(index);
      if (cached !== undefined) {
        index = cached.firstIndex + cached.entryCount;
        yield cached;
        continue;
      }
      const goal = this.#walk;
      for await (const segment of this.#history.read(index, goal, signal)) {
        index = segment.firstIndex + segment.entryCount;
        yield segment;
        if (index < this.firstIndex || this.#cache.find(index) !== undefined) break;
      }
    }
  }

  async *segmentsBack({ startIndex, signal }: ReadOptions): AsyncGenerator<EntriesSegment, void> {
    this.#checkRange(startIndex, { first: this.firstIndex - 1, last: this.nextIndex - 1 });
    for (let index = startIndex; index >= this.firstIndex;) {
      signal.throwIfAborted();
      const cached = this.#cache.find(index);
      if (cached === undefined) {
        // What is older than the oldest in memory never comes there.
        for await (const segment of this.#history.readBack(index, this.#walk, signal)) {
          if (segment.firstIndex + segment.entryCount <= this.firstIndex) return;
          yield segment;
        }
        return;
      }
      index = cached.firstIndex - 1;
      yield cached;
    }
  }

  async findTimestamp(timestampMs: number, signal: AbortSignal): Promise<number> {
    const goal = this.#walk;
    if (timestampMs > goal.timestampMs) return goal.nextIndex;
    const found = await this.#history.findTimestamp(timestampMs, goal, signal);
    return Math.max(found, this.#firstIndex);
  }

  async waitPast(index: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#walk.nextIndex > index) return;
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        index,
        resolve: () => {
          signal.removeEventListener("abort", aborted);
          resolve();
        },
      };
      const aborted = (): void => {
        this.#waiters.delete(waiter);
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #checkRange(index: number, { first, last }: { first: number; last: number }): void {
    if (!(index >= first && index <= last)) throw outOfRange(index, this);
  }

  #trimmed(firstIndex: number): void {
    this.#firstIndex = Math.max(this.#firstIndex, firstIndex);
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.index >= this.#walk.nextIndex) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

const wholeLog: LogStart = { walk: logStart, firstIndex: logStart.nextIndex };
