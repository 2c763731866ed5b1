/**
 * Gets segments of the log's past from the store, for many readers.
 *
 * Invariant: no answer is used that does not count (PROTOCOL.md section 9): below the floor, a name says
 * nothing any more.
 */

import { segmentName } from "./names.js";
import { memoryBytes } from "./segment-cache.js";
import { decodeSegment } from "./segment-codec.js";
import { SharedReads } from "./shared-reads.js";
import { corruptObject, isCorrupt } from "./store-failure.js";
import type { Position, Segment } from "../core/types.js";
import type { LogPast } from "./log-past.js";
import type { ObjectGetter } from "./object-getter.js";
import type { Fetch } from "./read-ahead.js";

/** The floor is above the position: what stood there is in an archive, or trimmed. */
export class BelowFloor extends Error {}

export interface SegmentFetcherOptions {
  readonly getter: ObjectGetter;
  readonly past: LogPast;
  /** Segments that were read lately are kept for others, in this much memory. */
  readonly keptBytesMax: number;
}

export class SegmentFetcher {
  readonly #options: SegmentFetcherOptions;
  readonly #reads: SharedReads<Position, Segment>;

  constructor(options: SegmentFetcherOptions) {
    const { keptBytesMax } = options;
    this.#options = options;
    this.#reads = new SharedReads({ bytesOf: memoryBytes, keptBytesMax });
  }

  /**
   * Asks for the segment at a position below the tail. The answer rejects with {@link BelowFloor}; with
   * a SuraftError: `corrupt` naming the object if it is damaged or gone, or what the store's
   * failure means.
   */
  fetch(position: Position): Fetch<Segment> {
    return this.#reads.fetch(position, (signal) => read(this.#options, position, signal));
  }
}

async function read(
  { getter, past }: SegmentFetcherOptions,
  position: Position,
  signal: AbortSignal,
): Promise<Segment> {
  const name = segmentName(position);
  if (past.manifest.floor.tail > position) throw new BelowFloor(name);
  const answered = await getter.get(name, signal).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  // The store's own complaint about an object's bytes is an answer, too.
  if ("error" in answered && !isCorrupt(answered.error)) throw answered.error;
  if (!(await past.accepts(position, signal))) throw new BelowFloor(name);
  if ("error" in answered) throw answered.error;
  const { result } = answered;
  if (result.type === "absent") throw corruptObject(name, "it has vanished from the store");
  const decoded = decodeSegment(result.bytes, position);
  if (decoded.type === "corrupt") throw corruptObject(name, decoded.reason);
  return decoded.segment;
}
