/**
 * Where in the log an index or a timestamp stands, roughly: states of the walk, one every `stride`
 * segments of entries, from which it can be walked again.
 *
 * Invariant: the rows' next indexes and their timestamps do not decrease.
 * Invariant: there are at most `rowsMax` rows; the stride doubles when there would be more, so a
 * log of any length is kept in the same memory: 48 bytes a row, since rows are kept as columns.
 */

import { assert } from "../core/assert.js";
import type { Position } from "../core/types.js";
import type { WalkState } from "../core/walk.js";

/** What one leadership's rows share. */
type Leadership = Pick<WalkState, "epoch" | "term" | "window">;

const rowsAtFirst = 256;

export class SparseIndex {
  readonly #rowsMax: number;
  #rows: Columns;
  #stride = 1;
  #untilNext = 0;

  /** `rowsMax` is even, so that rows stay a whole stride apart when every other one is dropped. */
  constructor(rowsMax: number) {
    assert(rowsMax >= 2 && rowsMax % 2 === 0, "a sparse index has an even number of rows");
    this.#rowsMax = rowsMax;
    this.#rows = new Columns(Math.min(rowsMax, rowsAtFirst));
  }

  get rowCount(): number {
    return this.#rows.count;
  }

  /** Every so many segments of entries have a row. */
  get stride(): number {
    return this.#stride;
  }

  /** Forgets all rows: those that come are of a later part of the log. */
  clear(): void {
    this.#rows = new Columns(Math.min(this.#rowsMax, rowsAtFirst));
    this.#stride = 1;
    this.#untilNext = 0;
  }

  /** Notes the walk just before a segment of entries. */
  add(before: WalkState): void {
    if (this.#untilNext > 0) {
      this.#untilNext--;
      return;
    }
    if (this.#rows.count >= this.#rowsMax) {
      this.#rows = this.#rows.copy({ capacity: this.#rowsMax, every: 2 });
      this.#stride *= 2;
    } else if (this.#rows.isFull) {
      const capacity = Math.min(this.#rowsMax, this.#rows.count * 2);
      this.#rows = this.#rows.copy({ capacity, every: 1 });
    }
    this.#rows.push(before);
    this.#untilNext = this.#stride - 1;
  }

  /** The last row at or before the segment that holds an index. */
  beforeIndex(index: number): WalkState | undefined {
    return this.#rows.at(this.#rows.lastAtMost(this.#rows.nextIndexes, index));
  }

  /** The first row behind the segment that holds an index. */
  afterIndex(index: number): WalkState | undefined {
    return this.#rows.at(this.#rows.lastAtMost(this.#rows.nextIndexes, index) + 1);
  }

  /** The last row at or below a position. */
  atOrBelow(position: Position): WalkState | undefined {
    return this.#rows.at(this.#rows.lastAtMost(this.#rows.tails, position));
  }

  /** The first row above a position. */
  above(position: Position): WalkState | undefined {
    return this.#rows.at(this.#rows.lastAtMost(this.#rows.tails, position) + 1);
  }

  /** The last row for which something holds that holds for all rows before it, too. */
  lastThat(holds: (row: WalkState) => boolean): WalkState | undefined {
    let low = -1;
    let high = this.#rows.count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const row = this.#rows.at(middle);
      if (row !== undefined && holds(row)) low = middle;
      else high = middle - 1;
    }
    return this.#rows.at(low);
  }

  /** The last row before which every entry is older. */
  beforeTimestamp(timestampMs: number): WalkState | undefined {
    // Timestamps are whole milliseconds.
    return this.#rows.at(
      this.#rows.lastAtMost(this.#rows.timestampsMs, Math.ceil(timestampMs) - 1),
    );
  }
}

/** Rows, a typed array for each of their fields. */
class Columns {
  readonly tails: Float64Array;
  readonly nextIndexes: Float64Array;
  readonly timestampsMs: Float64Array;
  readonly #sizesBytes: Float64Array;
  /** -1 where the row has no last segment. */
  readonly #lastPositions: Float64Array;
  readonly #lastChecksums: Uint32Array;
  /** Places in `#leaderships`. */
  readonly #places: Uint32Array;
  readonly #leaderships: Leadership[] = [];
  #count = 0;

  constructor(capacity: number) {
    this.tails = new Float64Array(capacity);
    this.nextIndexes = new Float64Array(capacity);
    this.timestampsMs = new Float64Array(capacity);
    this.#sizesBytes = new Float64Array(capacity);
    this.#lastPositions = new Float64Array(capacity);
    this.#lastChecksums = new Uint32Array(capacity);
    this.#places = new Uint32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.tails.length;
  }

  push({ tail, nextIndex, timestampMs, sizeBytes, last, epoch, term, window }: WalkState): void {
    const row = this.#count++;
    this.tails[row] = tail;
    this.nextIndexes[row] = nextIndex;
    this.timestampsMs[row] = timestampMs;
    this.#sizesBytes[row] = sizeBytes;
    this.#lastPositions[row] = last?.position ?? -1;
    this.#lastChecksums[row] = last?.checksum ?? 0;
    this.#places[row] = this.#placeOf({ epoch, term, window });
  }

  /** The row as it was pushed; undefined where there is none. */
  at(row: number): WalkState | undefined {
    const tail = this.tails[row];
    const leadership = this.#leaderships[this.#places[row] ?? -1];
    if (row >= this.#count || tail === undefined || leadership === undefined) return undefined;
    const position = this.#lastPositions[row] ?? -1;
    const last = position < 0 ? undefined : { position, checksum: this.#lastChecksums[row] ?? 0 };
    const nextIndex = this.nextIndexes[row] ?? 0;
    const timestampMs = this.timestampsMs[row] ?? 0;
    const sizeBytes = this.#sizesBytes[row] ?? 0;
    return { tail, ...leadership, last, nextIndex, timestampMs, sizeBytes };
  }

  /** The last row whose value is at most this; -1 if none. The values do not decrease. */
  lastAtMost(values: Float64Array, value: number): number {
    let low = -1;
    let high = this.#count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((values[middle] ?? Infinity) <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Every so many of the rows, in columns with room for `capacity`. */
  copy({ capacity, every }: { readonly capacity: number; readonly every: number }): Columns {
    const copy = new Columns(capacity);
    for (let row = 0; row < this.#count; row += every) {
      const state = this.at(row);
      if (state !== undefined) copy.push(state);
    }
    return copy;
  }

  #placeOf(leadership: Leadership): number {
    const { epoch, term, window } = leadership;
    const last = this.#leaderships.at(-1);
    const isSame = last?.epoch === epoch && last?.term === term && last.window === window;
    if (last === undefined || !isSame) this.#leaderships.push(leadership);
    return this.#leaderships.length - 1;
  }
}
