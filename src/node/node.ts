/** What a node offers to the services that run on it. */

import type { SuraftError } from "../errors.js";
import type { ScannedAppend } from "../log/append-scan.js";
import type { RequestCounts } from "../store/counting-store.js";
import type { LogReader } from "../log/log-reader.js";
import type { SnapshotRef } from "../core/manifest.js";
import type { Member, MemberList } from "../core/members.js";
import type { MemberChange } from "./member-change.js";
import type { Fault, ProducerOutcome, Role } from "../core/protocol.js";

/** Appends that became durable together, or one that was durable before. */
export interface Acknowledged {
  /** How many appends: the oldest that had no answer. */
  readonly appendCount: number;
  /**
   * Their entries stand at `[firstIndex, firstIndex + entryCount)`. Both are 0 for a repeat of which
   * the log remembers only that it stands.
   */
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly term: number;
  readonly timestampMs: number;
  /** The producer's append of this number was in the log already. Alone in its range. */
  readonly repeat?: true;
  /** The producer that the append opened. Alone in its range. */
  readonly producerId?: number;
}

/** Hears what became of the appends of one {@link Appender}, in their order. */
export interface AppendListener {
  acknowledged(acknowledged: Acknowledged): void;
  /** The oldest append without an answer failed. Every later one fails too, each by a call. */
  failed(error: SuraftError): void;
}

/**
 * A client's ordered appends. They keep their order in the log; after the first failure none is
 * begun any more.
 */
export interface Appender {
  /** Never throws and never waits: its fate goes to the listener. */
  append(append: ScannedAppend): void;
  /** The client has gone: appends that were not sent are dropped, and the listener hears no more. */
  close(): void;
}

export interface AppenderOptions {
  /** The appends come from another node: they are not forwarded again. */
  readonly forwarded: boolean;
  /** There will be one append only: nothing else is in order with it. */
  readonly single?: true;
  /**
   * The caller's deadline, by the wall clock in milliseconds since 1970. An append that no leader
   * has taken shortly before fails as `unavailable`, so that the caller learns that it may retry.
   */
  readonly deadlineMs?: number;
}

/** Bounds on what a client may append. */
export interface AppendLimits {
  readonly entryBytesMax: number;
  readonly appendBytesMax: number;
  readonly appendEntriesMax: number;
}

export interface NodeMember {
  readonly nodeId: string;
  readonly address: string;
}

/** A node's view of itself and its cluster. */
export interface NodeStatus {
  readonly nodeId: string;
  readonly address: string;
  readonly clusterId: string;
  readonly role: Role;
  readonly term: number;
  readonly leader: NodeMember | undefined;
  /** Where this node reaches them. */
  readonly members: readonly Member[];
  /** Of the list of members: 0 is the founding one. */
  readonly membersVersion: number;
  readonly tailPosition: number;
  readonly storeUrl: string;
  readonly storeHealthy: boolean;
  readonly fault: Fault | undefined;
  readonly serving: boolean;
  /** Why it does not serve; empty if it does. */
  readonly notServingReason: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** Counts changes of role, term, leader, members and health. */
  readonly change: number;
  readonly storeRequests: RequestCounts;
  readonly past: PastStatus;
}

/** What a node knows of the log's past, by the last manifest that it has read. */
export interface PastStatus {
  readonly manifestNumber: number;
  readonly floorPosition: number;
  readonly checkpointPosition: number;
  readonly archiveCount: number;
  /** What upkeep found to be damaged; empty if nothing. */
  readonly damage: string;
}

export interface TransferOptions {
  /** The voter that is to lead. Undefined: the follower that holds the most of the log. */
  readonly targetId: string | undefined;
  /** At most so long; a node takes less by itself. */
  readonly timeoutMs: number;
}

/** A list of members that has not been appended. */
export interface PlannedMembers {
  readonly list: MemberList;
  /** For people: for example, that a learner does not answer. */
  readonly warnings: readonly string[];
}

/** A snapshot that is being put. */
export interface SnapshotUpload {
  /** Takes the next bytes, once there is room. Throws a SuraftError, or the signal's reason. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * There are no more bytes: resolves once the snapshot is durable and listed. Throws a SuraftError:
   * `invalid` if the bytes have another checksum, `conflict` if the newest snapshot covers as much,
   * `unavailable`; or the signal's reason. Safe to put again.
   */
  finish(checksum: number): Promise<StoredSnapshot>;
  /** It is given up: nothing of it stays. Does nothing once it is stored. Never rejects. */
  abandon(): Promise<void>;
}

export interface StoredSnapshot {
  readonly snapshot: SnapshotRef;
  /** It was there already. */
  readonly repeat: boolean;
}

/** Snapshots of the application's state machine. All failures are SuraftErrors, or a signal's reason. */
export interface NodeSnapshots {
  /** Those that there are, the newest last: all that were acknowledged before the call. */
  list(signal: AbortSignal): Promise<readonly SnapshotRef[]>;
  /**
   * Begins to put a snapshot that covers every entry before the index. Throws `out_of_range` if the log
   * does not reach so far or begins later, `conflict` if the newest snapshot covers more.
   */
  begin(nextIndex: number, signal: AbortSignal): Promise<SnapshotUpload>;
  /** The snapshot with a next index, or the newest. Throws `out_of_range` if there is none. */
  find(nextIndex: number | undefined, signal: AbortSignal): Promise<SnapshotRef>;
  /** A snapshot's bytes from an offset on, checked, in pieces of some mebibytes. */
  read(
    snapshot: SnapshotRef,
    options: { readonly offset: number; readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

/** A running node. */
export interface Node {
  readonly limits: AppendLimits;
  /** What this node holds of the log. */
  readonly log: LogReader;
  readonly snapshots: NodeSnapshots;
  status(): NodeStatus;
  /** Calls the listener at every change of `status().change`, until the returned function is called. */
  watch(listener: (status: NodeStatus) => void): () => void;
  openAppender(listener: AppendListener, options: AppenderOptions): Appender;
  /** Why an append that came now would be refused unseen: `overloaded`. */
  appendRefusal(): SuraftError | undefined;
  /**
   * Resolves once `log` holds everything that was acknowledged to anybody before the call
   * (PROTOCOL.md section 5). One proof serves all that wait. Rejects with a SuraftError of kind
   * `unavailable`, or with the signal's reason. Safe to retry.
   */
  barrier(signal: AbortSignal): Promise<void>;
  /**
   * Hands this node's leadership over; resolves to the new leader. Clients' appends wait meanwhile
   * and none fails. Rejects with a SuraftError: `not_leader` with a hint, `invalid` if the target is
   * no other voter, `conflict` if it is not heard or did not take over in time: this node then leads
   * on. Safe to retry.
   */
  transferLeadership(options: TransferOptions): Promise<NodeMember>;
  /** What this node's log says about a producer's append. As far as it must see: after `barrier`. */
  outcomeOf(producerId: number, sequence: number): ProducerOutcome;
  /**
   * Works out another list of members, to be appended as a control. Rejects with a SuraftError:
   * `not_leader` with a hint; `invalid` if the change does not fit the list; `conflict` if the caller
   * saw another list, or a voter to be added does not answer.
   */
  planMembers(change: MemberChange): Promise<PlannedMembers>;
  /**
   * Leads without votes; resolves to the term once it does. For a cluster whose majority is lost: the
   * store decides, nothing acknowledged is lost. Rejects with `unavailable` or the signal's reason.
   */
  forceLeadership(signal: AbortSignal): Promise<number>;
  /** How long ago, in milliseconds, this node last had proof of its tail or heard of it from the leader. */
  tailAgeMs(): number;
}
