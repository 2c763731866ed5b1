/**
 * The log's last segments of entries, in memory, for readers near the tail.
 *
 * Invariant: what it holds are consecutive valid segments that end at the tail; they take at most
 * `bytesMax`, or are one segment.
 */

import type { EntriesSegment, Segment } from "../core/types.js";

/** What a segment takes in memory beside its bytes, roughly: measured with segments of 118 bytes. */
const overheadBytes = 1024;
/** What the key of an entry takes, roughly: a short string and its place. */
const keyBytes = 96;

/** What a segment takes in memory, in bytes. */
export function memoryBytes(segment: Segment): number {
  const keyCount = segment.type === "entries" ? segment.keys.length : 0;
  return segment.sizeBytes + overheadBytes + keyCount * keyBytes;
}

export class SegmentCache {
  readonly #bytesMax: number;
  /** Those before the head were dropped. */
  #segments: (EntriesSegment | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What its segments take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get segmentCount(): number {
    return this.#segments.length - this.#head;
  }

  /** Adds the log's next segment and drops the oldest beyond the bound. */
  push(segment: EntriesSegment): void {
    this.#segments.push(segment);
    this.#bytes += memoryBytes(segment);
    while (this.#bytes > this.#bytesMax && this.segmentCount > 1) this.#dropOldest();
    if (this.#head * 2 < this.#segments.length) return;
    this.#segments = this.#segments.slice(this.#head);
    this.#head = 0;
  }

  clear(): void {
    this.#segments = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  /** The segment that holds an index, if it is here. */
  find(index: number): EntriesSegment | undefined {
    let low = this.#head;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const first = this.#segments[middle]?.firstIndex ?? Infinity;
      if (first <= index) low = middle;
      else high = middle - 1;
    }
    const segment = this.#segments[low];
    if (segment === undefined || index < segment.firstIndex) return undefined;
    return index < segment.firstIndex + segment.entryCount ? segment : undefined;
  }

  #dropOldest(): void {
    const oldest = this.#segments[this.#head];
    if (oldest !== undefined) this.#bytes -= memoryBytes(oldest);
    // The place goes later, with many others; the segment goes now.
    this.#segments[this.#head++] = undefined;
  }
}
