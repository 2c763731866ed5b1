/**
 * Reads archives, upwards or downwards: a chunk to begin with, then large parts, the next one asked for
 * while one is read.
 *
 * Invariant: what is given to a reader was judged again, chunk by chunk, from what the archive's index
 * says; and the index is the one of the archive that the manifest names.
 * Invariant: beyond two chunks each, all readers together hold about the budget's bytes.
 */

import { setImmediate as turn } from "node:timers/promises";

import { sameWalk } from "../core/walk.js";
import { orAborted } from "../store/abort.js";
import { decodeArchiveIndex, decodeChunk, indexRange } from "./archive-codec.js";
import { objectName } from "./names.js";
import { ReadAheadBudget } from "./read-ahead.js";
import { SharedReads } from "./shared-reads.js";
import { corruptObject } from "./store-failure.js";
import { hasEntries } from "./segment-body.js";
import type { ArchiveRef } from "../core/manifest.js";
import type { EntriesSegment } from "../core/types.js";
import type { ByteRange } from "../store/store.js";
import type { ChunkRow } from "./archive-codec.js";
import type { ObjectGetter } from "./object-getter.js";
import type { Fetch } from "./read-ahead.js";

/** An archive is gone from the store. A later manifest may no longer name it. */
export class ArchiveGone extends Error {}

export interface ArchiveReaderOptions {
  readonly getter: ObjectGetter;
  readonly clusterId: string;
  /** The most bytes in a request, unless one chunk is greater. 16 MiB by default. */
  readonly partBytesMax?: number;
  /** What all readers together may hold of parts that are more than a chunk. 48 MiB by default. */
  readonly budgetBytesMax?: number;
}

/** From which index on to read, and which way. */
export interface ArchiveRead {
  /** Those that the read may come to, in the order of the log. */
  readonly archives: readonly ArchiveRef[];
  /** Held by one of them. */
  readonly index: number;
  /** Downwards with -1. */
  readonly step: 1 | -1;
  readonly signal: AbortSignal;
}

const MIB = 1024 * 1024;
const indexBytesKept = MIB;

/** A chunk of one of the archives. */
interface Place {
  /** The archive's number among those of the read. */
  readonly number: number;
  readonly rows: readonly ChunkRow[];
  readonly row: number;
}

/** Consecutive chunks, on their way by one get. */
interface Part {
  readonly archive: ArchiveRef;
  /** In the order of the read. */
  readonly rows: readonly ChunkRow[];
  readonly start: number;
  readonly fetch: Fetch<Uint8Array>;
  readonly chargedBytes: number;
  /** The last of them. */
  readonly last: Place;
}

export class ArchiveReader {
  readonly #options: Required<ArchiveReaderOptions>;
  readonly #indexes: SharedReads<string, readonly ChunkRow[]>;
  readonly #parts: SharedReads<string, Uint8Array>;
  readonly #budget: ReadAheadBudget;

  constructor(options: ArchiveReaderOptions) {
    this.#options = { partBytesMax: 16 * MIB, budgetBytesMax: 48 * MIB, ...options };
    const { partBytesMax, budgetBytesMax } = this.#options;
    const rowBytes = 256;
    const indexBytesOf = (rows: readonly ChunkRow[]): number => rows.length * rowBytes;
    this.#indexes = new SharedReads({ bytesOf: indexBytesOf, keptBytesMax: indexBytesKept });
    const bytesOf = (bytes: Uint8Array): number => bytes.length;
    this.#parts = new SharedReads({ bytesOf, keptBytesMax: partBytesMax });
    this.#budget = new ReadAheadBudget(budgetBytesMax);
  }

  /**
   * The segments of entries from the one that holds the index to the end of the archives. Throws
   * {@link ArchiveGone}; a SuraftError: `corrupt` naming the object, or what the store's failure means;
   * or the signal's reason.
   */
  async *read(read: ArchiveRead): AsyncGenerator<EntriesSegment, void> {
    const { index, step, signal } = read;
    let part: Part | undefined = this.#ask(read, await this.#placeOf(read), { alone: true });
    let ahead: Promise<Part | undefined> | undefined;
    try {
      while (part !== undefined) {
        const bytes = await orAborted(part.fetch.answer, signal);
        ahead = this.#next(read, part.last);
        // A failure is met when its turn comes, if it comes.
        ahead.catch(() => undefined);
        for (const row of part.rows) {
          for (const segment of this.#decode(part, row, bytes, step)) {
            const isBefore = step === 1 ? endOf(segment) <= index : segment.firstIndex > index;
            if (!isBefore) yield segment;
          }
          await turn();
          signal.throwIfAborted();
        }
        this.#letGo(part);
        part = undefined;
        part = await orAborted(ahead, signal);
        ahead = undefined;
      }
    } finally {
      if (part !== undefined) this.#letGo(part);
      ahead?.then(
        (next) => next !== undefined && this.#letGo(next),
        () => undefined,
      );
    }
  }

