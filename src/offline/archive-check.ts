/**
 * Checks the archives of a manifest, whole: their checksums, what they hold, and where they meet.
 *
 * Invariant: at most two parts of an archive and the gets under way are held.
 */

import { decodeArchiveIndex, decodeChunk, indexRange } from "../log/archive-codec.js";
import { crc32c } from "../log/crc32c.js";
import { trailerBytes } from "../log/fields.js";
import { objectName } from "../log/names.js";
import { readFixed32 } from "../log/wire.js";
import { inOrder } from "./in-order.js";
import type { ArchiveRef } from "../core/manifest.js";
import type { ByteRange } from "../store/store.js";
import type { ChunkRow } from "../log/archive-codec.js";
import type { Loss, VerifiedWalk } from "./verified-walk.js";
import { arrive, comesTo } from "./verify-context.js";
import type { VerifyContext } from "./verify-context.js";

const partBytesMax = 8 * 1024 * 1024;

/** A manifest named an archive that is not there. A later one may not name it any more. */
export class ArchiveMissing extends Error {}

/** Chunks that are read with one get, or what stands behind the last. */
interface Part extends ByteRange {
  readonly rows: readonly ChunkRow[];
}

/**
 * Walks an archive from the walk's tail, which is in it or before it. Throws {@link ArchiveMissing} if
 * it is not there; what else is wrong is found.
 */
export async function checkArchive(context: VerifyContext, archive: ArchiveRef): Promise<void> {
  const { walk } = context;
  const object = objectName({ type: "archive", id: archive.id });
  const rows = await indexOf(context, archive, object);
  const [first] = rows ?? [];
  if (rows === undefined || first === undefined) return;
  if (walk.tail < first.from.tail) pass(context, archive, first);
  else if (
    walk.tail === first.from.tail &&
    !comesTo(context, first.from, { object, what: "its beginning" })
  ) {
    walk.jump(first.from);
  }
  await checkParts(context, archive, rows);
}

/** The walk goes on where the archive begins: what is before it was trimmed. */
function pass({ walk, findings, source }: VerifyContext, archive: ArchiveRef, row: ChunkRow): void {
  const { firstIndex } = source.manifest;
  const { nextIndex } = walk.walk;
  if (walk.isSound && row.from.nextIndex > firstIndex) {
    const object = objectName({ type: "archive", id: archive.id });
    const reason = `no archive holds the positions ${walk.tail} to ${row.from.tail - 1} before it`;
    const lost = { startIndex: Math.max(nextIndex, firstIndex), endIndex: row.from.nextIndex };
    findings.add("missing", { object, reason, lost });
    walk.lost.push(lost);
  }
  walk.jump(row.from);
}

/** Undefined if it cannot be read: then all of the archive is lost. */
async function indexOf(
  { source, walk, clusterId }: VerifyContext,
  archive: ArchiveRef,
  object: string,
): Promise<readonly ChunkRow[] | undefined> {
  const looked = await source.look(object, indexRange(archive));
  if (looked.type === "absent") throw new ArchiveMissing(object);
  let reason = looked.type === "damaged" ? looked.reason : undefined;
  if (looked.type === "found") {
    const { bytes, size } = looked.value;
    const decoded = decodeArchiveIndex(bytes, archive, clusterId);
    if (size === archive.sizeBytes && decoded.type === "ok") return decoded.value.rows;
    reason =
      decoded.type === "ok" || size !== archive.sizeBytes
        ? `it has ${size} bytes, not ${archive.sizeBytes}`
        : `its index: ${decoded.reason}`;
  }
  loseArchive(walk, archive, { kind: "damaged", reason: reason ?? "it cannot be read" });
  return undefined;
}

/** None of an archive can be read. The walk goes on behind it, at a state that is told. */
export function loseArchive(
  walk: VerifiedWalk,
  archive: ArchiveRef,
  { kind, reason }: Pick<Loss, "kind" | "reason">,
): void {
  const object = objectName({ type: "archive", id: archive.id });
  walk.lose({ kind, object, reason, to: Math.max(walk.tail, archive.endPosition) });
}

