/**
 * The core's words for the log (PROTOCOL.md section 1).
 *
 * Terms, positions and indexes are numbers below 2^53; codecs refuse greater ones.
 */

declare const positionBrand: unique symbol;

/** A segment's place in the log: 0, 1, 2, ... Never mixed with counts or indexes. */
export type Position = number & { readonly [positionBrand]?: never };

/** A node's id. */
export type NodeId = string;

/** One leadership, compared whole (PROTOCOL.md section 1). */
export interface Epoch {
  readonly term: number;
  readonly leaderId: NodeId;
  /** Random, drawn when the node stood: 32 hexadecimal digits. */
  readonly nonce: string;
}

/** Whether two epochs are one leadership. */
export function sameEpoch(a: Epoch | undefined, b: Epoch | undefined): boolean {
  return (
    a === b ||
    (a !== undefined &&
      b !== undefined &&
      a.term === b.term &&
      a.nonce === b.nonce &&
      a.leaderId === b.leaderId)
  );
}

/** Names a segment by its place and its contents. */
export interface Predecessor {
  readonly position: Position;
  /** The segment's CRC32C. */
  readonly checksum: number;
}

interface SegmentBase {
  readonly position: Position;
  readonly epoch: Epoch;
  readonly clusterId: string;
  /** CRC32C of the stored bytes: with epoch and position, the segment's identity. */
  readonly checksum: number;
  /** The size of the stored object, in bytes. */
  readonly sizeBytes: number;
  /** The stored object, or whatever the host needs of it. The core never looks inside. */
  readonly body: unknown;
}

/** The control segment that opens an epoch. */
export interface ClaimSegment extends SegmentBase {
  readonly type: "claim";
  /** `K`: how many positions past its known prefix the claim's leader may write. */
  readonly window: number;
}

/** A run of entries. */
export interface EntriesSegment extends SegmentBase {
  readonly type: "entries";
  readonly previous: Predecessor;
  readonly firstIndex: number;
  readonly entryCount: number;
  /** Milliseconds since 1970, by the leader's clock; never decreases along the log. */
  readonly timestampMs: number;
}

/** One immutable object of the log. */
export type Segment = ClaimSegment | EntriesSegment;

/** Whether two segments are the same object: epoch, position and checksum (PROTOCOL.md section 2). */
export function sameSegment(a: Segment, b: Segment): boolean {
  return a.position === b.position && a.checksum === b.checksum && sameEpoch(a.epoch, b.epoch);
}

/**
 * One client append: all its entries stand in one segment, or none does.
 * The host makes it, the core hands the very object back with its fate.
 */
export interface Append {
  readonly entryCount: number;
  /** What the entries take in a segment, in bytes. */
  readonly sizeBytes: number;
}

/** A segment of entries before it has bytes. */
export interface EntriesDraft {
  readonly type: "entries";
  readonly position: Position;
  readonly epoch: Epoch;
  readonly previous: Predecessor;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly timestampMs: number;
  readonly appends: readonly Append[];
}

/** A claim before it has bytes. */
export interface ClaimDraft {
  readonly type: "claim";
  readonly position: Position;
  readonly epoch: Epoch;
  readonly window: number;
}

export type SegmentDraft = EntriesDraft | ClaimDraft;