  /**
   * The index of the archive's first entry with this timestamp or a later one; undefined if it has
   * none. Throws as {@link read} does.
   */
  async findTimestamp(
    archive: ArchiveRef,
    timestampMs: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const rows = await this.#rowsOf(archive, signal);
    for (const row of rows) {
      if (row.to.timestampMs < timestampMs) continue;
      const fetch = this.#fetch(archive, row);
      try {
        const bytes = await orAborted(fetch.answer, signal);
        const segments = entriesOf(archive, row, { bytes, clusterId: this.#options.clusterId });
        const found = segments.find((segment) => segment.timestampMs >= timestampMs);
        if (found !== undefined) return found.firstIndex;
      } finally {
        fetch.release();
      }
    }
    return undefined;
  }

  async #placeOf({ archives, index, signal }: ArchiveRead): Promise<Place> {
    const number = archives.findIndex(({ nextIndex }) => index < nextIndex);
    const rows = await this.#rowsAt(archives, number, signal);
    const row = rows.findIndex(({ to }) => index < to.nextIndex);
    return { number, rows, row };
  }

  /** What follows a place, asked for; undefined behind the last archive. */
  async #next(read: ArchiveRead, { number, rows, row }: Place): Promise<Part | undefined> {
    const { archives, step, signal } = read;
    const isWithin = rows[row + step] !== undefined;
    if (isWithin) return this.#ask(read, { number, rows, row: row + step });
    const next = archives[number + step];
    if (next === undefined) return undefined;
    const nextRows = await this.#rowsAt(archives, number + step, signal);
    checkJoined(next, step === 1 ? [rows, nextRows] : [nextRows, rows]);
    const nextRow = step === 1 ? 0 : nextRows.length - 1;
    return this.#ask(read, { number: number + step, rows: nextRows, row: nextRow });
  }

  /**
   * Asks for a chunk and, if it need not be alone and there is room, for those behind it that stand in
   * the same part. Parts are the same for all readers, so that they can share them.
   */
  #ask({ archives, step }: ArchiveRead, place: Place, { alone = false } = {}): Part | undefined {
    const archive = archives[place.number];
    const first = place.rows[place.row];
    if (archive === undefined || first === undefined) return undefined;
    const { partBytesMax } = this.#options;
    const partOf = ({ start }: ChunkRow): number => Math.floor(start / partBytesMax);
    const rows = [first];
    for (let row = place.row + step; !alone; row += step) {
      const next = place.rows[row];
      if (next === undefined || partOf(next) !== partOf(first)) break;
      rows.push(next);
    }
    const bytes = lengthOf(rangeOf(rows));
    const chargedBytes = rows.length > 1 && this.#budget.take(bytes) ? bytes : 0;
    if (chargedBytes === 0) rows.length = 1;
    const range = rangeOf(rows);
    const last = { ...place, row: place.row + step * (rows.length - 1) };
    const fetch = this.#fetch(archive, range);
    return { archive, rows, start: range.start, fetch, chargedBytes, last };
  }

  #letGo({ fetch, chargedBytes }: Part): void {
    fetch.release();
    this.#budget.give(chargedBytes);
  }

  #decode({ archive, start }: Part, row: ChunkRow, bytes: Uint8Array, step: 1 | -1) {
    const chunk = bytes.subarray(row.start - start, row.end - start);
    const { clusterId } = this.#options;
    const segments = entriesOf(archive, row, { bytes: chunk, clusterId });
    return step === 1 ? segments : segments.toReversed();
  }

  async #rowsAt(
    archives: readonly ArchiveRef[],
    number: number,
    signal: AbortSignal,
  ): Promise<readonly ChunkRow[]> {
    const archive = archives[number];
    return archive === undefined ? [] : await this.#rowsOf(archive, signal);
  }

  async #rowsOf(archive: ArchiveRef, signal: AbortSignal): Promise<readonly ChunkRow[]> {
    const fetch = this.#indexes.fetch(nameOf(archive), async (shared) => {
      const bytes = await this.#get(archive, indexRange(archive), shared);
      const decoded = decodeArchiveIndex(bytes, archive, this.#options.clusterId);
      if (decoded.type === "corrupt") throw corruptObject(nameOf(archive), decoded.reason);
      return decoded.value.rows;
    });
    try {
      return await orAborted(fetch.answer, signal);
    } finally {
      fetch.release();
    }
  }

  #fetch(archive: ArchiveRef, range: ByteRange): Fetch<Uint8Array> {
    const key = `${nameOf(archive)}:${range.start}-${range.end}`;
    return this.#parts.fetch(key, (shared) => this.#get(archive, range, shared));
  }

  async #get(archive: ArchiveRef, range: ByteRange, signal: AbortSignal): Promise<Uint8Array> {
    const name = nameOf(archive);
    const { start, end } = range;
    const result = await this.#options.getter.get(name, signal, { start, end });
    if (result.type === "absent") throw new ArchiveGone(name);
    if (result.size !== archive.sizeBytes || result.bytes.length !== lengthOf(range)) {
      throw corruptObject(name, `it has ${result.size} bytes, not ${archive.sizeBytes}`);
    }
    return result.bytes;
  }
}

/** The name of an archive's object. */
function nameOf({ id }: ArchiveRef): string {
  return objectName({ type: "archive", id });
}

/** What consecutive chunks take in their archive. */
function rangeOf(rows: readonly ChunkRow[]): ByteRange {
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    start: Math.min(first?.start ?? 0, last?.start ?? 0),
    end: Math.max(first?.end ?? 0, last?.end ?? 0),
  };
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start;
}

function endOf({ firstIndex, entryCount }: EntriesSegment): number {
  return firstIndex + entryCount;
}

/** The segments of a chunk that have entries. */
function entriesOf(
  archive: ArchiveRef,
  row: ChunkRow,
  { bytes, clusterId }: { readonly bytes: Uint8Array; readonly clusterId: string },
): EntriesSegment[] {
  const decoded = decodeChunk(bytes, row, clusterId);
  if (decoded.type === "corrupt") throw corruptObject(nameOf(archive), decoded.reason);
  return decoded.value.filter(hasEntries);
}

/** Where two archives meet, the walk goes on. */
function checkJoined(archive: ArchiveRef, [lower, upper]: readonly (readonly ChunkRow[])[]): void {
  const end = lower?.at(-1)?.to;
  const start = upper?.[0]?.from;
  if (end === undefined || start === undefined || end.tail !== start.tail) return;
  if (sameWalk(end, start)) return;
  throw corruptObject(nameOf(archive), "it does not go on where the one before it ends");
}
