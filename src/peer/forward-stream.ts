/**
 * Hands appends on to the leader, over one stream for all clients of this node (PROTOCOL.md
 * section 8).
 *
 * Invariant: every append handed on is answered once, by its number. Those without an answer when
 * the stream breaks have an unknown outcome, unless they never left.
 * Invariant: what comes while a message is leaving goes with the next one.
 * Invariant: a client's stream whose append failed is closed at the leader: what its client sends
 * after that, the leader takes for another stream.
 */

import { toBinary, create } from "@bufbuild/protobuf";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { ForwardedAppendSchema, ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { SuraftError } from "../errors.js";
import { fromServiceError, fromStatus } from "../rpc/status.js";
import { takeGathered } from "../rpc/take-gathered.js";
import { encodeForwardRequest, forwardPartSize } from "./forward-request.js";
import { answeredAppends, toMilliseconds, toNumber } from "./messages.js";
import type { ForwardResponse } from "../../gen/suraft/node/v1/node_pb.js";
import type { AckRange } from "../../gen/suraft/v1/log_pb.js";
import type { ForwardPart } from "./forward-request.js";
import type { PeerClient } from "./peer-client.js";

/** An append on its way. */
export interface ForwardedAppend {
  /** A whole ForwardedAppend, but for the number of the stream. */
  readonly message: Uint8Array;
  /** Names the client's ordered stream that it belongs to; absent: it stands alone. */
  readonly stream?: object;
}

/** Consecutive appends that the log now holds. */
export interface ForwardedRun<A> {
  readonly appends: readonly A[];
  readonly firstIndex: number;
  readonly term: number;
  readonly timestampMs: number;
  readonly openedIds?: readonly number[];
}

/** Where an append stands that the log held before. */
export interface ForwardedRepeat {
  readonly appendCount: number;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly term: number;
  readonly timestampMs: number;
  readonly repeat: true;
}

/** An acknowledgement whose numbers make sense. */
interface Acknowledgement {
  readonly firstAppend: number;
  readonly appendCount: number;
  readonly entryCount: number;
  readonly repeat: boolean;
  readonly place: Pick<ForwardedRun<never>, "firstIndex" | "term" | "timestampMs">;
}

/** An answer whose numbers make sense. */
interface Answer {
  readonly acks: readonly Acknowledgement[];
  readonly opened: readonly { readonly number: number; readonly producerId: number }[];
  readonly failures: readonly { readonly number: number; readonly error: SuraftError }[];
}

export interface ForwardStreamOptions<A extends ForwardedAppend> {
  readonly peer: PeerClient;
  /** How long a leader that leads no more may take to answer what it was handed. */
  readonly graceMs: number;
  readonly committed: (run: ForwardedRun<A>) => void;
  readonly repeated: (append: A, repeat: ForwardedRepeat) => void;
  /** Certainly not in the log. */
  readonly returned: (appends: readonly A[], error: SuraftError) => void;
  /** May be in the log or not. */
  readonly unknown: (appends: readonly A[], error: SuraftError) => void;
}

/** What the next request will hold. */
interface GatheredPart<A> extends ForwardPart {
  /** Undefined: it closes a stream. */
  readonly append: A | undefined;
}

/** Some milliseconds of the leader's work. */
const requestMax = { count: 2_048, bytes: 1024 ** 2 };

export class ForwardStream<A extends ForwardedAppend> {
  readonly #options: ForwardStreamOptions<A>;
  readonly #call: ClientDuplexStream<Uint8Array, ForwardResponse>;
  /** Sent, and without an answer, by their numbers, in order. */
  readonly #outstanding = new Map<number, A>();
  #sentCount = 0;
  #answeredCount = 0;
  /** What was not sent yet. */
  #gathered: GatheredPart<A>[] = [];
  /** Whether a message is leaving. */
  #sending = false;
  /** The numbers of the clients' streams that the leader knows. */
  readonly #streams = new Map<object, number>();
  #streamCount = 0;
  #open = true;
  #grace: NodeJS.Timeout | undefined;

  constructor(options: ForwardStreamOptions<A>) {
    this.#options = options;
    this.#call = options.peer.calls.forward();
    this.#call.on("data", (response: ForwardResponse) => this.#answered(response));
    this.#call.on("error", (error: Error) => this.#broke(error));
    this.#call.on("end", () => this.#broke(undefined));
    const first = create(ForwardRequestSchema, { sender: options.peer.sender });
    this.#write(toBinary(ForwardRequestSchema, first));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  send(appends: readonly A[]): void {
    for (const append of appends) {
      const { message, stream } = append;
      this.#gathered.push({ message, stream: this.#numberOf(stream), append });
    }
    this.#sendGathered();
  }

  /** Nothing more comes of a client's stream; what was sent of it still gets its answers. */
  closeStream(stream: object): void {
    const number = this.#streams.get(stream);
    if (number === undefined) return;
    this.#streams.delete(stream);
    if (!this.#open) return;
    const close = create(ForwardedAppendSchema, { closedStream: BigInt(number) });
    const message = toBinary(ForwardedAppendSchema, close);
    this.#gathered.push({ message, stream: 0, append: undefined });
    this.#sendGathered();
  }

  /**
   * The leader has changed: nothing more is sent, and what was not sent is given back; what was sent
   * may still get its answer.
   */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#giveBackUnsent("the leader has changed");
    this.#call.end();
    // A leader that was lost to a partition, or sleeps, must not hold its followers' clients up.
    this.#grace = setTimeout(() => this.#call.cancel(), this.#options.graceMs);
  }

  #sendGathered(): void {
    if (!this.#sending && this.#gathered.length > 0) this.#write(this.#takeRequest());
  }

  #write(request: Uint8Array): void {
    this.#sending = true;
    this.#call.write(request, (error?: Error | null) => {
      if (error !== undefined && error !== null) return;
      this.#sending = false;
      this.#sendGathered();
    });
  }

  #giveBackUnsent(message: string): void {
    const unsent = this.#gathered.flatMap(({ append }) => append ?? []);
    this.#gathered = [];
    if (unsent.length > 0) this.#options.returned(unsent, new SuraftError("not_leader", message));
  }

  /** The next request: as much of what has gathered as goes into one. */
  #takeRequest(): Uint8Array {
    const parts = takeGathered(this.#gathered, requestMax, forwardPartSize);
    for (const { append } of parts) {
      if (append !== undefined) this.#outstanding.set(++this.#sentCount, append);
    }
    return encodeForwardRequest(parts);
  }

  /** The number by which the leader knows a client's stream; 0 for none. */
  #numberOf(stream: object | undefined): number {
    if (stream === undefined) return 0;
    let number = this.#streams.get(stream);
    if (number === undefined) {
      number = ++this.#streamCount;
      this.#streams.set(stream, number);
    }
    return number;
  }

  /** Of an answer that makes no sense nothing is taken: whatever is open may be in the log. */
  #answered(response: ForwardResponse): void {
    let answer: Answer;
    try {
      answer = decodeAnswer(response, this.#outstanding.size);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#broke(new SuraftError("unknown_outcome", reason));
      this.#call.cancel();
      return;
    }
    for (const ack of answer.acks) this.#acknowledged(ack);
    for (const { number, producerId } of answer.opened) {
      const append = this.#take(number);
      if (append === undefined) continue;
      const nowhere = { firstIndex: 0, term: 0, timestampMs: 0 };
      this.#options.committed({ appends: [append], ...nowhere, openedIds: [producerId] });
    }
    for (const { number, error } of answer.failures) this.#failed(number, error);
  }

  #acknowledged(ack: Acknowledgement): void {
    const { firstAppend, appendCount, entryCount, place } = ack;
    const appends: A[] = [];
    for (let number = firstAppend; number < firstAppend + appendCount; number++) {
      const append = this.#take(number);
      if (append !== undefined) appends.push(append);
    }
    const [append] = appends;
    if (append === undefined) return;
    if (!ack.repeat) return this.#options.committed({ appends, ...place });
    this.#options.repeated(append, { appendCount: 1, ...place, entryCount, repeat: true });
  }

  #failed(number: number, error: SuraftError): void {
    const append = this.#take(number);
    if (append === undefined) return;
    if (error.kind === "unknown_outcome") this.#options.unknown([append], error);
    else this.#options.returned([append], error);
    if (append.stream !== undefined) this.closeStream(append.stream);
  }

  #take(number: number): A | undefined {
    const append = this.#outstanding.get(number);
    if (this.#outstanding.delete(number)) this.#answeredCount++;
    return append;
  }

  #broke(cause: Error | undefined): void {
    const sent = [...this.#outstanding.values()];
    this.#outstanding.clear();
    const error = fromServiceError(cause ?? new Error("the leader ended the stream"), {
      lost: "unknown_outcome",
    });
    // Never sent for want of a connection, or refused unseen by a node that does not lead: if every
    // answer that it gave has come, what is left it never took.
    const neverSent = error.kind === "unavailable" && error.cause !== undefined;
    const complete = this.#answeredCount === Number(error.details[answeredAppends] ?? 0);
    const { returned, unknown } = this.#options;
    if (sent.length > 0) {
      if ((error.kind === "not_leader" && complete) || neverSent) {
        returned(sent, new SuraftError("not_leader", error.message));
      } else {
        const message = `the leader was lost before it answered: ${error.message}`;
        unknown(sent, new SuraftError("unknown_outcome", message));
      }
    }
    this.#giveBackUnsent(error.message);
    this.end();
    clearTimeout(this.#grace);
  }
}

/** Reads an answer. Throws a SuraftError if it makes no sense where so many appends are open. */
function decodeAnswer({ acks, opened, failures }: ForwardResponse, open: number): Answer {
  const answered = acks.reduce((total, { appendCount }) => total + appendCount, 0);
  if (answered > open) {
    throw new SuraftError("invalid", `${answered} appends were answered where ${open} are open`);
  }
  return {
    acks: acks.map(decodeAck),
    opened: opened.map(({ append, producerId }) => ({
      number: toNumber(append),
      producerId: toNumber(producerId),
    })),
    failures: failures.map(({ append, status }) => ({
      number: toNumber(append),
      error:
        status === undefined
          ? new SuraftError("unknown_outcome", "the leader answered without a status")
          : fromStatus(status, { lost: "unknown_outcome" }),
    })),
  };
}

function decodeAck(ack: AckRange): Acknowledgement {
  const { appendCount, entryCount, repeat } = ack;
  return {
    firstAppend: toNumber(ack.firstAppend),
    appendCount,
    entryCount,
    repeat,
    place: {
      firstIndex: toNumber(ack.firstIndex),
      term: toNumber(ack.term),
      timestampMs: toMilliseconds(ack.timestamp),
    },
  };
}
