/**
 * Sends messages to one other node, over one connection: votes and barriers as calls, heartbeats
 * on a stream of their own. A message may get lost, as the core allows.
 *
 * Invariant: at most one heartbeat waits for the stream; a newer one takes its place.
 */

import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { openConnection } from "../rpc/client.js";
import { fromServiceError } from "../rpc/status.js";
import {
  checkSender,
  decodeBarrierResponse,
  decodeHeartbeatResponse,
  decodeVoteResponse,
  encodeHeartbeat,
  encodeStandNow,
  senderFor,
} from "./messages.js";
import { callsOver } from "./service.js";
import type {
  HeartbeatRequestSchema,
  HeartbeatResponse,
} from "../../gen/suraft/node/v1/node_pb.js";
import type { HeartbeatRequest, Message, Sender, StandNow, VoteRequest } from "../core/protocol.js";
import type { Connection } from "../rpc/client.js";
import type { Identity } from "./messages.js";

export interface PeerClientOptions {
  readonly self: Identity;
  readonly nodeId: string;
  readonly address: string;
  /** How long a vote or a barrier may take. */
  readonly timeoutMs: number;
  readonly receive: (sender: Sender, message: Message) => void;
  /** The peer says who leads, in answer to where this node is. */
  readonly onLeaderNamed: (leaderId: string) => void;
  /** The peer began or ceased to answer; `reason` is for people. */
  readonly onReachable: (reachable: boolean, reason: string) => void;
}

type HeartbeatStream = ClientDuplexStream<
  MessageInitShape<typeof HeartbeatRequestSchema>,
  HeartbeatResponse
>;

export class PeerClient {
  readonly #options: PeerClientOptions;
  readonly #connection: Connection;
  /** The calls of the peer's node service. */
  readonly calls: ReturnType<typeof callsOver>;
  #stream: HeartbeatStream | undefined;
  #heartbeat: HeartbeatRequest | undefined;
  #sending = false;
  #reachable: boolean | undefined;
  #closed = false;

  constructor(options: PeerClientOptions) {
    this.#options = options;
    this.#connection = openConnection(options.address, {
      reconnectDelayMaxMs: 1000,
      keepaliveMs: 10_000,
    });
    this.calls = callsOver(this.#connection);
  }

  /** The sender that this node names in messages to the peer. */
  get sender(): ReturnType<typeof senderFor> {
    return senderFor(this.#options.self, this.#options.nodeId);
  }

  send(message: Message): void {
    if (this.#closed) return;
    switch (message.type) {
      case "voteRequest":
        return void this.#askForVote(message);
      case "barrierRequest":
        return void this.#askForBarrier(message.barrier);
      case "heartbeatRequest":
        return this.#beat(message);
      case "standNow":
        return void this.#askToStand(message);
      default:
        throw new TypeError(`${message.type} is an answer, not a request`);
    }
  }

  /** Tells the peer where this node is; it may get lost. */
  announce(address: string): void {
    if (!this.#closed) void this.#announce(address);
  }

  /** Whether the peer did not answer when it was last called. */
  get isSilent(): boolean {
    return this.#reachable === false;
  }

  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
    this.#connection.close();
  }

  async #askForVote({ term, preVote, transfer }: VoteRequest): Promise<void> {
    const { timeoutMs } = this.#options;
    try {
      const request = { sender: this.sender, term: BigInt(term), preVote, transfer };
      const response = await this.calls.vote(request, { timeoutMs });
      this.#received(response.sender, () => decodeVoteResponse(response));
    } catch (error) {
      this.#failed(error);
    }
  }

  async #askForBarrier(barrier: number): Promise<void> {
    const { timeoutMs } = this.#options;
    try {
      const request = { sender: this.sender, barrier: BigInt(barrier) };
      const response = await this.calls.barrier(request, { timeoutMs });
      this.#received(response.sender, () => decodeBarrierResponse(response));
    } catch (error) {
      this.#failed(error);
    }
  }

  async #announce(address: string): Promise<void> {
    const { timeoutMs } = this.#options;
    try {
      const request = { sender: this.sender, address };
      const { leaderId } = await this.calls.announce(request, { timeoutMs });
      this.#note(true, "");
      if (leaderId !== "") this.#options.onLeaderNamed(leaderId);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #askToStand(message: StandNow): Promise<void> {
    const { timeoutMs } = this.#options;
    try {
      await this.calls.standNow(encodeStandNow(message, this.sender), { timeoutMs });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Heartbeats of one turn of the event loop go out as one: the newest says all. */
  #beat(request: HeartbeatRequest): void {
    const replyWanted = request.replyWanted || this.#heartbeat?.replyWanted === true;
    this.#heartbeat = { ...request, replyWanted };
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => this.#sendHeartbeat());
  }

  #sendHeartbeat(): void {
    this.#sending = false;
    const request = this.#heartbeat;
    if (request === undefined || this.#closed) return;
    this.#heartbeat = undefined;
    this.#stream ??= this.#openStream();
    const flowing = this.#stream.write(encodeHeartbeat(request, this.sender));
    if (flowing) return;
    this.#sending = true;
    this.#stream.once("drain", () => this.#sendHeartbeat());
  }

  #openStream(): HeartbeatStream {
    const stream: HeartbeatStream = this.calls.heartbeat();
    const ended = (): void => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      this.#sending = false;
    };
    stream.on("data", (response: HeartbeatResponse) => {
      this.#received(response.sender, () => decodeHeartbeatResponse(response));
    });
    stream.on("error", (error: Error) => {
      ended();
      this.#failed(error);
    });
    stream.on("end", ended);
    return stream;
  }

  /** An answer that is not for this node, or makes no sense, is as good as none. */
  #received(wireSender: Parameters<typeof checkSender>[0], decode: () => Message): void {
    let sender: Sender;
    let message: Message;
    try {
      const { nodeId, incarnation } = checkSender(wireSender, this.#options.self);
      sender = { nodeId, incarnation };
      message = decode();
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#note(true, "");
    this.#options.receive(sender, message);
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    this.#note(false, fromServiceError(error, { lost: "unavailable" }).message);
  }

  #note(reachable: boolean, reason: string): void {
    if (reachable === this.#reachable) return;
    this.#reachable = reachable;
    this.#options.onReachable(reachable, reason);
  }
}
