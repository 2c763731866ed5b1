/**
 * The log's past above the floor, read from its segments again, upwards or downwards.
 *
 * Invariant: a segment that is given to a reader was judged again, by the rule of PROTOCOL.md
 * section 3, in a walk that must come to what it came to when the segments were committed; or it is
 * the very one, by position and checksum, that a valid segment names as its predecessor.
 */

import { advance, judge } from "../core/walk.js";
import { segmentName } from "./names.js";
import { ReadAhead, ReadAheadBudget } from "./read-ahead.js";
import { memoryBytes } from "./segment-cache.js";
import { BelowFloor, SegmentFetcher } from "./segment-fetcher.js";
import { corruptObject, isCorrupt } from "./store-failure.js";
import { hasEntries } from "./segment-body.js";
import type { EntriesSegment, Position, Predecessor, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { LogPast } from "./log-past.js";
import type { ObjectGetter } from "./object-getter.js";
import type { SparseIndex } from "./sparse-index.js";

export interface RawHistoryOptions {
  readonly getter: ObjectGetter;
  readonly clusterId: string;
  readonly past: LogPast;
  readonly index: SparseIndex;
}

/** What readers of the past share among them. */
const keptBytesMax = 16 * 1024 * 1024;
/** What they all together have asked for ahead of their need. */
const aheadBytesMax = 32 * 1024 * 1024;

export class RawHistory {
  readonly #clusterId: string;
  readonly #past: LogPast;
  readonly #index: SparseIndex;
  readonly #fetcher: SegmentFetcher;
  readonly #budget = new ReadAheadBudget(aheadBytesMax);

  constructor({ getter, clusterId, past, index }: RawHistoryOptions) {
    this.#clusterId = clusterId;
    this.#past = past;
    this.#index = index;
    this.#fetcher = new SegmentFetcher({ getter, past, keptBytesMax });
  }

  /**
   * The segments of entries from the one that holds an index up to the goal, the walk as it was or
   * is. Where a damaged object stands on the way to that segment, it is found from the other side.
   * Throws {@link BelowFloor}, a SuraftError, or the signal's reason.
   */
  async *read(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<EntriesSegment, void> {
    const behindFirst = this.#isNearerFromBehind(index, goal);
    let from = behindFirst ? await this.#stateFromBehind(index, goal, signal) : undefined;
    let reached = false;
    try {
      for await (const segment of this.walk(from ?? this.#before(index), goal, signal)) {
        if (!reached && segment.firstIndex + segment.entryCount <= index) continue;
        reached = true;
        yield segment;
      }
      return;
    } catch (error) {
      if (reached || behindFirst || this.#isExact(index) || !isCorrupt(error)) throw error;
      from = await this.#stateFromBehind(index, goal, signal);
      if (from === undefined) throw error;
    }
    yield* this.walk(from, goal, signal);
  }

  /**
   * The segments of entries from the one that holds an index down to the floor. Throws as
   * {@link read} does.
   */
  async *readBack(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<EntriesSegment, void> {
    const ahead = this.#ahead(signal, -1);
    try {
      let segment = await this.#holding(index, goal, signal);
      while (segment !== undefined) {
        if (segment.entryCount > 0) yield segment;
        const { firstIndex, previous } = segment;
        if (previous.position < this.#past.manifest.floor.tail) return;
        segment = await this.#preceding(previous, ahead, signal);
        if (segment === undefined) return;
        if (segment.firstIndex + segment.entryCount !== firstIndex) throw otherStory(previous);
      }
    } finally {
      ahead.close();
    }
  }

  /**
   * The index of the first entry above the floor with this timestamp or a later one; there is one at
   * or below the goal. Throws as {@link read} does.
   */
  async findTimestamp(timestampMs: number, goal: WalkState, signal: AbortSignal): Promise<number> {
    const row = this.#index.beforeTimestamp(timestampMs);
    const from = this.#latest(row, (state) => state.timestampMs < timestampMs);
    if (from === undefined) return this.#past.manifest.floor.nextIndex;
    // With a row for every segment, the one behind this row is the first that is not older.
    if (from === row && this.#index.stride === 1) return from.nextIndex;
    for await (const segment of this.walk(from, goal, signal)) {
      if (segment.timestampMs >= timestampMs) return segment.firstIndex;
    }
    return goal.nextIndex;
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
    for await (const segment of this.valid(from, goal, signal)) {
      if (hasEntries(segment)) yield segment;
    }
  }

  /** As {@link walk}, with all segments that count. */
  async *valid(
    from: WalkState,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<Segment, void> {
    let walk = from;
    for await (const step of this.#steps(from, goal.tail, signal)) {
      ({ walk } = step);
      if (step.valid !== undefined) yield step.valid;
    }
    if (walk.tail === goal.tail) checkSame(walk, goal);
  }

  /** Walks to a position, past rows that it must agree with. */
  async *#steps(
    from: WalkState,
    end: Position,
    signal: AbortSignal,
  ): AsyncGenerator<{ walk: WalkState; valid: Segment | undefined }, void> {
    const ahead = this.#ahead(signal);
    try {
      let walk = from;
      let row = this.#index.above(walk.tail);
      while (walk.tail < end) {
        const segment = await ahead.take(walk.tail, end);
        const verdict = this.#judge(walk, segment);
        walk = advance(walk, segment, verdict);
        if (walk.tail === row?.tail) {
          checkSame(walk, row);
          row = this.#index.above(walk.tail);
        }
        yield { walk, valid: verdict === "valid" ? segment : undefined };
      }
    } finally {
      ahead.close();
    }
  }

  #ahead(signal: AbortSignal, step: 1 | -1 = 1): ReadAhead<Segment> {
    return new ReadAhead({
      ask: (position) => this.#fetcher.fetch(position),
      bytesOf: memoryBytes,
      budget: this.#budget,
      signal,
      step,
    });
  }

  /** The nearest known state at or before the segment that holds an index. */
  #before(index: number): WalkState {
    const row = this.#index.beforeIndex(index);
    return this.#latest(row, (state) => state.nextIndex <= index) ?? this.#past.manifest.floor;
  }

  /** Whether there is a row for the very segment that holds an index. */
  #isExact(index: number): boolean {
    return this.#index.stride === 1 && this.#index.beforeIndex(index) !== undefined;
  }

  /**
   * The later of a row of the index and the last state of the manifest's for which something holds
   * that holds for all before it, too. Below the floor nothing begins.
   */
  #latest(row: WalkState | undefined, holds: (state: WalkState) => boolean): WalkState | undefined {
    const { floor, marks } = this.#past.manifest;
    const mark = [floor, ...marks].findLast(holds);
    if (row === undefined || row.tail < floor.tail) return mark;
    return mark === undefined || row.tail >= mark.tail ? row : mark;
  }

  #isNearerFromBehind(index: number, goal: WalkState): boolean {
    if (this.#isExact(index)) return false;
    const above = this.#index.afterIndex(index) ?? goal;
    return above.nextIndex - index <= index - this.#before(index).nextIndex;
  }

  #judge(walk: WalkState, segment: Segment): "valid" | "void" {
    const verdict = judge(walk, segment, this.#clusterId);
    if (verdict !== "corrupt") return verdict;
    const reason = "it contradicts the segment that it follows";
    throw corruptObject(segmentName(segment.position), reason);
  }

  /** The segment that holds an index below the goal's; undefined if there is none. */
  async #holding(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): Promise<EntriesSegment | undefined> {
    if (this.#isNearerFromBehind(index, goal)) {
      const found = await this.#foundFromBehind(index, goal, signal);
      if (found !== undefined) return found.segment;
    }
    for await (const segment of this.read(index, goal, signal)) return segment;
    return undefined;
  }

  /** The state of the walk just before the segment that holds an index, found from behind. */
  async #stateFromBehind(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): Promise<WalkState | undefined> {
    const found = await this.#foundFromBehind(index, goal, signal);
    if (found === undefined) return undefined;
    const { epoch, window, term } = this.#index.afterIndex(index) ?? goal;
    const { position, previous, firstIndex, timestampMs } = found.segment;
    const seen = { tail: position, last: previous, nextIndex: firstIndex, timestampMs };
    return { epoch, window, term, sizeBytes: found.sizeBytesBefore, ...seen };
  }

  /**
   * Follows `previous` down from a row above the index: each segment names the one before it, and
   * its checksum. A claim names none, and a damaged one nothing: there the way ends.
   */
  async #foundFromBehind(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): Promise<{ segment: EntriesSegment; sizeBytesBefore: number } | undefined> {
    const row = this.#index.afterIndex(index) ?? goal;
    const ahead = this.#ahead(signal, -1);
    let sizeBytesBefore = row.sizeBytes;
    try {
      for (let named = row.last; named !== undefined;) {
        const segment: Segment = await ahead.take(named.position, -1);
        if (segment.type !== "entries" || segment.checksum !== named.checksum) return undefined;
        sizeBytesBefore -= segment.sizeBytes;
        if (segment.firstIndex <= index) return { segment, sizeBytesBefore };
        named = segment.previous;
      }
      return undefined;
    } catch (error) {
      if (isCorrupt(error)) return undefined;
      throw error;
    } finally {
      ahead.close();
    }
  }

  /** The last segment of entries up to a named one that counts; undefined where the log begins. */
  async #preceding(
    named: Predecessor,
    ahead: ReadAhead<Segment>,
    signal: AbortSignal,
  ): Promise<EntriesSegment | undefined> {
    const { position, checksum } = named;
    const segment = await ahead.take(position, -1);
    if (segment.checksum !== checksum) throw otherStory(named);
    if (segment.type === "entries") return segment;
    // A claim names no predecessor: what counted before it, a walk from the nearest row shows.
    const row = this.#index.atOrBelow(position);
    const from = this.#latest(row, ({ tail }) => tail <= position);
    if (from === undefined) throw new BelowFloor(segmentName(position));
    let last: EntriesSegment | undefined;
    for await (const { valid } of this.#steps(from, position, signal)) {
      if (valid !== undefined && hasEntries(valid)) last = valid;
    }
    return last;
  }
}

/** The store must not tell another story than it told when the segments were committed. */
function checkSame(walk: WalkState, known: WalkState): void {
  const same =
    walk.last?.position === known.last?.position &&
    walk.last?.checksum === known.last?.checksum &&
    walk.nextIndex === known.nextIndex &&
    walk.sizeBytes === known.sizeBytes;
  if (same) return;
  throw otherStory(known.last ?? { position: walk.tail, checksum: 0 });
}

function otherStory({ position }: Predecessor): Error {
  const reason = "the store holds something else than was committed";
  return corruptObject(segmentName(position), reason);
}
