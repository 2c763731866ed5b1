/**
 * Parts of archives, from bytes: the index, and a chunk, each checked by itself.
 *
 * Invariant: what a chunk gives was judged again, by the rule of PROTOCOL.md section 3, in a walk from
 * the state before the chunk to the state behind it, as the index has them.
 * Invariant: whatever the bytes are, nothing is thrown.
 */

import { advance, judge, sameWalk } from "../core/walk.js";
import { crc32c } from "./crc32c.js";
import { Malformed, readMessage, readObject, trailerBytes } from "./fields.js";
import { decodeEmbeddedSegment } from "./segment-decode.js";
import { bytesFieldSize, wireType } from "./wire.js";
import { readWalk } from "./walk-codec.js";
import type { ArchiveRef } from "../core/manifest.js";
import type { Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { Decoded, Fields } from "./fields.js";
import type { ByteRange } from "../store/store.js";

/** Where a chunk is, and the walk before and behind it. */
export interface ChunkRow extends ByteRange {
  readonly from: WalkState;
  readonly to: WalkState;
  readonly checksum: number;
}

/** Where an archive's chunks are, in order. At least one. */
export interface ArchiveIndex {
  readonly clusterId: string;
  readonly rows: readonly ChunkRow[];
}

/** Where in an archive its index is. */
export function indexRange({ sizeBytes, indexBytes }: ArchiveRef): ByteRange {
  const end = sizeBytes - trailerBytes;
  return { start: end - indexBytes, end };
}

/** Decodes the bytes of an archive's index. It must be what the manifest says of the archive. */
export function decodeArchiveIndex(
  bytes: Uint8Array,
  archive: ArchiveRef,
  expectedClusterId: string,
): Decoded<ArchiveIndex> {
  return readObject(bytes, "ArchiveIndex", (fields) => {
    const clusterId = fields.text(1, "cluster_id");
    if (clusterId !== expectedClusterId) throw new Malformed(`it is of the cluster ${clusterId}`);
    const places = fields.repeated(2, "ArchiveRow", readRow);
    const end = readWalk(fields.required(3, "end"));
    const rows = rowsOf(places, end);
    checkRows(rows, archive);
    return { clusterId, rows };
  });
}

interface Place {
  readonly start: WalkState;
  readonly sizeBytes: number;
  readonly checksum: number;
}

function readRow(fields: Fields): Place {
  const start = readWalk(fields.required(1, "Walk"));
  const sizeBytes = fields.number(2);
  const checksum = fields.fixed32(3);
  return { start, sizeBytes, checksum };
}

function rowsOf(places: readonly Place[], archiveEnd: WalkState): ChunkRow[] {
  let offset = 0;
  return places.map(({ start: from, sizeBytes, checksum }, number) => {
    const start = offset;
    offset += sizeBytes;
    const to = places[number + 1]?.start ?? archiveEnd;
    if (
      to.tail <= from.tail ||
      to.nextIndex < from.nextIndex ||
      to.timestampMs < from.timestampMs
    ) {
      throw new Malformed("the rows of an index do not rise");
    }
    return { start, end: offset, from, to, checksum };
  });
}

function checkRows(rows: readonly ChunkRow[], archive: ArchiveRef): void {
  const first = rows[0]?.from;
  const end = rows.at(-1)?.to;
  const chunksEnd = rows.at(-1)?.end ?? 0;
  const isSame =
    first?.tail === archive.startPosition &&
    end?.tail === archive.endPosition &&
    first.nextIndex === archive.firstIndex &&
    end.nextIndex === archive.nextIndex &&
    end.timestampMs === archive.timestampMs &&
    chunksEnd + bytesFieldSize(archive.indexBytes) + trailerBytes === archive.sizeBytes;
  if (!isSame) throw new Malformed("the index is not the one of the archive that was named");
}

/** Decodes a chunk; its valid segments, in order. They keep the bytes alive. */
export function decodeChunk(
  bytes: Uint8Array,
  row: ChunkRow,
  clusterId: string,
): Decoded<readonly Segment[]> {
  if (crc32c(bytes) !== row.checksum) {
    return { type: "corrupt", reason: "a chunk's checksum does not match its bytes" };
  }
  return readMessage(bytes, "Archive", (fields) => {
    const chunk = fields.required(1, "ArchiveChunk");
    const segments: Segment[] = [];
    let walk = row.from;
    while (chunk.has(1, wireType.bytes)) {
      const segment = readSegment(chunk);
      const before = { ...walk, tail: segment.position };
      if (segment.position < walk.tail || judge(before, segment, clusterId) !== "valid") {
        throw new Malformed(`what stands for position ${segment.position} does not count there`);
      }
      walk = advance(before, segment, "valid");
      segments.push(segment);
    }
    chunk.end();
    if (!sameWalk({ ...walk, tail: row.to.tail }, row.to) || walk.tail > row.to.tail) {
      throw new Malformed("a chunk does not come to where the next one begins");
    }
    return segments;
  });
}

function readSegment(chunk: Fields): Segment {
  const bytes = chunk.cursor.view();
  if (bytes === undefined) throw chunk.malformed();
  const decoded = decodeEmbeddedSegment(bytes);
  if (decoded.type === "corrupt") throw new Malformed(`a segment in a chunk: ${decoded.reason}`);
  return decoded.segment;
}
