/**
 * Gets segments of the log's past from the store.
 *
 * Invariant: a position is asked for once at a time, however many readers want it, and no longer
 * once none of them does.
 */

import { pause, withDeadline } from "../store/abort.js";
import { StoreError } from "../store/store.js";
import { segmentName } from "./names.js";
import { memoryBytes } from "./segment-cache.js";
import { decodeSegment } from "./segment-codec.js";
import { corruptObject, storeFailure } from "./store-failure.js";
import type { Position, Segment } from "../core/types.js";
import type { Fetch } from "./read-ahead.js";
import type { Store } from "../store/store.js";

/** A get that fails is tried again so often, a little later each time. */
const triesMax = 4;
const retryDelayMs = 100;

export interface SegmentFetcherOptions {
  readonly store: Store;
  /** A get that takes longer is made again. */
  readonly timeoutMs: number;
  /** Segments that were read lately are kept for others, in this much memory. */
  readonly keptBytesMax: number;
}

interface UnderWay {
  readonly answer: Promise<Segment>;
  readonly controller: AbortController;
  readers: number;
}

export class SegmentFetcher {
  readonly #options: SegmentFetcherOptions;
  readonly #underWay = new Map<Position, UnderWay>();
  /** Lately read, the least lately first. */
  readonly #kept = new Map<Position, Segment>();
  #keptBytes = 0;
  /** Gets sent. */
  gets = 0;

  constructor(options: SegmentFetcherOptions) {
    this.#options = options;
  }

  /** How many gets have no answer yet. */
  get underWayCount(): number {
    return this.#underWay.size;
  }

  /**
   * Asks for the segment at a position below the tail. The answer rejects with a SuraftError:
   * `corrupt` naming the object if it is damaged or gone, or what the store's failure means.
   */
  fetch(position: Position): Fetch<Segment> {
    const kept = this.#kept.get(position);
    if (kept !== undefined) {
      this.#kept.delete(position);
      this.#kept.set(position, kept);
      return { answer: Promise.resolve(kept), release: () => undefined };
    }
    const underWay = this.#underWay.get(position) ?? this.#begin(position);
    underWay.readers += 1;
    return { answer: underWay.answer, release: () => this.#release(position, underWay) };
  }

  #begin(position: Position): UnderWay {
    const controller = new AbortController();
    const answer = this.#get(position, controller.signal);
    const underWay = { answer, controller, readers: 0 };
    const end = (): void => this.#forget(position, underWay);
    answer.then(end, end);
    this.#underWay.set(position, underWay);
    return underWay;
  }

  #release(position: Position, underWay: UnderWay): void {
    underWay.readers -= 1;
    if (underWay.readers > 0) return;
    this.#forget(position, underWay);
    underWay.controller.abort(new Error("nobody reads this segment any more"));
  }

  #forget(position: Position, underWay: UnderWay): void {
    if (this.#underWay.get(position) === underWay) this.#underWay.delete(position);
  }

  async #get(position: Position, signal: AbortSignal): Promise<Segment> {
    const name = segmentName(position);
    for (let attempt = 1; ; attempt++) {
      try {
        const segment = await this.#getOnce(position, name, signal);
        this.#keep(segment);
        return segment;
      } catch (error) {
        const mayPass = error instanceof StoreError && error.kind === "unavailable";
        if (!mayPass || signal.aborted || attempt === triesMax) throw storeFailure(error, name);
      }
      await pause(retryDelayMs * 2 ** (attempt - 1), signal);
    }
  }

  async #getOnce(position: Position, name: string, signal: AbortSignal): Promise<Segment> {
    const { store, timeoutMs } = this.#options;
    this.gets++;
    const result = await withDeadline(signal, timeoutMs, (deadline) =>
      store.get(name, { signal: deadline }),
    );
    if (result.type === "absent") throw corruptObject(name, "it has vanished from the store");
    const decoded = decodeSegment(result.bytes, position);
    if (decoded.type === "corrupt") throw corruptObject(name, decoded.reason);
    return decoded.segment;
  }

  #keep(segment: Segment): void {
    const { keptBytesMax } = this.#options;
    // A position may have been asked for twice, its first readers having gone.
    if (this.#kept.has(segment.position)) return;
    this.#kept.set(segment.position, segment);
    this.#keptBytes += memoryBytes(segment);
    for (const [position, oldest] of this.#kept) {
      if (this.#keptBytes <= keptBytesMax) return;
      this.#kept.delete(position);
      this.#keptBytes -= memoryBytes(oldest);
    }
  }
}