async function checkParts(
  context: VerifyContext,
  archive: ArchiveRef,
  rows: readonly ChunkRow[],
): Promise<void> {
  const { source, findings } = context;
  const object = objectName({ type: "archive", id: archive.id });
  const reads = inOrder(partsOf(archive, rows), {
    run: async (part) => ({ part, looked: await source.look(object, part) }),
    sizeOf: ({ start, end }) => end - start,
    width: context.width,
    bytesMax: context.bytesMax,
  });
  let checksum: number | undefined = 0;
  let isChunkDamaged = false;
  for await (const { part, looked } of reads) {
    if (looked.type === "absent") throw new ArchiveMissing(object);
    const bytes = looked.type === "found" ? looked.value.bytes : new Uint8Array(0);
    if (bytes.length !== part.end - part.start) checksum = undefined;
    const isTail = part.end === archive.sizeBytes;
    const covered = isTail ? bytes.subarray(0, bytes.length - trailerBytes) : bytes;
    if (checksum !== undefined) checksum = crc32c(covered, checksum);
    for (const row of part.rows) {
      const chunk = bytes.subarray(row.start - part.start, row.end - part.start);
      if (!(await checkChunk(context, object, row, chunk))) isChunkDamaged = true;
    }
    context.progressed(bytes.length);
    if (!isTail || isChunkDamaged) continue;
    const written = readFixed32(bytes, bytes.length - trailerBytes + 1);
    if (checksum !== archive.checksum || written !== archive.checksum) {
      findings.add("damaged", { object, reason: "it is not the object that the manifest names" });
    }
  }
}

/** The chunks in parts, and what stands behind them. */
function partsOf({ sizeBytes }: ArchiveRef, rows: readonly ChunkRow[]): Part[] {
  const parts: Part[] = [];
  let open: ChunkRow[] = [];
  const close = (): void => {
    const [first, last] = [open[0], open.at(-1)];
    if (first !== undefined && last !== undefined) {
      parts.push({ start: first.start, end: last.end, rows: open });
    }
    open = [];
  };
  for (const row of rows) {
    if (row.end - (open[0]?.start ?? row.start) > partBytesMax) close();
    open.push(row);
  }
  close();
  parts.push({ start: rows.at(-1)?.end ?? 0, end: sizeBytes, rows: [] });
  return parts;
}

/** False if the chunk is damaged. */
async function checkChunk(
  context: VerifyContext,
  object: string,
  row: ChunkRow,
  bytes: Uint8Array,
): Promise<boolean> {
  const { walk, told } = context;
  if (row.to.tail <= walk.tail) return true;
  const decoded = decodeChunk(bytes, row, context.clusterId);
  if (decoded.type === "corrupt") {
    walk.lose({ kind: "damaged", object, reason: decoded.reason, to: row.to.tail });
    walk.jump(row.to);
    await context.leftovers.compareTo(row.to.tail, undefined);
    return false;
  }
  const segments = decoded.value;
  for (const segment of segments) {
    if (segment.position < walk.tail) continue;
    await passTo(context, segment.position);
    if (told.at(walk.tail).length > 0) await arrive(context);
    walk.take(segment);
  }
  await passTo(context, row.to.tail);
  await context.leftovers.compareTo(row.to.tail, segments);
  if (!comesTo(context, row.to, { object, what: "a chunk of it" })) walk.jump(row.to);
  return true;
}

/** Steps over voids, and stops where something is told of the walk. */
async function passTo(context: VerifyContext, position: number): Promise<void> {
  const { walk, told } = context;
  while (walk.tail < position) {
    if (told.at(walk.tail).length > 0) await arrive(context);
    const next = told.above(walk.tail)?.walk.tail ?? position;
    walk.passVoids(Math.min(position, next));
  }
}
