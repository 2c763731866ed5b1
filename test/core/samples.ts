/** Segments, epochs and options to test with; each test names only what it is about. */

import { Context } from "../../src/core/context.js";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import type {
  ArchiveRef,
  CheckpointRef,
  ManifestView,
  ObjectRef,
} from "../../src/core/manifest.js";
import type { UpkeepLog, UpkeepSettings } from "../../src/core/upkeep/protocol.js";
import type { Member } from "../../src/core/members.js";
import type { CoreOptions, CoreSettings } from "../../src/core/options.js";
import type { Append, ClaimSegment, EntriesSegment, Epoch, Segment } from "../../src/core/types.js";
import { logStart } from "../../src/core/walk.js";
import type { WalkState } from "../../src/core/walk.js";

export const clusterId = "cluster";

export const settings: CoreSettings = {
  electionTicksMin: 10,
  electionTicksMax: 20,
  heartbeatTicks: 4,
  storeTimeoutTicks: 30,
  repeatTicks: 5,
  window: 4,
  segmentBytesMax: 100,
  segmentEntriesMax: 8,
  queueBytesMax: 200,
  readAhead: 8,
  leaseTicks: 0,
};

/** Voters, none of them preferred. */
export function membersNamed(...nodeIds: readonly string[]): readonly Member[] {
  return nodeIds.map((nodeId) => ({ nodeId, address: `${nodeId}:1`, voter: true, priority: 1 }));
}

export function options(changes: Partial<CoreOptions> = {}): CoreOptions {
  return {
    nodeId: "a",
    incarnation: "a1",
    clusterId,
    members: membersNamed("a", "b", "c"),
    settings,
    start: { manifest: manifest(), ledger: undefined, ageMs: 0 },
    random: () => 0,
    nonce: () => "nonce",
    seal: (draft) => ({ ...draft, clusterId, checksum: draft.position, sizeBytes: 10, body: {} }),
    ...changes,
  };
}

/** The founding manifest, or with changes. */
export function manifest(changes: Partial<ManifestView> = {}): ManifestView {
  return {
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
    nonce: "manifest-0",
    formatVersion: 1,
    ...changes,
  };
}

export function context(changes: Partial<CoreOptions> = {}): Context {
  return new Context(options(changes));
}

export function epoch(term: number, leaderId = "a"): Epoch {
  return { term, leaderId, nonce: `nonce-${leaderId}-${term}` };
}

export function append(sizeBytes = 10, entryCount = 1): Append {
  return { sizeBytes, entryCount };
}

/** The checksum stands for the bytes: two samples with one checksum are one object. */
const base = { clusterId, checksum: 0, sizeBytes: 10, body: {} };

export function claim(changes: Partial<Omit<ClaimSegment, "type">> = {}): ClaimSegment {
  return { ...base, type: "claim", position: 0, epoch: epoch(1), window: 4, ...changes };
}

export function entries(changes: Partial<Omit<EntriesSegment, "type">> = {}): EntriesSegment {
  return {
    ...base,
    type: "entries",
    position: 1,
    epoch: epoch(1),
    previous: { position: 0, checksum: 0 },
    firstIndex: 1,
    entryCount: 1,
    timestampMs: 1000,
    records: [],
    keys: [],
    ...changes,
  };
}

/** The walk after the claim of term 1 at position 0, or with changes. */
export function walkState(changes: Partial<WalkState> = {}): WalkState {
  const { epoch: claimed, window } = claim();
  const last = { position: 0, checksum: 0 };
  return { ...logStart, tail: 1, epoch: claimed, term: 1, window, last, ...changes };
}

/** A log without voids: a claim, then one entry in each segment. */
export function log(length: number): readonly Segment[] {
  const segments: Segment[] = [claim()];
  for (let position = 1; position < length; position++) {
    const previous = { position: position - 1, checksum: position - 1 };
    segments.push(entries({ position, checksum: position, previous, firstIndex: position }));
  }
  return segments.slice(0, length);
}

/** Small enough that a checkpoint or an archive is due soon. */
export const upkeepSettings: UpkeepSettings = {
  checkpointSegments: 100,
  archiveBytesMin: 2_000,
  archiveSegmentsMin: 50,
  archiveBytesMax: 5_000,
  keptSegments: 2,
  repeatMs: 10,
  deletesMax: 2,
  snapshotsKept: 2,
};

/** A leader's log at a state of the walk, trimmed below an index. */
export function upkeepLog(walk: WalkState, firstIndex = 1): UpkeepLog {
  const snapshot = () => ({ ...new Ledger(ledgerBounds).snapshot(), firstIndex });
  return { walk, view: { role: "leader" }, ledger: { firstIndex, snapshot } };
}

function objectRef(manifestNumber: number, nonce: string): ObjectRef {
  return { id: { manifest: manifestNumber, nonce }, sizeBytes: 1, checksum: 1 };
}

export function checkpointRef(walk: WalkState): CheckpointRef {
  return { walk, ledger: objectRef(0, `checkpoint-${walk.tail}`) };
}

export function archiveRef(from: WalkState, to: WalkState): ArchiveRef {
  return {
    ...objectRef(0, `archive-${to.tail}`),
    startPosition: from.tail,
    endPosition: to.tail,
    firstIndex: from.nextIndex,
    nextIndex: to.nextIndex,
    timestampMs: to.timestampMs,
    indexBytes: 0,
  };
}
