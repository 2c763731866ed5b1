/**
 * The core's words for the log (PROTOCOL.md section 1).
 *
 * Terms, positions and indexes are numbers below 2^53; codecs refuse greater ones.
 */

import type { MemberList } from "./members.js";

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

/**
 * What an append left in the log beside its entries: the ledger is built from these
 * (PROTOCOL.md section 8). They stand in the order of the appends they came with.
 */
export type LogRecord = {
  /** How many of the segment's entries stand before it. */
  readonly entryOffset: number;
} & (
  | {
      /** An append of a producer: `entryCount` entries of the segment, from `entryOffset` on. */
      readonly type: "produced";
      readonly entryCount: number;
      readonly producerId: number;
      /** The producer's number for the append: 1, 2, 3, ... */
      readonly sequence: number;
      /** CRC32C of the append's encoded entries: tells a repeat from another append. */
      readonly checksum: number;
    }
  /** Opens a producer. Its id is the next one: 1, 2, 3, ... in the order of the log. */
  | { readonly type: "opened" }
  /** Ends a producer for good: no number after its last is ever appended. */
  | {
      readonly type: "closed";
      readonly producerId: number;
      /** Its last number; 0 if it has appended nothing. */
      readonly lastSequence: number;
    }
  /** Sets the log's fencing token. */
  | { readonly type: "fenced"; readonly token: string }
  /** The entries below the index are gone for readers. */
  | { readonly type: "trimmed"; readonly firstIndex: number }
  /** Takes the place of the list of members. */
  | { readonly type: "members"; readonly list: MemberList }
);

/** The key of an entry. */
export interface EntryKey {
  /** How many entries of the append, or of the segment, stand before the entry. */
  readonly offset: number;
  readonly key: string;
}

/** What most appends and segments have: one array for all, so that they pay nothing. */
export const noRecords: readonly LogRecord[] = [];
export const noKeys: readonly EntryKey[] = [];

/** A run of entries, or records, or both. */
export interface EntriesSegment extends SegmentBase {
  readonly type: "entries";
  readonly previous: Predecessor;
  readonly firstIndex: number;
  /** May be 0 if there are records. */
  readonly entryCount: number;
  /** Milliseconds since 1970, by the leader's clock; never decreases along the log. */
  readonly timestampMs: number;
  readonly records: readonly LogRecord[];
  /** Of its entries that have a key, in order. */
  readonly keys: readonly EntryKey[];
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
  /** May be 0 if the options leave a record. */
  readonly entryCount: number;
  /** What the entries take in a segment, in bytes. */
  readonly sizeBytes: number;
  /** Absent from a plain append, which is never refused. */
  readonly options?: AppendOptions;
  /** Of its entries that have a key, in order. */
  readonly keys?: readonly EntryKey[];
  /** Names the client's ordered stream: after a refusal no later append of it is begun. */
  readonly stream?: object;
}

/** Numbers an append within its producer. */
export interface ProducerNumber {
  readonly producerId: number;
  /** 1 for the producer's first append, then one more for each. */
  readonly sequence: number;
  /** CRC32C of the append's encoded entries. */
  readonly checksum: number;
}

/** Holds if no entry at or above `sinceIndex` has the key. */
export interface KeyCondition {
  readonly key: string;
  readonly sinceIndex: number;
}

/** What an append does to the log beside adding entries. */
export type Control =
  | { readonly type: "open" }
  | { readonly type: "close"; readonly producerId: number }
  | {
      readonly type: "trim";
      readonly firstIndex: number;
      /** The append is refused unless the log begins at this index. */
      readonly expectedFirstIndex?: number;
    }
  /** Another list of members, refused unless its version is the one after the list's. */
  | { readonly type: "members"; readonly list: MemberList };

/** On what conditions an append is made, and what it leaves in the log beside its entries. */
export interface AppendOptions {
  readonly producer?: ProducerNumber;
  /** The append is refused unless its first entry gets this index. */
  readonly expectedNextIndex?: number;
  readonly keyConditions?: readonly KeyCondition[];
  /** The append is refused unless this token is in force. */
  readonly fencingToken?: string;
  /** Is in force from this append on. */
  readonly setFencingToken?: string;
  readonly control?: Control;
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
  readonly records: readonly LogRecord[];
  /** Of the appends' entries that have a key, in order. */
  readonly keys: readonly EntryKey[];
}

/** A claim before it has bytes. */
export interface ClaimDraft {
  readonly type: "claim";
  readonly position: Position;
  readonly epoch: Epoch;
  readonly window: number;
}

export type SegmentDraft = EntriesDraft | ClaimDraft;
