/**
 * What goes into the core and what comes out of it: inputs, effects, and the messages of nodes.
 *
 * The host feeds inputs to `Core.step` one at a time and performs the effects in order. Effects
 * are data; performing one never calls back into `step` synchronously.
 */

import type { LedgerSnapshot } from "./ledger/snapshot.js";
import type { LedgerOutcome, ManifestOutcome, ManifestView } from "./manifest.js";
import type { MemberList } from "./members.js";
import type { Append, Epoch, NodeId, Position, Segment } from "./types.js";

/** Numbers store requests and reads in the order they were sent or begun; never reused. */
export type RequestId = number;

/** What a create ended as (PROTOCOL.md section 2). */
export type CreateOutcome = "created" | "exists" | "unknown" | "refused";

/** What a get ended as. */
export type GetOutcome =
  | { readonly type: "found"; readonly segment: Segment }
  | { readonly type: "absent" }
  /** No answer, or an answer that says nothing: asked again later. */
  | { readonly type: "unavailable" }
  /** The object cannot be decoded or fails its checksum: DATA_LOSS. */
  | { readonly type: "corrupt"; readonly reason: string };

/** What a listing of the leases ended as; -1 if there are none. */
export type LeasesOutcome =
  { readonly type: "listed"; readonly greatest: number } | { readonly type: "unavailable" };

/** A candidate's question. */
export interface VoteRequest {
  readonly type: "voteRequest";
  readonly term: number;
  readonly preVote: boolean;
  /** The leader has asked the candidate to stand: that it is heard is no reason to refuse. */
  readonly transfer: boolean;
}

/** A voter's answer. */
export interface VoteResponse {
  readonly type: "voteResponse";
  /** The greatest term that the voter has seen. */
  readonly term: number;
  readonly requestTerm: number;
  readonly preVote: boolean;
  readonly granted: boolean;
  /** Another live process uses the candidate's node id. */
  readonly duplicate: boolean;
}

/** A leader's sign of life and news of commits. */
export interface HeartbeatRequest {
  readonly type: "heartbeatRequest";
  readonly epoch: Epoch;
  /** Whether the epoch's claim is committed: it takes appends. */
  readonly leading: boolean;
  /** Every position below exists. */
  readonly tailPosition: Position;
  readonly nextIndex: number;
  /** The greatest number of a lease, -1 if there is none; undefined if the leader does not know. */
  readonly greatestLease: number | undefined;
  readonly replyWanted: boolean;
}

/** A follower's answer. */
export interface HeartbeatResponse {
  readonly type: "heartbeatResponse";
  /** The greatest term that the follower has seen. */
  readonly term: number;
  readonly tailPosition: Position;
  /** Another live process uses the leader's node id. */
  readonly duplicate: boolean;
}

/** A follower's question: how far must a read that begins now see? */
export interface BarrierRequest {
  readonly type: "barrierRequest";
  readonly barrier: number;
}

/** The leader's answer; without a tail where it could not prove one. */
export interface BarrierResponse {
  readonly type: "barrierResponse";
  readonly barrier: number;
  readonly tailPosition: Position | undefined;
}

/** The leader asks a follower to take over at once. */
export interface StandNow {
  readonly type: "standNow";
  readonly epoch: Epoch;
  /** The leader's tail; nothing that it sent waits for its fate. */
  readonly tailPosition: Position;
}

/** What nodes say to one another. Messages may be lost, doubled and reordered. */
export type Message =
  | VoteRequest
  | VoteResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | BarrierRequest
  | BarrierResponse
  | StandNow;

/** Who sent a message. The host has checked the cluster id and the receiver's node id. */
export interface Sender {
  readonly nodeId: NodeId;
  /** Drawn at the process's start: tells two processes with one node id apart. */
  readonly incarnation: string;
}

