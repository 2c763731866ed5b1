/**
 * What other nodes ask of this one: suraft.node.v1.NodeService.
 *
 * Invariant: a message of another cluster, or for another node, reaches nothing (PROTOCOL.md 7).
 */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { SuraftError } from "../errors.js";
import { implementService } from "../rpc/server.js";
import { decodeRequest } from "../rpc/service-definition.js";
import { toStatus } from "../rpc/status.js";
import {
  checkSender,
  decodeEpoch,
  decodeHeartbeat,
  decodeVote,
  encodeBarrierResponse,
  encodeHeartbeatResponse,
  encodeVoteResponse,
  senderFor,
  toNumber,
} from "./messages.js";
import { nodeService } from "./service.js";
import type {
  BarrierRequest,
  BarrierResponseSchema,
  ForwardResponseSchema,
  HeartbeatRequest,
  HeartbeatResponseSchema,
  StandNowRequest,
  StandNowResponseSchema,
  VoteRequest,
  VoteResponseSchema,
} from "../../gen/suraft/node/v1/node_pb.js";
import type { AckRangeSchema } from "../../gen/suraft/v1/log_pb.js";
import type { Message, Sender } from "../core/protocol.js";
import type { BidiCall, BidiListener } from "../rpc/handlers.js";
import type { CallContext } from "../rpc/server-call.js";
import type { ServiceRegistration } from "../rpc/server.js";
import type { Identity } from "./messages.js";

export type { ServiceRegistration };

/** Appends that became durable together. */
export interface ForwardAcknowledged {
  readonly appendCount: number;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly term: number;
  readonly timestampMs: number;
}

/** Hears what became of forwarded appends, in order. */
export interface ForwardListener {
  acknowledged(acknowledged: ForwardAcknowledged): void;
  failed(error: SuraftError): void;
}

/** A follower's appends, as they came. */
export interface ForwardSink {
  /** Takes one append's encoded entries; its answer goes to the listener. */
  append(message: Uint8Array): void;
  close(): void;
}

/** The node that the service stands on. */
export interface NodeServiceHost {
  readonly self: Identity;
  receive(sender: Sender, message: Message, reply: (message: Message) => void): void;
  forgetBarrier(nodeId: string, barrier: number): void;
  openForward(listener: ForwardListener): ForwardSink;
}

/** The service, ready to be served. */
export function implementNodeService(host: NodeServiceHost): ServiceRegistration {
  return implementService(nodeService, {
    vote: (request) => vote(host, request),
    barrier: (request, context) => barrier(host, request, context),
    heartbeat: (call) => heartbeats(host, call),
    standNow: (request) => standNow(host, request),
    forward: (call) => new ForwardCall(host, call),
  });
}

async function vote(
  host: NodeServiceHost,
  request: VoteRequest,
): Promise<MessageInitShape<typeof VoteResponseSchema>> {
  const sender = checkSender(request.sender, host.self);
  let response: MessageInitShape<typeof VoteResponseSchema> | undefined;
  host.receive(sender, decodeVote(request), (message) => {
    if (message.type !== "voteResponse") return;
    response = encodeVoteResponse(message, senderFor(host.self, sender.nodeId));
  });
  if (response !== undefined) return response;
  throw new SuraftError("unavailable", `${host.self.nodeId} does not vote yet`);
}

async function standNow(
  host: NodeServiceHost,
  request: StandNowRequest,
): Promise<MessageInitShape<typeof StandNowResponseSchema>> {
  const sender = checkSender(request.sender, host.self);
  const message = { type: "standNow", epoch: decodeEpoch(request.epoch) } as const;
  host.receive(sender, message, () => undefined);
  return {};
}

async function barrier(
  host: NodeServiceHost,
  request: BarrierRequest,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof BarrierResponseSchema>> {
  const sender = checkSender(request.sender, host.self);
  const number = toNumber(request.barrier);
  return await new Promise((resolve, reject) => {
    const gone = (): void => {
      host.forgetBarrier(sender.nodeId, number);
      reject(new SuraftError("cancelled", "the follower has gone"));
    };
    signal.addEventListener("abort", gone, { once: true });
    host.receive(sender, { type: "barrierRequest", barrier: number }, (message) => {
      if (message.type !== "barrierResponse") return;
      signal.removeEventListener("abort", gone);
      resolve(encodeBarrierResponse(message, senderFor(host.self, sender.nodeId)));
    });
  });
}

function heartbeats(
  host: NodeServiceHost,
  call: BidiCall<MessageInitShape<typeof HeartbeatResponseSchema>>,
): BidiListener<HeartbeatRequest> {
  return {
    message: (request) => {
      const sender = checkSender(request.sender, host.self);
      host.receive(sender, decodeHeartbeat(request), (message) => {
        if (message.type !== "heartbeatResponse") return;
        call.write(encodeHeartbeatResponse(message, senderFor(host.self, sender.nodeId)));
      });
    },
    halfClosed: () => call.end(),
    closed: () => undefined,
  };
}

/**
 * One stream of appends from a follower.
 *
 * Invariant: every append that came is answered, whatever happens to this node's leadership; the
 * stream ends well only when the follower has ended its side and holds every answer.
 */
class ForwardCall implements BidiListener<Buffer>, ForwardListener {
  readonly #host: NodeServiceHost;
  readonly #call: BidiCall<MessageInitShape<typeof ForwardResponseSchema>>;
  #sink: ForwardSink | undefined;
  #received = 0;
  #outstanding = 0;
  #halfClosed = false;

  constructor(
    host: NodeServiceHost,
    call: BidiCall<MessageInitShape<typeof ForwardResponseSchema>>,
  ) {
    this.#host = host;
    this.#call = call;
  }

  message(bytes: Buffer): void {
    if (this.#sink === undefined) {
      const { sender } = decodeRequest(ForwardRequestSchema, bytes);
      checkSender(sender, this.#host.self);
      this.#sink = this.#host.openForward(this);
      return;
    }
    this.#received++;
    this.#outstanding++;
    this.#sink.append(bytes);
  }

  halfClosed(): void {
    this.#halfClosed = true;
    this.#endIfDone();
  }

  /** The node has drained before its server stops, so every append that came is answered. */
  stopping(): void {
    this.#call.end(new SuraftError("not_leader", "the leader is stopping"));
  }

  closed(): void {
    this.#sink?.close();
  }

  acknowledged(acknowledged: ForwardAcknowledged): void {
    const firstAppend = this.#received - this.#outstanding + 1;
    this.#outstanding -= acknowledged.appendCount;
    this.#call.write({ acks: [encodeAck(acknowledged, firstAppend)] });
    this.#endIfDone();
  }

  failed(error: SuraftError): void {
    this.#outstanding--;
    this.#call.write({ failures: [toStatus(error)] });
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#halfClosed && this.#outstanding === 0) this.#call.end();
  }
}

function encodeAck(
  { appendCount, firstIndex, entryCount, term, timestampMs }: ForwardAcknowledged,
  firstAppend: number,
): MessageInitShape<typeof AckRangeSchema> {
  return {
    firstAppend: BigInt(firstAppend),
    appendCount,
    entryCount,
    firstIndex: BigInt(firstIndex),
    term: BigInt(term),
    timestamp: timestampFromMs(timestampMs),
  };
}
