/**
 * Hands appends on to the leader, over one stream, in order (PROTOCOL.md section 8).
 *
 * Invariant: every append handed on is answered once, the oldest first. Those without an answer
 * when the stream breaks have an unknown outcome.
 */

import { toBinary, create } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { SuraftError } from "../errors.js";
import { fromServiceError, fromStatus } from "../rpc/status.js";
import { toNumber } from "./messages.js";
import type { ForwardResponse } from "../../gen/suraft/node/v1/node_pb.js";
import type { PeerClient } from "./peer-client.js";

/** An append on its way: its entries are a whole ForwardRequest as they are. */
export interface ForwardedAppend {
  readonly run: { readonly bytes: Uint8Array };
}

/** Consecutive appends that the log now holds. */
export interface ForwardedRun<A> {
  readonly appends: readonly A[];
  readonly firstIndex: number;
  readonly term: number;
  readonly timestampMs: number;
}

export interface ForwardStreamOptions<A extends ForwardedAppend> {
  readonly peer: PeerClient;
  /** How long a leader that leads no more may take to answer what it was handed. */
  readonly graceMs: number;
  readonly committed: (run: ForwardedRun<A>) => void;
  /** Certainly not in the log. */
  readonly returned: (append: A, error: SuraftError) => void;
  /** May be in the log or not. */
  readonly unknown: (appends: readonly A[], error: SuraftError) => void;
}

export class ForwardStream<A extends ForwardedAppend> {
  readonly #options: ForwardStreamOptions<A>;
  readonly #call: ClientDuplexStream<Uint8Array, ForwardResponse>;
  #outstanding: A[] = [];
  #open = true;
  #grace: NodeJS.Timeout | undefined;

  constructor(options: ForwardStreamOptions<A>) {
    this.#options = options;
    this.#call = options.peer.calls.forward();
    this.#call.on("data", (response: ForwardResponse) => this.#answered(response));
    this.#call.on("error", (error: Error) => this.#broke(error));
    this.#call.on("end", () => this.#broke(undefined));
    const { sender } = options.peer;
    this.#call.write(toBinary(ForwardRequestSchema, create(ForwardRequestSchema, { sender })));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  send(appends: readonly A[]): void {
    for (const append of appends) {
      this.#outstanding.push(append);
      this.#call.write(append.run.bytes);
    }
  }

  /** The leader has changed: nothing more is sent; what was sent may still get its answer. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#call.end();
    // A leader that was lost to a partition, or sleeps, must not hold its followers' clients up.
    this.#grace = setTimeout(() => this.#call.cancel(), this.#options.graceMs);
  }

  #answered(response: ForwardResponse): void {
    for (const ack of response.acks) {
      this.#options.committed({
        appends: this.#outstanding.splice(0, ack.appendCount),
        firstIndex: toNumber(ack.firstIndex),
        term: toNumber(ack.term),
        timestampMs: ack.timestamp === undefined ? 0 : timestampMs(ack.timestamp),
      });
    }
    for (const failure of response.failures) {
      this.end();
      const append = this.#outstanding.shift();
      if (append === undefined) continue;
      const error = fromStatus(failure, { lost: "unknown_outcome" });
      if (error.kind === "unknown_outcome") this.#options.unknown([append], error);
      else this.#options.returned(append, error);
    }
  }

  #broke(cause: Error | undefined): void {
    const appends = this.#outstanding;
    this.#outstanding = [];
    this.end();
    clearTimeout(this.#grace);
    if (appends.length === 0) return;
    const error = fromServiceError(cause ?? new Error("the leader ended the stream"), {
      lost: "unknown_outcome",
    });
    const { returned, unknown } = this.#options;
    // Refused unseen by a node that does not lead, or never sent for want of a connection.
    const neverSent = error.kind === "unavailable" && error.cause !== undefined;
    if (error.kind === "not_leader" || neverSent) {
      for (const append of appends) {
        returned(append, new SuraftError("not_leader", error.message));
      }
    } else {
      const message = `the leader was lost before it answered: ${error.message}`;
      unknown(appends, new SuraftError("unknown_outcome", message));
    }
  }
}
