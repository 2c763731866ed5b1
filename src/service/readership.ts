/**
 * What all readers of a node share, so that many of them cost little more than one.
 *
 * Invariant: what readers have on their way takes about `bytesMax` for all of them together, as long as
 * entries are small: the more there are, the smaller their responses. A reader that gets the very
 * entries that another one got of late is sent the very same bytes.
 */

import { Turns } from "../log/turns.js";
import { encodeReadResponse } from "./read-response.js";
import type { Batch } from "../log/read-cut.js";

/** Each reader may have about two responses on their way. */
const bytesMax = 64 * 1024 * 1024;
const responseBytesMin = 16 * 1024;
/** Responses of late, for those who come to the same place. */
const keptBytesMax = 4 * 1024 * 1024;

export class Readership {
  /** Who looks through entries, and when. */
  readonly turns = new Turns();
  readonly #responseBytesMax: number;
  readonly #kept = new Map<string, Buffer>();
  #keptBytes = 0;
  #readers = 0;

  constructor(responseBytesMax: number) {
    this.#responseBytesMax = responseBytesMax;
  }

  /** About how much a response holds. */
  get responseBytes(): number {
    const share = Math.max(responseBytesMin, bytesMax / 2 / Math.max(1, this.#readers));
    return Math.min(this.#responseBytesMax, Math.floor(share));
  }

  /** A reader comes; the returned function says that it goes. */
  join(): () => void {
    this.#readers += 1;
    return () => {
      this.#readers -= 1;
    };
  }

  /** A response with these batches and without progress. Indexes go up. */
  encode(batches: readonly Batch[]): Buffer {
    const key = this.#readers > 1 ? keyOf(batches) : undefined;
    if (key === undefined) return encodeReadResponse(batches, undefined);
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const encoded = encodeReadResponse(batches, undefined);
    this.#kept.set(key, encoded);
    this.#keptBytes += encoded.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#keptBytes <= keptBytesMax) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= length;
    }
    return encoded;
  }
}

/** Entries without a gap are named by where they begin and end: what stands there never changes. */
function keyOf(batches: readonly Batch[]): string | undefined {
  const first = batches[0]?.firstIndex;
  let next = first;
  for (const { firstIndex, run } of batches) {
    if (firstIndex !== next) return undefined;
    next += run.entryCount;
  }
  return `${first}-${next}`;
}
