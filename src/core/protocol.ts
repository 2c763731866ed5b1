/**
 * What goes into the core and what comes out of it: inputs, effects, and the messages of nodes.
 *
 * The host feeds inputs to `Core.step` one at a time and performs the effects in order. Effects
 * are data; performing one never calls back into `step` synchronously.
 */

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

/** A candidate's question. */
export interface VoteRequest {
  readonly type: "voteRequest";
  readonly term: number;
  readonly preVote: boolean;
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

/** What nodes say to one another. Messages may be lost, doubled and reordered. */
export type Message =
  | VoteRequest
  | VoteResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | BarrierRequest
  | BarrierResponse;

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
   * effect: `committed`, `returned` or `unknown`.
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
  readonly term: number;
  /** The leader that appends and barriers go to; undefined while none is known to lead. */
  readonly leaderId: NodeId | undefined;
  readonly fault: Fault | undefined;
}

/** What the host is told to do. */
export type Effect =
  /** Create the segment's object, one request, with a deadline; answer with `createResult`. */
  | { readonly type: "create"; readonly request: RequestId; readonly segment: Segment }
  /** Get the object at a position; answer with `getResult`. */
  | { readonly type: "get"; readonly request: RequestId; readonly position: Position }
  | { readonly type: "send"; readonly to: NodeId; readonly message: Message }
  /**
   * The log grew by a valid segment: in the order of the log, each once. `appends` are the host's
   * own in it, to be acknowledged: the first at `segment.firstIndex`, and so on.
   */
  | {
      readonly type: "committed";
      readonly segment: Segment;
      readonly appends: readonly Append[];
    }
  /** Certainly not in the log, now or ever: a retry is safe. In the order they were appended. */
  | {
      readonly type: "returned";
      readonly appends: readonly Append[];
      readonly reason: "notLeader" | "overloaded" | "stopping" | "storeUnavailable" | "deposed";
    }
  /** May be in the log or not, now or later. */
  | { readonly type: "unknown"; readonly appends: readonly Append[] }
  /** The log is known at least as far as these reads must see. */
  | { readonly type: "readReady"; readonly readIds: readonly number[] }
  /** No proof could be had; retry. */
  | { readonly type: "readFailed"; readonly readIds: readonly number[] }
  /** Role, term, leader or fault changed. */
  | { readonly type: "view"; readonly view: View }
  /** The answer to `stop`: every append that this node took in has its fate. */
  | { readonly type: "stopped" };
