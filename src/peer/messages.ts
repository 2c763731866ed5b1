/** The codec between the core's messages and suraft.node.v1. */

import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { SuraftError } from "../errors.js";
import type {
  BarrierResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  Message,
  StandNow,
  VoteResponse,
} from "../core/protocol.js";
import type { Epoch } from "../core/types.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type * as wire from "../../gen/suraft/node/v1/node_pb.js";

/** This process, as other nodes know it. */
export interface Identity {
  readonly clusterId: string;
  readonly nodeId: string;
  /** Drawn at the process's start. */
  readonly incarnation: string;
}

/** In the details of an error that ends a stream of appends: how many had their answers before it. */
export const answeredAppends = "answered_appends";

type SenderInit = MessageInitShape<typeof wire.SenderSchema>;

/** The sender of a message that is meant for `receiverId`. */
export function senderFor(identity: Identity, receiverId: string): SenderInit {
  return { ...identity, receiverId };
}

/**
 * Throws a SuraftError unless the message comes from another node of this cluster and is meant for
 * this node (PROTOCOL.md section 7). Returns the sender.
 */
export function checkSender(sender: wire.Sender | undefined, self: Identity): wire.Sender {
  if (sender === undefined) throw new SuraftError("invalid", "the message names no sender");
  if (sender.clusterId !== self.clusterId) {
    const message = `this node belongs to the cluster ${self.clusterId}, not to ${sender.clusterId}`;
    throw new SuraftError("not_leader", message);
  }
  if (sender.receiverId !== self.nodeId) {
    const message = `this node is ${self.nodeId}, not ${sender.receiverId}`;
    throw new SuraftError("not_leader", message);
  }
  return sender;
}

/** A protobuf number as the core's; those beyond 2^53 are refused. */
export function toNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new SuraftError("invalid", `the number ${value} is out of range`);
  }
  return Number(value);
}

/** A protobuf timestamp in milliseconds, 0 where there is none; those beyond 2^53 are refused. */
export function toMilliseconds(timestamp: Timestamp | undefined): number {
  const timeMs = timestamp === undefined ? 0 : timestampMs(timestamp);
  if (Number.isSafeInteger(timeMs) && timeMs >= 0) return timeMs;
  throw new SuraftError("invalid", `the time ${timeMs} is out of range`);
}

export function encodeEpoch(epoch: Epoch): MessageInitShape<typeof wire.EpochSchema> {
  return {
    term: BigInt(epoch.term),
    leaderId: epoch.leaderId,
    nonce: new Uint8Array(Buffer.from(epoch.nonce, "hex")),
  };
}

export function decodeEpoch(epoch: wire.Epoch | undefined): Epoch {
  if (epoch === undefined) throw new SuraftError("invalid", "the message names no epoch");
  const nonce = Buffer.from(epoch.nonce).toString("hex");
  return { term: toNumber(epoch.term), leaderId: epoch.leaderId, nonce };
}

export function encodeHeartbeat(
  request: HeartbeatRequest,
  sender: SenderInit,
): MessageInitShape<typeof wire.HeartbeatRequestSchema> {
  return {
    sender,
    epoch: encodeEpoch(request.epoch),
    leading: request.leading,
    tailPosition: BigInt(request.tailPosition),
    nextIndex: BigInt(request.nextIndex),
    replyWanted: request.replyWanted,
    ...(request.greatestLease === undefined
      ? {}
      : { nextLease: BigInt(request.greatestLease + 1) }),
  };
}

export function decodeHeartbeat(request: wire.HeartbeatRequest): Message {
  return {
    type: "heartbeatRequest",
    epoch: decodeEpoch(request.epoch),
    leading: request.leading,
    tailPosition: toNumber(request.tailPosition),
    nextIndex: toNumber(request.nextIndex),
    greatestLease: request.nextLease === undefined ? undefined : toNumber(request.nextLease) - 1,
    replyWanted: request.replyWanted,
  };
}

export function encodeHeartbeatResponse(
  response: HeartbeatResponse,
  sender: SenderInit,
): MessageInitShape<typeof wire.HeartbeatResponseSchema> {
  return {
    sender,
    term: BigInt(response.term),
    tailPosition: BigInt(response.tailPosition),
    duplicate: response.duplicate,
  };
}

export function decodeHeartbeatResponse(response: wire.HeartbeatResponse): Message {
  return {
    type: "heartbeatResponse",
    term: toNumber(response.term),
    tailPosition: toNumber(response.tailPosition),
    duplicate: response.duplicate,
  };
}

export function encodeStandNow(
  { epoch, tailPosition }: StandNow,
  sender: SenderInit,
): MessageInitShape<typeof wire.StandNowRequestSchema> {
  return { sender, epoch: encodeEpoch(epoch), tailPosition: BigInt(tailPosition) };
}

export function decodeStandNow({ epoch, tailPosition }: wire.StandNowRequest): Message {
  return {
    type: "standNow",
    epoch: decodeEpoch(epoch),
    tailPosition: toNumber(tailPosition),
  };
}

export function decodeVote(request: wire.VoteRequest): Message {
  const { preVote, transfer } = request;
  return { type: "voteRequest", term: toNumber(request.term), preVote, transfer };
}

export function encodeVoteResponse(
  response: VoteResponse,
  sender: SenderInit,
): MessageInitShape<typeof wire.VoteResponseSchema> {
  return {
    sender,
    term: BigInt(response.term),
    granted: response.granted,
    duplicate: response.duplicate,
    preVote: response.preVote,
    requestTerm: BigInt(response.requestTerm),
  };
}

export function decodeVoteResponse(response: wire.VoteResponse): Message {
  return {
    type: "voteResponse",
    term: toNumber(response.term),
    requestTerm: toNumber(response.requestTerm),
    preVote: response.preVote,
    granted: response.granted,
    duplicate: response.duplicate,
  };
}

export function encodeBarrierResponse(
  response: BarrierResponse,
  sender: SenderInit,
): MessageInitShape<typeof wire.BarrierResponseSchema> {
  return {
    sender,
    barrier: BigInt(response.barrier),
    proven: response.tailPosition !== undefined,
    tailPosition: BigInt(response.tailPosition ?? 0),
  };
}

export function decodeBarrierResponse(response: wire.BarrierResponse): Message {
  return {
    type: "barrierResponse",
    barrier: toNumber(response.barrier),
    tailPosition: response.proven ? toNumber(response.tailPosition) : undefined,
  };
}
