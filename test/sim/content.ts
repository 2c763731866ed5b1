/**
 * What the simulated clients append and what simulated segments hold: no bytes, but the identity
 * that bytes would give. A segment's body is the list of its appends; its checksum is a hash of
 * everything that a codec would write.
 */

import type { ManifestView } from "../../src/core/manifest.js";
import { logStart } from "../../src/core/walk.js";
import type { Answer } from "../../src/core/protocol.js";
import type { Append, Segment, SegmentDraft } from "../../src/core/types.js";

/** The one cluster of a run. */
export const clusterId = "simulated";

/** A run's first manifest, but for its grace. */
export const foundingManifest: ManifestView = {
  number: 0,
  clusterId,
  members: [],
  graceMs: 3_600_000,
  floor: logStart,
  firstIndex: 1,
  marks: [],
  checkpoint: undefined,
  archives: [],
  snapshots: [],
  nonce: "founding",
  formatVersion: 1,
};

/** What became of an append, by its process's word. */
export type Fate = "open" | "committed" | "answered" | "returned" | "unknown";

/** What a client is told of an append. */
export type AppendResult =
  | { readonly type: "committed"; readonly firstIndex: number; readonly openedId?: number }
  | { readonly type: "answered"; readonly answer: Answer }
  | { readonly type: "returned" }
  | { readonly type: "unknown" };

/** A client's ordered appends to one process. */
export interface SimStream {
  /** The first append of it that was refused. */
  refusedId: number;
  /** The last append of it that stands in the true log. */
  loggedId: number;
}

/** One try of a client's append: a retry is another. */
export interface SimAppend extends Append {
  /** Unique in the run, and rising in the order in which a process's clients appended. */
  readonly id: number;
  /** The serial number of the process that it was given to. */
  readonly processSerial: number;
  fate: Fate;
  /** The segments in which it was sent. */
  readonly sent: Segment[];
  /** How many appends the true log held when it began. */
  beganState: number;
  readonly stream?: SimStream;
  /** Told once, from within a step: nothing is given to a process in there. */
  readonly ended?: (result: AppendResult) => void;
}

/** What a client wants to append. */
export type Demand = Pick<SimAppend, "entryCount" | "sizeBytes"> &
  Partial<Pick<SimAppend, "options" | "keys" | "stream" | "ended">>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A try of it. There are very many. */
export function makeAppend(id: number, processSerial: number, demand: Demand): SimAppend {
  const { entryCount, sizeBytes, options, keys, stream, ended } = demand;
  const append: Mutable<SimAppend> = {
    id,
    processSerial,
    entryCount,
    sizeBytes,
    fate: "open",
    sent: [],
    beganState: 0,
  };
  if (options !== undefined) append.options = options;
  if (keys !== undefined) append.keys = keys;
  if (stream !== undefined) append.stream = stream;
  if (ended !== undefined) append.ended = ended;
  return append;
}

/** What a segment of entries holds. */
export interface SimBody {
  readonly appends: readonly SimAppend[];
}

const noAppends: SimBody = { appends: [] };
const nonceHashes = new Map<string, number>();

function hashOfNonce(nonce: string): number {
  const known = nonceHashes.get(nonce);
  if (known !== undefined) return known;
  let hash = 0x811c9dc5;
  for (let at = 0; at < nonce.length; at++) {
    hash = Math.imul(hash ^ nonce.charCodeAt(at), 0x01000193);
  }
  if (nonceHashes.size > 10_000) nonceHashes.clear();
  nonceHashes.set(nonce, hash);
  return hash;
}

/** Adds a number to a hash of 32 bits. */
export function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ (value | 0), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ Math.floor(value / 0x1_0000_0000), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Adds what stands beside the entries, as bytes would. */
function mixText(checksum: number, ...told: readonly unknown[]): number {
  const text = JSON.stringify(told);
  let mixed = checksum;
  for (let at = 0; at < text.length; at++) {
    mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193);
  }
  return mixed >>> 0;
}

/** The appends in a segment; none in a claim. */
export function appendsOf(segment: Segment): readonly SimAppend[] {
  return (segment.body as SimBody).appends;
}

/** Gives a draft its checksum. The same draft gives the same segment. */
export function seal(draft: SegmentDraft): Segment {
  const { position, epoch } = draft;
  let checksum = mix(mix(hashOfNonce(epoch.nonce), epoch.term), position);
  if (draft.type === "claim") {
    return {
      type: "claim",
      position,
      epoch,
      clusterId,
      window: draft.window,
      checksum: mix(checksum, draft.window),
      sizeBytes: 60,
      body: noAppends,
    };
  }
  const { previous, firstIndex, entryCount, timestampMs, records, keys } = draft;
  const appends = draft.appends as readonly SimAppend[];
  checksum = mix(mix(checksum, previous.position), previous.checksum);
  checksum = mix(mix(mix(checksum, firstIndex), entryCount), timestampMs);
  let sizeBytes = 80;
  for (const append of appends) {
    checksum = mix(checksum, append.id);
    sizeBytes += append.sizeBytes;
  }
  if (records.length + keys.length > 0) checksum = mixText(checksum, records, keys);
  const body: SimBody = { appends };
  return {
    type: "entries",
    position,
    epoch,
    clusterId,
    previous,
    firstIndex,
    entryCount,
    timestampMs,
    records,
    keys,
    checksum,
    sizeBytes,
    body,
  };
}

/** The segment as a reader decodes it: equal, and another object. */
export function decoded(segment: Segment): Segment {
  const epoch = { ...segment.epoch };
  return segment.type === "claim"
    ? { ...segment, epoch }
    : { ...segment, epoch, previous: { ...segment.previous } };
}
