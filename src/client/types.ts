/** What the client takes and gives: plain values, with numbers for indexes and milliseconds for times. */

/** A name and a value beside a payload. */
export interface Header {
  readonly key: string;
  readonly value: Uint8Array;
}

/** What is appended. The bytes are read until the append has its answer: leave them alone. */
export interface NewEntry {
  readonly payload: Uint8Array;
  readonly headers?: readonly Header[];
  /** What the entry is about, 1 to 256 bytes: conditions of later appends may ask for it. */
  readonly key?: string;
}

/** Holds if no entry at `sinceIndex` or above has the key. */
export interface KeyCondition {
  readonly key: string;
  /** 1 or more. */
  readonly sinceIndex: number;
}

/**
 * On what conditions an append is made, and what it does beside adding entries. Where a condition
 * does not hold the append fails with `conflict`: nothing is appended, and the details say how the
 * log is.
 */
export interface AppendDemands {
  /** The index that the first entry must get. */
  readonly expectedNextIndex?: number;
  readonly keyConditions?: readonly KeyCondition[];
  /** The fencing token that must be in force, 1 to 128 bytes. */
  readonly fencingToken?: string;
  /** Puts this fencing token in force: appends that demand another one fail from then on. */
  readonly setFencingToken?: string;
}

/** Numbers an append, so that the log takes it once however often it is sent. */
export interface ProducerSequence {
  /** From {@link Client.openProducer}. */
  readonly producerId: number;
  /** 1 for the producer's first append, one more for each further one. */
  readonly sequence: number;
}

/** Entries that are durable. */
export interface Appended {
  /** The first entry's index; 0 for a repeat so old that the log only remembers that it stands. */
  readonly firstIndex: number;
  /** The last entry's index; 0 where `firstIndex` is. */
  readonly lastIndex: number;
  readonly term: number;
  readonly timestampMs: number;
  /** A producer's append that was in the log already: an earlier try had come through. */
  readonly repeat: boolean;
}

/** What became of a producer's append. */
export type AppendOutcome =
  /** The indexes are 0 where the log only remembers that it stands. */
  | {
      readonly type: "committed";
      readonly firstIndex: number;
      readonly lastIndex: number;
      readonly term: number;
      readonly timestampMs: number;
    }
  /** It is not in the log and never will be. */
  | { readonly type: "notCommitted"; readonly lastSequence: number }
  /** It is not in the log, and may be on its way there. */
  | { readonly type: "undecided"; readonly lastSequence: number };

/** An entry as it was appended. */
export interface ReadEntry {
  /** May share memory with the message or object that it came in: copy what is kept long. */
  readonly payload: Uint8Array;
  readonly headers: readonly Header[];
  /** Empty if it has none. */
  readonly key: string;
}

/** Entries at consecutive indexes that were committed together. */
export interface ReadBatch {
  /** The first entry's index. */
  readonly firstIndex: number;
  /** From one entry's index to the next one's: -1 in a reverse read. */
  readonly step: 1 | -1;
  readonly term: number;
  readonly timestampMs: number;
  readonly entries: readonly ReadEntry[];
}

/** How far the log is, by the knowledge of the node that answers. */
export interface Progress {
  /** The index of the log's next entry. */
  readonly nextIndex: number;
  /** The first index that can be read. */
  readonly firstIndex: number;
  /** How old that knowledge is. */
  readonly ageMs: number;
}

/** How far the log and a read of it are. */
export interface ReadProgress extends Progress {
  /** The index that the read comes to next: what was asked for before it has been delivered. */
  readonly readIndex: number;
}

/** A part of the answer to a read. */
export interface ReadPart {
  /** In the read's order. */
  readonly batches: readonly ReadBatch[];
  readonly progress: ReadProgress | undefined;
}

/** Where a read begins; a reverse one goes down from there. */
export type ReadStart =
  /** At the first retained index; in reverse at the last entry. */
  | { readonly type: "first" }
  /** At this index. */
  | { readonly type: "index"; readonly index: number }
  /** At the first entry with this time or a later one; in reverse the last with it or an earlier one. */
  | { readonly type: "timestamp"; readonly timestampMs: number }
  /** This many entries before the tail, 0 being the tail itself; in reverse, down to there. */
  | { readonly type: "last"; readonly count: number };

/** Which entries a read delivers: those of which all of it is true. */
export interface ReadFilter {
  /** The entry's key. */
  readonly key?: string;
  /** Headers that the entry has, at any place among its own. Without a value any value will do. */
  readonly headers?: readonly { readonly key: string; readonly value?: string | Uint8Array }[];
}

export interface ReadOptions {
  /** The default is the first retained index. */
  readonly start?: ReadStart;
  /** The read ends on coming to this index. */
  readonly endIndex?: number;
  /** Count what is delivered. */
  readonly entriesMax?: number;
  readonly bytesMax?: number;
  /** At the tail, stay and deliver entries as they commit. Not in reverse. */
  readonly follow?: boolean;
  /** The newest entry first. */
  readonly reverse?: boolean;
  /** Deliver only the entries that match. */
  readonly filter?: ReadFilter;
  /** Read what the node holds, without asking anybody how far the log is. */
  readonly local?: boolean;
  readonly signal?: AbortSignal;
  /** Without an answer for this long the read fails. An idle `follow` is answered all the same. */
  readonly timeoutMs?: number;
}