/** What the core is told. */
export type Input =
  /** One tick of the host's monotonic clock has passed. */
  | { readonly type: "tick" }
  /**
   * Clients append. `nowMs` is the host's wall clock. Each append comes back in exactly one
   * effect: `committed`, `answered`, `returned` or `unknown`.
   */
  | { readonly type: "append"; readonly appends: readonly Append[]; readonly nowMs: number }
  /** A linearizable read begins. Comes back in `readReady` or `readFailed`. */
  | { readonly type: "read"; readonly readId: number }
  /** The reader has gone; nothing comes back. */
  | { readonly type: "readCancelled"; readonly readId: number }
  | { readonly type: "message"; readonly sender: Sender; readonly message: Message }
  | {
      readonly type: "createResult";
      readonly request: RequestId;
      readonly outcome: CreateOutcome;
    }
  | { readonly type: "getResult"; readonly request: RequestId; readonly outcome: GetOutcome }
  /**
   * Hand the leadership over to a voter, or to the one that holds the most; `transferred` follows,
   * within `timeoutTicks`. Appends that come meanwhile wait.
   */
  | {
      readonly type: "transfer";
      readonly target: NodeId | undefined;
      readonly timeoutTicks: number;
    }
  | {
      readonly type: "manifestResult";
      readonly request: RequestId;
      readonly outcome: ManifestOutcome;
    }
  | { readonly type: "ledgerResult"; readonly request: RequestId; readonly outcome: LedgerOutcome }
  | { readonly type: "leasesResult"; readonly request: RequestId; readonly outcome: LeasesOutcome }
  | { readonly type: "leaseResult"; readonly request: RequestId; readonly outcome: CreateOutcome }
  /** Lead without votes: an operator knows that the majority is lost. The view tells of it. */
  | { readonly type: "force" }
  /** Finish what is queued, then lead no more; `stopped` follows. */
  | { readonly type: "stop" };

/** What the node does in the election. */
export type Role = "starting" | "follower" | "candidate" | "leader";

/** Why a node can go on no more. */
export interface Fault {
  /**
   * - `corrupt`: an object of the log is damaged or contradicts the rules: DATA_LOSS;
   * - `cloned`: another process leads in this node's name and epoch;
   * - `duplicate`: another live process uses this node's id.
   */
  readonly kind: "corrupt" | "cloned" | "duplicate";
  readonly message: string;
  /** Where in the log, for `corrupt`. */
  readonly position?: Position;
}

/** The core's view, after a change. */
export interface View {
  readonly role: Role;
  /** Of a leader the one in which it leads, also while it hands over; else the greatest seen. */
  readonly term: number;
  /** The leader that appends and barriers go to; undefined while none is known to lead. */
  readonly leaderId: NodeId | undefined;
  readonly fault: Fault | undefined;
}

/** Where an append of a producer came to stand. */
export interface Standing {
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly term: number;
  readonly timestampMs: number;
}

/** Why an append is not made: a fact about the log, proven as a linearizable read is. */
export type Refusal =
  /** The producer was opened, and is forgotten: too many others were used after it. */
  | { readonly type: "producerExpired"; readonly producerId: number }
  /** No producer with this id was ever opened. */
  | { readonly type: "producerUnknown"; readonly producerId: number }
  | {
      readonly type: "producerClosed";
      readonly producerId: number;
      readonly lastSequence: number;
    }
  /** The number is not the one after the producer's last. */
  | { readonly type: "sequenceGap"; readonly producerId: number; readonly lastSequence: number }
  /** Other entries were appended under this number. */
  | { readonly type: "sequenceReused"; readonly producerId: number; readonly sequence: number }
  /** Another token is in force, set at this index; 0: none was ever set. */
  | { readonly type: "fenced"; readonly sinceIndex: number }
  /** The append would have begun at another index than expected. */
  | { readonly type: "indexMismatch"; readonly nextIndex: number }
  /** The last entry with the key stands at this index. */
  | { readonly type: "keyConflict"; readonly key: string; readonly index: number }
  /** Entries with the key may have been forgotten below this index. */
  | { readonly type: "keyForgotten"; readonly key: string; readonly reachIndex: number }
  | { readonly type: "trimBeyondTail"; readonly nextIndex: number }
  /** The log begins at another index than expected. */
  | { readonly type: "trimConflict"; readonly firstIndex: number }
  /** The list of members is another one than expected. */
  | { readonly type: "membersConflict"; readonly version: number };

/** What an append comes to that is not made. */
export type Answer =
  /**
   * The producer's append of this number stands in the log already; undefined: the log remembers
   * only that it does.
   */
  | { readonly type: "repeat"; readonly standing: Standing | undefined }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** What a node knows of one number of a producer. */
