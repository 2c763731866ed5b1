/**
 * Where in the log an index or a timestamp stands, roughly: states of the walk, one every `stride`
 * segments of entries, from which it can be walked again.
 *
 * Invariant: the rows' next indexes and their timestamps do not decrease.
 * Invariant: there are at most `rowsMax` rows; the stride doubles when there would be more, so a
 * log of any length is kept in the same memory.
 */

import { assert } from "../core/assert.js";
import type { Position } from "../core/types.js";
import type { WalkState } from "../core/walk.js";

export class SparseIndex {
  readonly #rowsMax: number;
  #rows: WalkState[] = [];
  #stride = 1;
  #untilNext = 0;

  /** `rowsMax` is even, so that rows stay a whole stride apart when every other one is dropped. */
  constructor(rowsMax: number) {
    assert(rowsMax >= 2 && rowsMax % 2 === 0, "a sparse index has an even number of rows");
    this.#rowsMax = rowsMax;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  /** Every so many segments of entries have a row. */
  get stride(): number {
    return this.#stride;
  }

  /** Notes the walk just before a segment of entries. */
  add(before: WalkState): void {
    if (this.#untilNext > 0) {
      this.#untilNext--;
      return;
    }
    if (this.#rows.length >= this.#rowsMax) {
      this.#rows = this.#rows.filter((_, number) => number % 2 === 0);
      this.#stride *= 2;
    }
    this.#rows.push(before);
    this.#untilNext = this.#stride - 1;
  }

  /** The last row at or before the segment that holds an index. */
  beforeIndex(index: number): WalkState | undefined {
    return this.#rows[this.#lastThat((row) => row.nextIndex <= index)];
  }

  /** The first row behind the segment that holds an index. */
  afterIndex(index: number): WalkState | undefined {
    return this.#rows[this.#lastThat((row) => row.nextIndex <= index) + 1];
  }

  /** The first row above a position. */
  above(position: Position): WalkState | undefined {
    return this.#rows[this.#lastThat((row) => row.tail <= position) + 1];
  }

  /** The last row before which every entry is older. */
  beforeTimestamp(timestampMs: number): WalkState | undefined {
    return this.#rows[this.#lastThat((row) => row.timestampMs < timestampMs)];
  }

  /** The last row for which something holds that holds for all before it, too; -1 if none. */
  #lastThat(holds: (row: WalkState) => boolean): number {
    let low = -1;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const row = this.#rows[middle];
      if (row !== undefined && holds(row)) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