/** A read straight from the store; it is linearizable. */
export type StoreReadOptions = Omit<ReadOptions, "local" | "timeoutMs">;

/** How far the log is. */
export interface Tail extends Progress {
  /** The term of the last leadership in the log, 0 if there was none. */
  readonly term: number;
}

/** What a node does in the election. */
export type NodeRole = "unknown" | "starting" | "follower" | "candidate" | "leader";

/** A node, and where it is reached. */
export interface NodeAddress {
  readonly nodeId: string;
  readonly address: string;
}

/** A node of the cluster. */
export interface Member extends NodeAddress {
  /** Whether it votes and may lead. Learners serve reads. */
  readonly voter: boolean;
  /** Of two voters the greater one shall lead; with 0 a voter never leads. */
  readonly priority: number;
}

/** A member as it shall be. */
export interface NewMember extends NodeAddress {
  readonly learner?: boolean;
  /** 1 by default. */
  readonly priority?: number;
}

/** What is to become of the list of members, in one step. */
export interface MemberChange {
  readonly add?: readonly NewMember[];
  /** All of a member's fields become those that are given here. */
  readonly update?: readonly NewMember[];
  readonly removeIds?: readonly string[];
  /** Only if this is the version of the list. */
  readonly expectedVersion?: number;
  /** Also voters that do not answer are added. */
  readonly force?: boolean;
}

/** The list of members after a change. */
export interface ChangedMembers {
  readonly version: number;
  readonly members: readonly Member[];
  /** For people: for example, that a learner does not answer. */
  readonly warnings: readonly string[];
}

/** A node's view of itself and its cluster. */
export interface NodeView {
  readonly nodeId: string;
  readonly address: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  readonly term: number;
  /** The node that it takes for the leader. */
  readonly leader: NodeAddress | undefined;
  readonly members: readonly Member[];
  /** Of the list of members: counts its changes. */
  readonly membersVersion: number;
  /** The index of the last committed entry that the node knows, 0 if there is none. */
  readonly commitIndex: number;
  readonly firstIndex: number;
  readonly tailPosition: number;
  readonly store: string;
  readonly storeHealthy: boolean;
  readonly serving: boolean;
  /** Empty if it serves. */
  readonly notServingReason: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly timestampMs: number;
  /** Counts the process's changes of role, term, leader, members and health. */
  readonly change: number;
  readonly storeRequests: {
    readonly creates: number;
    readonly gets: number;
    readonly lists: number;
    readonly deletes: number;
  };
  /** What the node knows of the log's past, by the last manifest that it has read. */
  readonly past: {
    readonly manifestNumber: number;
    readonly floorPosition: number;
    readonly checkpointPosition: number;
    readonly archiveCount: number;
    /** What its upkeep found to be damaged; empty if nothing. */
    readonly damage: string;
  };
}

/** On what a trim is made. */
export interface TrimOptions extends CallOptions {
  /** Trim only if the log begins at this index. */
  readonly expectedFirstIndex?: number;
}

/** A log after a trim. */
export interface Trimmed {
  /** The index that the log begins at. */
  readonly firstIndex: number;
}

/** Bounds a call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For the whole call with all its tries. */
  readonly timeoutMs?: number;
}

/** Of a single append. */
export interface AppendOptions extends CallOptions, AppendDemands {
  /** Makes the append exactly once: it is repeated, also by the client itself, until it is known. */
  readonly producer?: ProducerSequence;
}

export interface OutcomeOptions extends CallOptions {
  /** Where it is undecided, closes the producer, so that the answer is certain. */
  readonly settle?: boolean;
}

/** A snapshot of the application's state machine. Its next index names it. */
export interface StoredSnapshot {
  /** It covers every entry before this index: whoever starts from it reads on from here. */
  readonly nextIndex: number;
  readonly sizeBytes: number;
  /** CRC32C of its bytes. */
  readonly checksum: number;
  readonly timestampMs: number;
}

/**
 * A snapshot's bytes, in pieces of any size. As a function it is called for each try; what can be read
 * only once is sent only once.
 */
export type SnapshotContent = AsyncIterable<Uint8Array> | (() => AsyncIterable<Uint8Array>);

export interface PutSnapshotOptions {
  readonly nextIndex: number;
  readonly signal?: AbortSignal;
  /** How long a node may neither take anything nor answer. */
  readonly timeoutMs?: number;
}

/** A snapshot that was put. */
export interface PutSnapshot extends StoredSnapshot {
  /** It was there already, with these bytes. */
  readonly repeat: boolean;
}

export interface GetSnapshotOptions {
  /** The newest, if it is not given. */
  readonly nextIndex?: number;
  /** Leave out so many bytes. The checksum is that of the whole, and is then not checked. */
  readonly offset?: number;
  readonly signal?: AbortSignal;
  /** How long a node may give nothing. */
  readonly timeoutMs?: number;
}

export interface SnapshotDownload {
  readonly snapshot: StoredSnapshot;
  /** Ends well only if it was whole; throws `corrupt` at its end otherwise. To be read once. */
  readonly content: AsyncIterable<Uint8Array>;
}
