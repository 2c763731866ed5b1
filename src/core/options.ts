/** What a core is made with. */

import type { LedgerBounds, LedgerSnapshot } from "./ledger/snapshot.js";
import type { ManifestView } from "./manifest.js";
import type { Member } from "./members.js";
import type { NodeId, Segment, SegmentDraft } from "./types.js";

/** How a core is timed and bounded. Ticks are the host's. */
export interface CoreSettings {
  /** A follower that heard no leader for at least this long stands. */
  readonly electionTicksMin: number;
  /** Exclusive upper bound of the randomised election timeout. */
  readonly electionTicksMax: number;
  readonly heartbeatTicks: number;
  /** A leader whose oldest create has been open longer steps down (PROTOCOL.md 4.7). */
  readonly storeTimeoutTicks: number;
  /** The least time between two creates of one name (GCS: one a second). */
  readonly repeatTicks: number;
  /**
   * Storage as arbiter: a voter that reaches no majority claims without votes once the leader's
   * lease has not moved for so long. At least three times `electionTicksMax`; 0: votes alone elect.
   */
  readonly leaseTicks: number;
  /** `K`: how many positions past the known prefix the leader writes. */
  readonly window: number;
  /** A segment's entries take at most this many bytes; an append must fit. */
  readonly segmentBytesMax: number;
  readonly segmentEntriesMax: number;
  /** Appends that wait for room in the window: at most this many bytes. */
  readonly queueBytesMax: number;
  /** The most gets that run ahead of the known prefix at once. */
  readonly readAhead: number;
}

/** What a core starts from. */
export interface CoreStart {
  /** What a manifest read found. */
  readonly manifest: ManifestView;
  /** Of the manifest's checkpoint; undefined if it has none. */
  readonly ledger: LedgerSnapshot | undefined;
  /** The age clock just before the read's listing was first sent. */
  readonly ageMs: number;
}

/** What a core needs from its host. Every function is pure or a source of randomness. */
export interface CoreOptions {
  readonly nodeId: NodeId;
  readonly incarnation: string;
  readonly clusterId: string;
  /** The members until the log holds another list. */
  readonly members: readonly Member[];
  readonly settings: CoreSettings;
  readonly start: CoreStart;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A fresh random nonce for an epoch: 32 hexadecimal digits. */
  readonly nonce: () => string;
  /** Other bounds of the ledger than all nodes of a cluster have: for the simulator. */
  readonly ledgerBounds?: LedgerBounds;
  /** Encodes a draft: gives it bytes and a checksum. The same draft gives the same bytes. */
  readonly seal: (draft: SegmentDraft) => Segment;
}
