/**
 * What other nodes ask of this one: suraft.node.v1.NodeService.
 *
 * Invariant: a message of another cluster, or for another node, reaches nothing (PROTOCOL.md 7).
 */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { SuraftError } from "../errors.js";
import { addAckRange } from "../rpc/ack-range.js";
import { implementService } from "../rpc/server.js";
import { decodeRequest } from "../rpc/service-definition.js";
import { toStatus } from "../rpc/status.js";
import {
  answeredAppends,
  checkSender,
  decodeStandNow,
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
  AnnounceRequest,
  AnnounceResponseSchema,
  BarrierRequest,
  BarrierResponseSchema,
  ForwardResponseSchema,
  HeartbeatRequest,
  HeartbeatResponseSchema,
  OpenedProducerSchema,
  StandNowRequest,
  StandNowResponseSchema,
  VoteRequest,
  VoteResponseSchema,
} from "../../gen/suraft/node/v1/node_pb.js";
import type { AckRangeSchema, AppendFailureSchema } from "../../gen/suraft/v1/log_pb.js";
import type { Message, Sender } from "../core/protocol.js";
import type { AckRange } from "../rpc/ack-range.js";
import type { BidiCall, BidiListener } from "../rpc/handlers.js";
import type { CallContext } from "../rpc/server-call.js";
import type { ServiceRegistration } from "../rpc/server.js";
import type { Identity } from "./messages.js";

export type { ServiceRegistration };

type OpenedInit = MessageInitShape<typeof OpenedProducerSchema>;
type FailureInit = MessageInitShape<typeof AppendFailureSchema>;

/** Hears what became of forwarded appends, which are numbered from 1 in the order they came. */
export interface ForwardListener {
  acknowledged(range: AckRange): void;
  opened(append: number, producerId: number): void;
  failed(append: number, error: SuraftError): void;
}

/** A follower's appends, as they came. */
export interface ForwardSink {
  /** Whether every append that came has its answer. */
  readonly isIdle: boolean;
  /** Takes a ForwardRequest; the answers to its appends go to the listener. Throws `invalid`. */
  take(request: Uint8Array): void;
  /** Refuses every append that comes from now on; those that came before get their answers. */
  stop(): void;
  close(): void;
}

/** The node that the service stands on. */
export interface NodeServiceHost {
  readonly self: Identity;
  receive(sender: Sender, message: Message, reply: (message: Message) => void): void;
  /** A node says where it is reached. Returns who leads, if that is known. */
  announced(member: { readonly nodeId: string; readonly address: string }): string | undefined;
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
    announce: (request) => announce(host, request),
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

async function announce(
  host: NodeServiceHost,
  request: AnnounceRequest,
): Promise<MessageInitShape<typeof AnnounceResponseSchema>> {
  const { nodeId } = checkSender(request.sender, host.self);
  return { leaderId: host.announced({ nodeId, address: request.address }) ?? "" };
}

async function standNow(
  host: NodeServiceHost,
  request: StandNowRequest,
): Promise<MessageInitShape<typeof StandNowResponseSchema>> {
  const sender = checkSender(request.sender, host.self);
  host.receive(sender, decodeStandNow(request), () => undefined);
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
  #acks: AckRange[] = [];
  #opened: OpenedInit[] = [];
  #failures: FailureInit[] = [];
  #answeredCount = 0;
  #flushing = false;
  #halfClosed = false;
  #stopping = false;

  constructor(
    host: NodeServiceHost,
    call: BidiCall<MessageInitShape<typeof ForwardResponseSchema>>,
  ) {
    this.#host = host;
    this.#call = call;
  }

  message(bytes: Buffer): void {
    if (this.#sink !== undefined) return this.#sink.take(bytes);
    const { sender, appends } = decodeRequest(ForwardRequestSchema, bytes);
    checkSender(sender, this.#host.self);
    if (appends.length > 0) {
      throw new SuraftError("invalid", "the first request of a stream carries only the sender");
    }
    this.#sink = this.#host.openForward(this);
  }

  halfClosed(): void {
    this.#halfClosed = true;
    this.#flushLater();
  }

  /** What is under way here may still be committed: the stream ends once all of it is answered. */
  stopping(): void {
    this.#stopping = true;
    this.#sink?.stop();
    this.#flush();
  }

  closed(): void {
    this.#sink?.close();
  }

  acknowledged(range: AckRange): void {
    addAckRange(this.#acks, range);
    this.#flushLater();
  }

  opened(append: number, producerId: number): void {
    this.#opened.push({ append: BigInt(append), producerId: BigInt(producerId) });
    this.#flushLater();
  }

  failed(append: number, error: SuraftError): void {
    this.#failures.push({ append: BigInt(append), status: toStatus(error) });
    this.#flushLater();
  }

  /** Answers to what one commit decided leave together. */
  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const [acks, opened, failures] = [this.#acks, this.#opened, this.#failures];
    if (acks.length + opened.length + failures.length > 0) {
      this.#acks = [];
      this.#opened = [];
      this.#failures = [];
      this.#call.write({ acks: acks.map(encodeAck), opened, failures });
      this.#answeredCount += opened.length + failures.length;
      for (const { appendCount } of acks) this.#answeredCount += appendCount;
    }
    if (this.#sink?.isIdle === false) return;
    if (this.#halfClosed) this.#call.end();
    else if (this.#stopping) this.#call.end(this.#stoppingError());
  }

  /** An error may overtake answers: it says how many there were. */
  #stoppingError(): SuraftError {
    const details = { [answeredAppends]: String(this.#answeredCount) };
    return new SuraftError("not_leader", "the leader is stopping", { details });
  }
}

function encodeAck(range: AckRange): MessageInitShape<typeof AckRangeSchema> {
  const { firstAppend, appendCount, firstIndex, entryCount, term, timestampMs } = range;
  return {
    firstAppend: BigInt(firstAppend),
    appendCount,
    entryCount,
    firstIndex: BigInt(firstIndex),
    term: BigInt(term),
    timestamp: timestampFromMs(timestampMs),
    repeat: range.repeat ?? false,
  };
}
