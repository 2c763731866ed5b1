/**
 * The log's past, read from the store again, upwards or downwards: from archives below the floor, from
 * segments above it.
 *
 * Invariant: where the floor moves while a reader reads, the reader goes on in the archives.
 */

import { assert } from "../core/assert.js";
import { SuraftError } from "../errors.js";
import { ArchiveGone, ArchiveReader } from "./archive-reader.js";
import { outOfRange } from "./log-reader.js";
import { manifestName, objectName } from "./names.js";
import { ObjectGetter } from "./object-getter.js";
import { RawHistory } from "./raw-history.js";
import { BelowFloor } from "./segment-fetcher.js";
import { SparseIndex } from "./sparse-index.js";
import { corruptObject } from "./store-failure.js";
import type { ArchiveRef } from "../core/manifest.js";
import type { EntriesSegment, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { Store } from "../store/store.js";
import type { LogPast } from "./log-past.js";

export interface LogHistoryOptions {
  readonly store: Store;
  readonly clusterId: string;
  readonly past: LogPast;
  readonly requestTimeoutMs: number;
  readonly indexRowsMax: number;
}

/** A place in the log: what lies before it. */
export interface LogPlace {
  readonly nextIndex: number;
  /** Of the last entry before it. */
  readonly timestampMs: number;
  /** The stored bytes of everything before it. */
  readonly sizeBytes: number;
}

export class LogHistory {
  readonly index: SparseIndex;
  readonly #past: LogPast;
  readonly #getter: ObjectGetter;
  readonly #raw: RawHistory;
  readonly #archives: ArchiveReader;

  constructor(options: LogHistoryOptions) {
    const { store, clusterId, past, requestTimeoutMs: timeoutMs, indexRowsMax } = options;
    this.index = new SparseIndex(indexRowsMax);
    this.#past = past;
    this.#getter = new ObjectGetter({ store, timeoutMs });
    const shared = { getter: this.#getter, clusterId };
    this.#raw = new RawHistory({ ...shared, past, index: this.index });
    this.#archives = new ArchiveReader(shared);
  }

  /** Gets sent to the store. */
  get gets(): number {
    return this.#getter.gets;
  }

  /**
   * The segments of entries from the one that holds an index up to the goal, the walk as it was or
   * is. Throws a SuraftError: `corrupt` naming the object, `out_of_range` where it was trimmed
   * meanwhile, or what the store's failure means; or the signal's reason.
   */
  async *read(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<EntriesSegment, void> {
    for (let next = index; next < goal.nextIndex;) {
      const before = next;
      try {
        for await (const segment of this.#upFrom(next, goal, signal)) {
          if (segment.firstIndex >= goal.nextIndex) return;
          next = segment.firstIndex + segment.entryCount;
          yield segment;
        }
        assert(next > before, "what a reader asks for is below the goal");
      } catch (error) {
        await this.#goOn(error, signal);
      }
    }
  }

  /**
   * The segments of entries from the one that holds an index, below the goal's, down to the first
   * that was not trimmed. Throws as {@link read} does.
   */
  async *readBack(
    index: number,
    goal: WalkState,
    signal: AbortSignal,
  ): AsyncGenerator<EntriesSegment, void> {
    for (let next = index; next >= this.#past.manifest.firstIndex;) {
      const before = next;
      try {
        for await (const segment of this.#downFrom(next, goal, signal)) {
          next = segment.firstIndex - 1;
          yield segment;
        }
        assert(next < before, "what a reader asks for is below the goal");
      } catch (error) {
        await this.#goOn(error, signal);
      }
    }
  }

  /**
   * The index of the first entry with this timestamp or a later one, which there is below the goal.
   * Throws as {@link read} does.
   */
  async findTimestamp(timestampMs: number, goal: WalkState, signal: AbortSignal): Promise<number> {
    for (;;) {
      try {
        for (const archive of this.#past.manifest.archives) {
          if (archive.timestampMs < timestampMs) continue;
          const found = await this.#archives.findTimestamp(archive, timestampMs, signal);
          if (found !== undefined) return found;
        }
        return await this.#raw.findTimestamp(timestampMs, goal, signal);
      } catch (error) {
        await this.#goOn(error, signal);
      }
    }
  }

  /**
   * All segments that count, above the floor, from a state of the walk to a later one. Throws as
   * {@link read} does; `unavailable` where the floor moves above the first.
   */
  async *valid(from: WalkState, to: WalkState, signal: AbortSignal): AsyncGenerator<Segment, void> {
    try {
      yield* this.#raw.valid(from, to, signal);
    } catch (error) {
      if (!(error instanceof BelowFloor)) throw error;
      throw new SuraftError("unavailable", `the floor has moved above position ${from.tail}`);
    }
  }

  /**
   * The last known place for which something holds that holds for all places before it, too. Sizes
   * of what is archived are about right.
   */
  lastPlace(holds: (place: LogPlace) => boolean): LogPlace | undefined {
    const { archives, floor, marks } = this.#past.manifest;
    let sizeBytes = floor.sizeBytes;
    const ends = archives.toReversed().map((archive): LogPlace => {
      const end = { ...archive, sizeBytes };
      sizeBytes -= archive.sizeBytes;
      return end;
    });
    const coarse = [...ends.reverse(), floor, ...marks].findLast(holds);
    const fine = this.index.lastThat(holds);
    return (fine?.nextIndex ?? 0) > (coarse?.nextIndex ?? 0) ? fine : coarse;
  }

  #upFrom(index: number, goal: WalkState, signal: AbortSignal): AsyncIterable<EntriesSegment> {
    const { manifest } = this.#past;
    if (index >= manifest.floor.nextIndex) return this.#raw.read(index, goal, signal);
    const archives = this.#archivesFor(index, goal);
    return this.#archives.read({ archives, index, step: 1, signal });
  }

  #downFrom(index: number, goal: WalkState, signal: AbortSignal): AsyncIterable<EntriesSegment> {
    const { manifest } = this.#past;
    if (index >= manifest.floor.nextIndex) return this.#raw.readBack(index, goal, signal);
    const archives = this.#archivesFor(index, goal);
    return this.#archives.read({ archives, index, step: -1, signal });
  }

  /** The archives, one of which holds the index. */
  #archivesFor(index: number, goal: WalkState): readonly ArchiveRef[] {
    const { archives, firstIndex, number } = this.#past.manifest;
    if (index < firstIndex) throw outOfRange(index, { firstIndex, nextIndex: goal.nextIndex });
    const holder = archives.find(({ nextIndex }) => index < nextIndex);
    if (holder !== undefined && holder.firstIndex <= index) return archives;
    throw corruptObject(manifestName(number), `no archive holds the entry at index ${index}`);
  }

  /** After an error that only says that the log's past lies elsewhere now; throws any other. */
  async #goOn(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof BelowFloor) return;
    if (!(error instanceof ArchiveGone)) throw error;
    await this.#past.refresh(signal);
    const names = this.#past.manifest.archives.map(({ id }) => objectName({ type: "archive", id }));
    if (!names.includes(error.message)) return;
    throw corruptObject(error.message, "it has vanished from the store");
  }
}
