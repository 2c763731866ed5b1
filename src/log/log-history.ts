/**
 * The log's past, read from the store again.
 *
 * Invariant: a segment is judged again, by the rule of PROTOCOL.md section 3, before it is given to
 * a reader; and the walk must come to what it came to when the segments were committed.
 */

import { advance, judge, logStart } from "../core/walk.js";
import { SuraftError } from "../errors.js";
import { segmentName } from "./names.js";
import { ReadAhead, ReadAheadBudget } from "./read-ahead.js";
import { SegmentFetcher } from "./segment-fetcher.js";
import { SparseIndex } from "./sparse-index.js";
import { corruptObject } from "./store-failure.js";
import type { EntriesSegment, Predecessor, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { Store } from "../store/store.js";

export interface LogHistoryOptions {
  readonly store: Store;
  readonly clusterId: string;
  readonly requestTimeoutMs: number;
  readonly indexRowsMax: number;
}

/** What readers of the past share among them. */
const keptBytesMax = 16 * 1024 * 1024;
/** What they all together have asked for ahead of their need. */
const aheadBytesMax = 32 * 1024 * 1024;

export class LogHistory {
  readonly index: SparseIndex;
  readonly #clusterId: string;
  readonly #fetcher: SegmentFetcher;
  readonly #budget = new ReadAheadBudget(aheadBytesMax);

  constructor(options: LogHistoryOptions) {
    const { store, clusterId, requestTimeoutMs, indexRowsMax } = options;
    this.#clusterId = clusterId;
    this.index = new SparseIndex(indexRowsMax);
    this.#fetcher = new SegmentFetcher({ store, timeoutMs: requestTimeoutMs, keptBytesMax });
  }

  /** Gets sent to the store. */
  get gets(): number {
    return this.#fetcher.gets;
  }

  /**
   * The segments of entries from the one that holds an index up to the goal, the walk as it was or
   * is. Where a damaged object stands before that segment but behind the nearest row, the segment
   * is found from behind. Throws a SuraftError, or the signal's reason.
   */
  async *read(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<EntriesSegment, void> {
    let from = this.index.beforeIndex(index) ?? logStart;
    let reached = false;
    try {
      for await (const segment of this.walk(from, goal, signal)) {
        if (!reached && segment.firstIndex + segment.entryCount <= index) continue;
        reached = true;
        yield segment;
      }
      return;
    } catch (error) {
      if (reached || this.index.stride === 1 || !isCorrupt(error)) throw error;
      const found = await this.#stateFromBehind(index, goal, signal);
      if (found === undefined) throw error;
      from = found;
    }
    yield* this.walk(from, goal, signal);
  }

  /**
   * Walks the store from a state of the walk to the goal, a later one, and yields the segments that
   * count and have entries. Throws a SuraftError, or the signal's reason.
   */
  async *walk(
    from: WalkState,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<EntriesSegment, void> {
    const ahead = new ReadAhead({ fetcher: this.#fetcher, budget: this.#budget, signal });
    try {
      let walk = from;
      let known = this.#nextKnown(walk, goal);
      while (walk.tail < goal.tail) {
        const segment = await ahead.take(walk.tail, goal.tail);
        const verdict = this.#judge(walk, segment);
        walk = advance(walk, segment, verdict);
        if (walk.tail === known.tail) {
          checkSame(walk, known);
          known = this.#nextKnown(walk, goal);
        }
        if (verdict === "void" || segment.type === "claim") continue;
        if (segment.entryCount > 0) yield segment;
      }
    } finally {
      ahead.close();
    }
  }

  /** The next state that the walk must come to. */
  #nextKnown(walk: WalkState, goal: WalkState): WalkState {
    const row = this.index.above(walk.tail);
    return row !== undefined && row.tail < goal.tail ? row : goal;
  }

  #judge(walk: WalkState, segment: Segment): "valid" | "void" {
    const verdict = judge(walk, segment, this.#clusterId);
    if (verdict !== "corrupt") return verdict;
    const reason = "it contradicts the segment that it follows";
    throw corruptObject(segmentName(segment.position), reason);
  }

  /**
   * Follows `previous` down from a row above the index: each segment names the one before it, and
   * its checksum. A claim names none, there the way ends.
   */
  async #stateFromBehind(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): Promise<WalkState | undefined> {
    const row = this.index.afterIndex(index) ?? goal;
    let { sizeBytes } = row;
    for (let next = row.last; next !== undefined;) {
      signal.throwIfAborted();
      const segment: Segment | undefined = await this.#named(next, signal);
      if (segment?.type !== "entries") return undefined;
      sizeBytes -= segment.sizeBytes;
      if (segment.firstIndex <= index) {
        const { position, previous, firstIndex, timestampMs } = segment;
        const { epoch, window, term } = row;
        const seen = { tail: position, last: previous, nextIndex: firstIndex, timestampMs };
        return { epoch, window, term, sizeBytes, ...seen };
      }
      next = segment.previous;
    }
    return undefined;
  }

  /** The segment that another one names as its predecessor; undefined if it is damaged, too. */
  async #named(named: Predecessor, signal: AbortSignal): Promise<Segment | undefined> {
    const { position, checksum } = named;
    const ahead = new ReadAhead({ fetcher: this.#fetcher, budget: this.#budget, signal });
    try {
      const segment = await ahead.take(position, position + 1);
      return segment.checksum === checksum ? segment : undefined;
    } catch (error) {
      if (isCorrupt(error)) return undefined;
      throw error;
    } finally {
      ahead.close();
    }
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof SuraftError && error.kind === "corrupt";
}

/** The store must not tell another story than it told when the segments were committed. */
function checkSame(walk: WalkState, known: WalkState): void {
  const same =
    walk.last?.position === known.last?.position &&
    walk.last?.checksum === known.last?.checksum &&
    walk.nextIndex === known.nextIndex;
  if (same) return;
  const position = known.last?.position ?? walk.tail;
  throw corruptObject(segmentName(position), "the store holds something else than was committed");
}
