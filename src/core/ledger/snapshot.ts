/**
 * The ledger as data, for checkpoints: in columns, since a checkpoint holds up to a hundred thousand
 * producers.
 *
 * Invariant: canonical. One log gives one snapshot, whichever node takes it and however that node
 * began; and a ledger restored from it goes on as the one that it was taken of.
 */

import type { MemberList } from "../members.js";

/** How much the ledger remembers. Part of the format: all nodes, of all versions, have the same. */
export interface LedgerBounds {
  /** Producers. Opening one more makes the least recently used expire. */
  readonly producersMax: number;
  /** Answers to producers' appends, of all producers together. */
  readonly answersMax: number;
  readonly keysMax: number;
  /** The lengths of all keys together, in UTF-16 code units. */
  readonly keyLengthMax: number;
}

export const ledgerBounds: LedgerBounds = {
  producersMax: 100_000,
  answersMax: 131_072,
  keysMax: 65_536,
  keyLengthMax: 4 * 1024 * 1024,
};

/** The fencing token in force. */
export interface Fence {
  readonly token: string;
  /** The index that the next entry had when it was set. */
  readonly sinceIndex: number;
}

/** The least recently used first. */
export interface ProducerColumns {
  readonly ids: Float64Array;
  /** 0 for one that has appended nothing. */
  readonly lastSequences: Float64Array;
  /** 1 for one that was closed. */
  readonly closed: Uint8Array;
}

/** In the order of the log. Some may be of producers that have expired. */
export interface AnswerColumns {
  readonly producerIds: Float64Array;
  readonly sequences: Float64Array;
  readonly firstIndexes: Float64Array;
  readonly entryCounts: Uint32Array;
  readonly terms: Float64Array;
  readonly timestampsMs: Float64Array;
  readonly checksums: Uint32Array;
}

/** In the order of the indexes. */
export interface KeyColumns {
  readonly keys: readonly string[];
  /** Where the last entry with the key stands. */
  readonly lastIndexes: Float64Array;
  /** Keys whose last entry stands below this index may have been forgotten. */
  readonly reachIndex: number;
}

/** Its arrays are never written to once it is made. */
export interface LedgerSnapshot {
  /** The greatest index that the log was trimmed to; 1 at first. */
  readonly firstIndex: number;
  /** The id of the producer that is opened next. */
  readonly nextProducerId: number;
  readonly fence: Fence | undefined;
  /** The last list of members; undefined where the founding one counts. */
  readonly members: MemberList | undefined;
  readonly producers: ProducerColumns;
  readonly answers: AnswerColumns;
  readonly keys: KeyColumns;
}
