/** Writes a long log of small segments into a store at once, by the production codecs. */

import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { advance, logStart, type WalkState } from "../../src/core/walk.js";
import { appendRequestFields } from "../../src/log/append-options.js";
import { scanAppend } from "../../src/log/append-scan.js";
import { ArchiveWriter } from "../../src/log/archive-writer.js";
import { encodeLedger } from "../../src/log/ledger-codec.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { manifestName, objectName, segmentName } from "../../src/log/names.js";
import { sealSegment, storedBytes } from "../../src/log/segment-codec.js";
import { encodeAppend } from "./log-client.js";
import type { ArchiveRef, ManifestMember } from "../../src/core/manifest.js";
import type { Segment } from "../../src/core/types.js";
import type { EntryAppend } from "../../src/log/segment-codec.js";
import type { Store } from "../../src/store/store.js";

export interface LongLogOptions {
  readonly segments: number;
  readonly members: readonly ManifestMember[];
  /**
   * As upkeep keeps a log: all but the last segments in archives, a checkpoint near the tail. Else the
   * log is as it was written.
   */
  readonly kept: boolean;
  readonly entriesPerSegment?: number;
  readonly payloadBytes?: number;
  /** How many of the last segments of a log that is kept are in no archive. */
  readonly rawSegments?: number;
}

const clusterId = "11111111-2222-4333-8444-555555555555";
const epoch = { term: 1, leaderId: "n1", nonce: "0".repeat(32) };
/** Segments are a millisecond apart. */
export const startMs = 1_700_000_000_000;

/** As upkeep has it by default. */
export const archiveSegments = 16_384;
const checkpointSegments = 1_000;
const markSegments = 250;

const archiveBytesMax = 32 * 1024 ** 2;
const createsAtOnce = 500;

/** Creates objects, many at once. */
class Creates {
  readonly #store: Store;
  #pending: Promise<unknown>[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  async create(name: string, bytes: Uint8Array): Promise<void> {
    const { signal } = new AbortController();
    this.#pending.push(this.#store.create(name, bytes, { signal }));
    if (this.#pending.length >= createsAtOnce) await this.settle();
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.#pending = [];
  }
}

interface Entries {
  readonly entriesPerSegment: number;
  readonly payloadBytes: number;
}

/** The segments of the log, one after the other. */
function* segmentsOf(count: number, entries: Entries): Generator<Segment, void> {
  const { entriesPerSegment } = entries;
  const claim = sealSegment(clusterId, { type: "claim", position: 0, epoch, window: 8 });
  yield claim;
  const append = entriesToAppend(entries);
  let previous = { position: 0, checksum: claim.checksum };
  for (let position = 1; position < count; position++) {
    const segment = sealSegment(clusterId, {
      type: "entries",
      position,
      epoch,
      previous,
      firstIndex: 1 + (position - 1) * entriesPerSegment,
      entryCount: entriesPerSegment,
      timestampMs: startMs + position,
      appends: [append],
      records: [],
      keys: [],
    });
    previous = { position, checksum: segment.checksum };
    yield segment;
  }
}

function entriesToAppend({ entriesPerSegment, payloadBytes }: Entries): EntryAppend {
  const bounds = { entryBytesMax: 1e7, appendBytesMax: 1e7, appendEntriesMax: 1e6 };
  const message = encodeAppend(entriesPerSegment, payloadBytes);
  const scan = scanAppend(message, bounds, appendRequestFields);
  if (scan.type !== "append") throw new Error("the benchmark's append is sound");
  const { run } = scan.append;
  return { run, entryCount: run.entryCount, sizeBytes: run.bytes.length };
}

/** Returns the index of the log's next entry. */
export async function writeLongLog(store: Store, options: LongLogOptions): Promise<number> {
  const { segments, members, kept, rawSegments = archiveSegments } = options;
  const { entriesPerSegment = 4, payloadBytes = 100 } = options;
  const creates = new Creates(store);
  const manifest = { ...foundingManifest(members), clusterId };
  await creates.create(manifestName(0), encodeManifest(manifest));
  const archived = kept ? Math.max(0, segments - rawSegments) : 0;
  const checkpointAt = kept ? Math.max(1, archived, segments - checkpointSegments / 2) : Infinity;
  const archives: ArchiveRef[] = [];
  const marks: WalkState[] = [];
  let walk = logStart;
  let floor = logStart;
  let checkpoint = logStart;
  let writer: ArchiveWriter | undefined;
  const endArchive = async (): Promise<void> => {
    if (writer === undefined) return;
    const { bytes, covers } = writer.finish();
    const id = { manifest: 1, nonce: walk.tail.toString(16).padStart(32, "0") };
    await creates.create(objectName({ type: "archive", id }), bytes);
    archives.push({ id, ...covers });
    writer = undefined;
    floor = walk;
  };
  for (const segment of segmentsOf(segments, { entriesPerSegment, payloadBytes })) {
    if (walk.tail === checkpointAt) checkpoint = walk;
    const mayMark = walk.tail > archived && walk.tail < checkpointAt;
    if (kept && mayMark && walk.tail % markSegments === 0) marks.push(walk);
    if (segment.position < archived) {
      const isFull = writer?.hasRoom(segment) === false || walk.tail % archiveSegments === 0;
      if (isFull) await endArchive();
      writer ??= new ArchiveWriter({ clusterId, from: walk, bytesMax: archiveBytesMax });
      writer.add(segment);
    } else {
      await endArchive();
      await creates.create(segmentName(segment.position), storedBytes(segment));
    }
    walk = advance(walk, segment, "valid");
  }
  if (kept) {
    const id = { manifest: 1, nonce: "c".repeat(32) };
    const { bytes, checksum } = encodeLedger(clusterId, new Ledger(ledgerBounds).snapshot());
    await creates.create(objectName({ type: "checkpoint", id }), bytes);
    const ledger = { id, sizeBytes: bytes.length, checksum };
    const state = { floor, marks, archives, checkpoint: { walk: checkpoint, ledger } };
    const next = { ...manifest, ...state, number: 1, nonce: "b".repeat(32) };
    await creates.create(manifestName(1), encodeManifest(next));
  }
  await creates.settle();
  return walk.nextIndex;
}