export type ProducerOutcome =
  /** It stands in the log; without a standing where the log remembers only that it does. */
  | { readonly type: "committed"; readonly standing: Standing | undefined }
  /** It does not and never will: the producer was closed at a lower number. */
  | { readonly type: "neverCommitted"; readonly lastSequence: number }
  /** It does not, and may come to. */
  | { readonly type: "undecided"; readonly lastSequence: number }
  | { readonly type: "producerExpired" }
  | { readonly type: "producerUnknown" };

/**
 * Why appends come back that are certainly not in the log. `notBegun`: one before them was refused;
 * `leftBehind`: the log's beginning went on without their node.
 */
export type ReturnReason =
  | "notLeader"
  | "overloaded"
  | "stopping"
  | "storeUnavailable"
  | "deposed"
  | "notBegun"
  | "leftBehind";

/**
 * What a transfer came to.
 * - `done`: the target leads;
 * - `lost`: another node leads, not the target;
 * - `timedOut`: this node goes on, or nobody leads yet;
 * - `notLeader`, `noVoter`, `unreachable`, `busy`: it did not begin. The node does not lead; the
 *   target is this node or no voter; the target, or any other voter, was not heard lately; another
 *   transfer is under way.
 */
export type TransferOutcome =
  "done" | "lost" | "timedOut" | "notLeader" | "noVoter" | "unreachable" | "busy";

/** What the host is told to do. */
export type Effect =
  /** Create the segment's object, one request, with a deadline; answer with `createResult`. */
  | { readonly type: "create"; readonly request: RequestId; readonly segment: Segment }
  /** Get the object at a position; answer with `getResult`. */
  | { readonly type: "get"; readonly request: RequestId; readonly position: Position }
  /** Read the manifest, the listing begun now; answer with `manifestResult`. */
  | { readonly type: "readManifest"; readonly request: RequestId }
  /** Read the ledger of the manifest's checkpoint; answer with `ledgerResult`. */
  | { readonly type: "readLedger"; readonly request: RequestId; readonly manifest: ManifestView }
  /** List the leases above a number to the last page; answer with `leasesResult`. */
  | { readonly type: "listLeases"; readonly request: RequestId; readonly after: number }
  /** Create `lease/<number>`, one request; answer with `leaseResult`. */
  | {
      readonly type: "createLease";
      readonly request: RequestId;
      readonly number: number;
      readonly epoch: Epoch;
    }
  /** Delete `lease/<number>`, if that is allowed; it is not answered. */
  | { readonly type: "deleteLease"; readonly number: number }
  | { readonly type: "send"; readonly to: NodeId; readonly message: Message }
  /**
   * The log grew by a valid segment: in the order of the log, each once. `appends` are the host's
   * own in it, to be acknowledged: the first at `segment.firstIndex`, and so on. `openedIds`: the
   * ids of the producers that they opened, in order.
   */
  | {
      readonly type: "committed";
      readonly segment: Segment;
      readonly appends: readonly Append[];
      readonly openedIds?: readonly number[];
    }
  /**
   * The append is not made, and why. Among the `committed` effects of its stream these stand in
   * any order.
   */
  | { readonly type: "answered"; readonly append: Append; readonly answer: Answer }
  /**
   * The log's beginning went on without this node: it holds the log anew from the manifest's checkpoint.
   * What `committed` told of before still counts; what lies between is in the archives, or trimmed.
   */
  | {
      readonly type: "leftBehind";
      readonly manifest: ManifestView;
      /** Of its checkpoint. */
      readonly ledger: LedgerSnapshot;
    }
  /** Certainly not in the log, now or ever: a retry is safe. In the order they were appended. */
  | {
      readonly type: "returned";
      readonly appends: readonly Append[];
      readonly reason: ReturnReason;
    }
  /** May be in the log or not, now or later. */
  | { readonly type: "unknown"; readonly appends: readonly Append[] }
  /** The log is known at least as far as these reads must see. */
  | { readonly type: "readReady"; readonly readIds: readonly number[] }
  /** No proof could be had; retry. */
  | { readonly type: "readFailed"; readonly readIds: readonly number[] }
  /** Role, term, leader or fault changed. */
  | { readonly type: "view"; readonly view: View }
  /** The log has another list of members. */
  | { readonly type: "members"; readonly list: MemberList }
  /** The answer to `transfer`. */
  | {
      readonly type: "transferred";
      readonly outcome: TransferOutcome;
      readonly target: NodeId | undefined;
    }
  /** The answer to `stop`: every append that this node took in has its fate. */
  | { readonly type: "stopped" };
