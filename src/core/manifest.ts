/**
 * A manifest, as the core knows it: what is known about the log's past (PROTOCOL.md section 10).
 *
 * Manifest n+1 is n with changes, and nothing else: a writer spreads the manifest that it read.
 *
 * Invariant: floor, trim and archives only grow; `clusterId`, `graceMs` never change.
 * Invariant: the floor is the log's start, or there is a checkpoint at or above it.
 * Invariant: no valid entry below the floor has an index of `firstIndex` or more, unless an archive
 * holds it.
 */

import type { LedgerSnapshot } from "./ledger/snapshot.js";
import type { NodeId, Position } from "./types.js";
import type { WalkState } from "./walk.js";

/**
 * Names an object that a manifest may name: `archive/<manifest>-<nonce>` and its like. Only the
 * manifest with this number may name the object first; of a snapshot's, only one up to it.
 */
export interface ObjectId {
  readonly manifest: number;
  /** 32 hexadecimal digits. */
  readonly nonce: string;
}

/** An object that was answered "created", or was read back whole. */
export interface ObjectRef {
  readonly id: ObjectId;
  readonly sizeBytes: number;
  /** CRC32C of its bytes. */
  readonly checksum: number;
}

/** One large object in the place of all segments at `[startPosition, endPosition)`, voids included. */
export interface ArchiveRef extends ObjectRef {
  readonly startPosition: Position;
  readonly endPosition: Position;
  /** The index of its first entry; `nextIndex` if it has none. */
  readonly firstIndex: number;
  readonly nextIndex: number;
  /** Of its last entry, or of the last one before it. */
  readonly timestampMs: number;
  /** The index at the object's end takes so many of its bytes. */
  readonly indexBytes: number;
}

/**
 * A snapshot of the application's state machine: objects `snapshot/<manifest>-<nonce>`, its bytes in
 * order; none if it is empty. Since a snapshot may take long to come in, while manifests are written, its objects
 * may be named first by any manifest up to theirs.
 */
export interface SnapshotRef {
  readonly parts: readonly ObjectRef[];
  /** It covers every entry below. */
  readonly nextIndex: number;
  readonly timestampMs: number;
  /** CRC32C of all its bytes. */
  readonly checksum: number;
}

/** The bytes of a snapshot. */
export function snapshotSizeBytes({ parts }: SnapshotRef): number {
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/**
 * The state of the walk at `walk.tail`: enough to walk on from there. What the valid segments below
 * have established, the ledger, is an object of its own: `checkpoint/<manifest>-<nonce>`.
 */
export interface CheckpointRef {
  readonly walk: WalkState;
  readonly ledger: ObjectRef;
}

export interface ManifestMember {
  readonly nodeId: NodeId;
  /** `host:port`. */
  readonly address: string;
}

export interface ManifestView {
  readonly number: number;
  readonly clusterId: string;
  readonly members: readonly ManifestMember[];
  /**
   * `G`: nothing is deleted sooner after its deleter knew that it may be. Fixed when the cluster is
   * founded, since every node accepts answers by it (PROTOCOL.md section 9).
   */
  readonly graceMs: number;
  /** The walk at the floor: objects below `floor.tail` may be gone. */
  readonly floor: WalkState;
  /** Entries below are gone for readers: the trim that the floor was raised by. 1 at first. */
  readonly firstIndex: number;
  /** States of the walk above the floor and up to the checkpoint, rising, few. */
  readonly marks: readonly WalkState[];
  readonly checkpoint: CheckpointRef | undefined;
  /** Rising, disjoint, below the floor; gaps only where the log was trimmed. */
  readonly archives: readonly ArchiveRef[];
  /** Their next indexes rise. */
  readonly snapshots: readonly SnapshotRef[];
  /** The writer's: 32 hexadecimal digits. */
  readonly nonce: string;
  readonly formatVersion: number;
}

/** What a manifest read ended as. */
export type ManifestOutcome =
  | { readonly type: "found"; readonly manifest: ManifestView }
  /** No answer: asked again later. */
  | { readonly type: "unavailable" }
  /** It cannot be decoded, or there is none any more: DATA_LOSS. */
  | { readonly type: "corrupt"; readonly reason: string };

/** What reading a checkpoint's ledger ended as. */
export type LedgerOutcome =
  | { readonly type: "found"; readonly ledger: LedgerSnapshot }
  /** Deleted meanwhile: a later manifest names another. */
  | { readonly type: "absent" }
  | { readonly type: "unavailable" }
  | { readonly type: "corrupt"; readonly reason: string };
