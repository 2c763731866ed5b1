/**
 * Writes an archive: old segments, as they were stored, in chunks, and an index of the chunks.
 *
 * Invariant: whoever walks the archive comes to what a walk over the segments came to: what it leaves
 * out is void.
 * Invariant: the same segments in chunks of the same size give the same bytes.
 */

import { assert } from "../core/assert.js";
import { advance, judge } from "../core/walk.js";
import { crc32c } from "./crc32c.js";
import { storedBytes } from "./segment-body.js";
import { MessageWriter } from "./message-writer.js";
import { writeWalk } from "./walk-codec.js";
import type { ArchiveRef } from "../core/manifest.js";
import type { Position, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";

/** What is read and checked together. A segment that is bigger is a chunk of its own. */
export const chunkBytesDefault = 1024 * 1024;

/** What a segment takes in a chunk beside its bytes, at the most. */
const overheadBytes = 9;

export interface ArchiveWriterOptions {
  readonly clusterId: string;
  /** The walk at the archive's first position. */
  readonly from: WalkState;
  /** About how many bytes the archive has at the most. */
  readonly bytesMax: number;
  readonly chunkBytes?: number;
}

/** An archive that was written, and what a manifest says of it beside its name. */
export interface WrittenArchive {
  readonly bytes: Uint8Array;
  readonly covers: Omit<ArchiveRef, "id">;
}

interface Row {
  readonly start: WalkState;
  readonly sizeBytes: number;
  readonly checksum: number;
}

export class ArchiveWriter {
  readonly #options: Required<ArchiveWriterOptions>;
  readonly #writer: MessageWriter;
  readonly #rows: Row[] = [];
  /** The chunk that is being filled, and the walk before it. */
  #chunk: Segment[] = [];
  #chunkBytes = 0;
  #chunkStart: WalkState;
  #walk: WalkState;

  constructor(options: ArchiveWriterOptions) {
    this.#options = { chunkBytes: chunkBytesDefault, ...options };
    const { chunkBytes, bytesMax } = this.#options;
    // Memory that is not written to costs nothing.
    this.#writer = new MessageWriter(bytesMax + 2 * chunkBytes);
    this.#chunkStart = options.from;
    this.#walk = options.from;
  }

  /** The walk behind what was added. */
  get walk(): WalkState {
    return this.#walk;
  }

  /** Whether the archive stays within its bound with one more segment. There is always room for one. */
  hasRoom(segment: Segment): boolean {
    const { bytesMax } = this.#options;
    if (this.#rows.length === 0 && this.#chunk.length === 0) return true;
    const bytes = this.#writer.length + this.#chunkBytes;
    return bytes + segment.sizeBytes + overheadBytes <= bytesMax;
  }

  /** Adds the next valid segment; the positions in between hold voids. */
  add(segment: Segment): void {
    this.passTo(segment.position);
    const verdict = judge(this.#walk, segment, this.#options.clusterId);
    assert(verdict === "valid", "only what counts is archived");
    if (this.#chunk.length > 0 && this.#chunkBytes + segment.sizeBytes > this.#options.chunkBytes) {
      this.#endChunk();
    }
    this.#chunk.push(segment);
    this.#chunkBytes += segment.sizeBytes + overheadBytes;
    this.#walk = advance(this.#walk, segment, verdict);
  }

  /** The positions below hold voids. */
  passTo(position: Position): void {
    assert(position >= this.#walk.tail, "segments are archived in order");
    this.#walk = { ...this.#walk, tail: position };
  }

  /** Nothing more is added. */
  finish(): WrittenArchive {
    const { clusterId, from } = this.#options;
    const end = this.#walk;
    assert(end.tail > from.tail, "an archive stands for something");
    if (this.#chunk.length > 0 || this.#rows.length === 0) this.#endChunk();
    const index = encodeIndex(clusterId, this.#rows, end);
    const { bytes, checksum } = this.#writer.bytes(2, index).seal();
    const covers = {
      sizeBytes: bytes.length,
      checksum,
      startPosition: from.tail,
      endPosition: end.tail,
      firstIndex: from.nextIndex,
      nextIndex: end.nextIndex,
      timestampMs: end.timestampMs,
      indexBytes: index.length,
    };
    return { bytes, covers };
  }

  #endChunk(): void {
    const offset = this.#writer.length;
    this.#writer.message(1, (writer) => {
      for (const segment of this.#chunk) writer.bytes(1, storedBytes(segment));
    });
    const bytes = this.#writer.written(offset);
    const row = { start: this.#chunkStart, sizeBytes: bytes.length, checksum: crc32c(bytes) };
    this.#rows.push(row);
    this.#chunk = [];
    this.#chunkBytes = 0;
    this.#chunkStart = this.#walk;
  }
}

function encodeIndex(clusterId: string, rows: readonly Row[], end: WalkState): Uint8Array {
  const writer = new MessageWriter().text(1, clusterId);
  for (const { start, sizeBytes, checksum } of rows) {
    writer.message(2, () => {
      writer.message(1, () => writeWalk(writer, start));
      writer.number(2, sizeBytes).fixed32(3, checksum);
    });
  }
  return writer.message(3, () => writeWalk(writer, end)).seal().bytes;
}
