/**
 * Makes a new log, in an empty store, of a file of exported entries.
 *
 * What it writes is a log that a leader of its own had written: a claim of term 1, then a segment for each
 * run of the file, which keeps indexes, timestamps, keys and headers, since a segment has one timestamp. A
 * file that does not begin at index 1 becomes a log that was trimmed up to there. The cluster is a new one:
 * two clusters with one id could be taken for one another. Producers and fences of the old one are not
 * known; who held a fencing token of it asks for one anew.
 *
 * Invariant: the manifests are written last: before `manifest/0` there is no log for any node, and `manifest/1`,
 * which says where it begins, follows at once. Whatever an import that failed has left is what this one
 * would write, by the mark that both go by, or it is refused.
 * Invariant: the same file and mark give the same objects.
 */

import { randomBytes, randomUUID } from "node:crypto";

import { Ledger } from "../core/ledger/ledger.js";
import { ledgerBounds } from "../core/ledger/snapshot.js";
import { advance, logStart } from "../core/walk.js";
import { SuraftError } from "../errors.js";
import { createLedger } from "../log/checkpoint.js";
import { foundingManifest, readManifest } from "../log/manifest.js";
import { encodeManifest } from "../log/manifest-codec.js";
import { manifestName, segmentName, segmentPrefix } from "../log/names.js";
import { sealSegment, storedBytes } from "../log/segment-codec.js";
import { corruptObject, storeFailure } from "../log/store-failure.js";
import { withDeadline } from "../store/abort.js";
import { settle } from "../store/settle.js";
import { decodeMark, encodeMark } from "./export-codec.js";
import { inOrder } from "./in-order.js";
import { Source } from "./source.js";
import type { LedgerSnapshot } from "../core/ledger/snapshot.js";
import type { ManifestMember, ManifestView } from "../core/manifest.js";
import type { LogRecord, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { EntryAppend } from "../log/segment-codec.js";
import type { Store } from "../store/store.js";
import type { ExportedRun, ImportMark } from "./export-codec.js";
import type { ExportFile } from "./export-file.js";

export interface ImportOptions {
  readonly signal: AbortSignal;
  /** The new cluster's. */
  readonly members: readonly ManifestMember[];
  /** The new cluster's grace in milliseconds, an hour by default. */
  readonly graceMs?: number;
  /** Creates under way at once. 32 by default, 64 at the most. */
  readonly width?: number;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly segments: number;
  readonly bytes: number;
  readonly nextIndex: number;
}

export interface Imported {
  readonly clusterId: string;
  readonly firstIndex: number;
  readonly nextIndex: number;
  readonly segments: number;
}

/** The window of the claim. No more creates are under way at once. */
const window = 64;
const bytesMax = 64 * 1024 * 1024;
const markName = "import/0";

/** A store that takes no object for so long does not answer. */
const objectMsMax = 60_000;

/** Every so many segments the manifest tells of the walk; twice as far apart when there are too many. */
const markSegments = 128;
const marksMax = 64;

/**
 * Imports a file. Throws a SuraftError: `conflict` if the store holds a log, or another import's part;
 * `corrupt` or `invalid` if the file is not whole; or what the store's failure means. Repeating it with the
 * same file goes on where it failed.
 */
export async function importLog(
  store: Store,
  file: ExportFile,
  options: ImportOptions,
): Promise<Imported> {
  const { signal, members, graceMs } = options;
  checkMembers(members);
  await file.open();
  const source = new Source(store, signal);
  const mark = await markOf(source);
  const founding: ManifestView = {
    ...foundingManifest(members, graceMs),
    clusterId: mark.clusterId,
    nonce: mark.nonce,
  };
  const log = new ImportedLog(mark, file.firstIndex);
  const writes = inOrder(log.segments(file), {
    run: (segment) => write(source, segmentName(segment.position), storedBytes(segment)),
    sizeOf: ({ sizeBytes }) => sizeBytes,
    width: Math.min(options.width ?? 32, window),
    bytesMax,
  });
  let segments = 0;
  let bytes = 0;
  for await (const size of writes) {
    segments++;
    bytes += size;
    options.onProgress?.({ segments, bytes, nextIndex: file.nextIndex });
  }
  const manifest = { ...founding, number: 1, ...(await log.past(source)) };
  await write(source, manifestName(0), encodeManifest(founding));
  await writePast(source, manifest);
  const { clusterId } = mark;
  return { clusterId, firstIndex: file.firstIndex, nextIndex: log.walk.nextIndex, segments };
}

function checkMembers(members: readonly ManifestMember[]): void {
  const ids = new Set(members.map(({ nodeId }) => nodeId));
  if (members.length > 0 && ids.size === members.length) return;
  const reason = members.length === 0 ? "has no members" : "names a node twice";
  throw new SuraftError("invalid", `the new cluster ${reason}`);
}

interface ImportedRun extends ExportedRun {
  readonly records?: readonly LogRecord[];
}

/** No entry; it says where the log begins. */
function trimOf(firstIndex: number): ImportedRun {
  const run = { bytes: new Uint8Array(0), entryCount: 0 };
  const records = [{ type: "trimmed", entryOffset: 0, firstIndex } as const];
  return { run, firstIndex, timestampMs: 0, keys: [], records };
}

/** The log that comes to be. */
class ImportedLog {
  readonly #mark: ImportMark;
  readonly #firstIndex: number;
  readonly #ledger: Ledger;
  #walk: WalkState = logStart;
  #floor: WalkState = logStart;
  #marks: WalkState[] = [];
  #markEvery = markSegments;

  constructor(mark: ImportMark, firstIndex: number) {
    this.#mark = mark;
    this.#firstIndex = firstIndex;
    this.#ledger = Ledger.restore(ledgerFrom(firstIndex), ledgerBounds);
  }

  get walk(): WalkState {
    return this.#walk;
  }

  /** The claim, then a segment for each run. */
  async *segments(file: ExportFile): AsyncGenerator<Segment, void> {
    const { clusterId, nonce } = this.#mark;
    const epoch = { term: 1, leaderId: "import", nonce };
    const claim = sealSegment(clusterId, { type: "claim", position: 0, epoch, window });
    this.#walk = advance(logStart, claim, "valid");
    yield claim;
    if (this.#firstIndex > 1) {
      // Trimmed up to here: the claim is below the floor.
      this.#walk = { ...this.#walk, nextIndex: this.#firstIndex };
      this.#floor = this.#walk;
    }
    for await (const run of file.runs()) yield this.#segmentOf(run, epoch);
    // Without entries nothing else would stop a node that does not know of the trim.
    const { tail, nextIndex } = this.#walk;
    if (tail === 1 && nextIndex > 1) yield this.#segmentOf(trimOf(nextIndex), epoch);
  }

  #segmentOf(
    { run, firstIndex, timestampMs, keys, records = [] }: ImportedRun,
    epoch: Segment["epoch"],
  ): Segment {
    const { tail: position, last: previous } = this.#walk;
    if (previous === undefined) throw new Error("a log begins with a claim");
    const { entryCount, bytes } = run;
    const append: EntryAppend = { run, entryCount, sizeBytes: bytes.length };
    const content = { position, epoch, previous, firstIndex, entryCount, timestampMs, keys };
    const draft = { type: "entries" as const, ...content, appends: [append], records };
    const segment = sealSegment(this.#mark.clusterId, draft);
    this.#walk = advance(this.#walk, segment, "valid");
    if (segment.type === "entries") this.#ledger.apply(segment);
    this.#tell();
    return segment;
  }

  /** What the manifest tells of the walk on the way. */
  #tell(): void {
    if (this.#walk.tail % this.#markEvery !== 0) return;
    this.#marks.push(this.#walk);
    if (this.#marks.length <= marksMax) return;
    this.#markEvery *= 2;
    this.#marks = this.#marks.filter(({ tail }) => tail % this.#markEvery === 0);
  }

  /** What the manifest says, once all segments stand. Stores the checkpoint. */
  async past(
    source: Source,
  ): Promise<Pick<ManifestView, "floor" | "firstIndex" | "marks" | "checkpoint">> {
    const { clusterId, nonce } = this.#mark;
    const id = { manifest: 1, nonce };
    const { store, signal } = source;
    const made = { id, ledger: this.#ledger.snapshot() };
    const ledger = await createLedger(store, clusterId, made, { signal }).catch(
      (error: unknown) => {
        throw storeFailure(error);
      },
    );
    signal.throwIfAborted();
    if (ledger === undefined) {
      throw new SuraftError("unavailable", `the checkpoint could not be stored in ${store.url}`);
    }
    const floor = this.#floor;
    const marks = this.#marks.filter(({ tail }) => tail > floor.tail && tail < this.#walk.tail);
    return { floor, firstIndex: this.#firstIndex, marks, checkpoint: { walk: this.#walk, ledger } };
  }
}

/**
 * Writes `manifest/1`. A node that was started since `manifest/0` may have led the log and written one: it has
 * walked the whole log, so that the import has ended all the same. (It leads no log that begins later: without
 * this manifest its walk does not come past the first entry.)
 */
async function writePast(source: Source, manifest: ManifestView): Promise<void> {
  try {
    await write(source, manifestName(1), encodeManifest(manifest));
  } catch (error) {
    if (!(error instanceof SuraftError) || error.kind !== "conflict") throw error;
    const found = await readManifest(source.store, source.signal);
    const isOurs = found.type === "found" && found.manifest.clusterId === manifest.clusterId;
    if (!isOurs || manifest.firstIndex > 1) throw error;
  }
}

/** The mark of an import that failed, or a new one. Refused where the store holds a log. */
async function markOf(source: Source): Promise<ImportMark> {
  const { store, signal } = source;
  const found = await readManifest(store, signal);
  const mark = await heldMark(source);
  if (found.type === "found") {
    const { number, clusterId } = found.manifest;
    const isOurs = mark?.clusterId === clusterId;
    if (isOurs && number === 0) return mark;
    throw new SuraftError("conflict", `${store.url} holds a log already${whose(mark, isOurs)}`);
  }
  if (mark === undefined) {
    if ((await source.firstFrom(segmentPrefix, segmentPrefix)) !== undefined) {
      const reason = "segments, but no manifest: a log that has lost it, not an empty store";
      throw new SuraftError("conflict", `${store.url} holds ${reason}`);
    }
    const made = { clusterId: randomUUID(), nonce: randomBytes(16).toString("hex") };
    await write(source, markName, encodeMark(made));
    return made;
  }
  return mark;
}

function whose(mark: ImportMark | undefined, isOurs: boolean): string {
  if (isOurs) return ": an import into it has ended";
  const started =
    mark === undefined ? "" : ", of a node that was started before an import had ended";
  return `${started}: import into an empty store`;
}

/** The mark in the store, if there is one. */
async function heldMark(source: Source): Promise<ImportMark | undefined> {
  const held = await source.look(markName);
  if (held.type === "absent") return undefined;
  const decoded = held.type === "damaged" ? undefined : decodeMark(held.value.bytes);
  if (decoded?.type === "ok") return decoded.value;
  const reason = held.type === "damaged" ? held.reason : decoded?.reason;
  throw corruptObject(markName, reason ?? "it cannot be read");
}

/** Makes a name hold these bytes. Returns how many. */
async function write({ store, signal }: Source, name: string, bytes: Uint8Array): Promise<number> {
  const settled = await withDeadline(signal, objectMsMax, (bounded) =>
    settle(store, name, bytes, { signal: bounded }),
  ).catch((error: unknown) => {
    throw storeFailure(error, name);
  });
  signal.throwIfAborted();
  switch (settled.type) {
    case "mine":
      return bytes.length;
    case "theirs":
    case "deleted":
      throw new SuraftError(
        "conflict",
        `${store.url} holds a part of another import, or a node was started on it: ${name} is not what this file ` +
          "gives; import into an empty store",
      );
    case "refused":
    case "unknown":
      throw new SuraftError("unavailable", `${name} in ${store.url}: ${settled.cause}`);
  }
}

/** What a log has established that begins at an index. */
function ledgerFrom(firstIndex: number): LedgerSnapshot {
  const empty = new Ledger(ledgerBounds).snapshot();
  return { ...empty, firstIndex, keys: { ...empty.keys, reachIndex: firstIndex } };
}
