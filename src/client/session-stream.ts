/**
 * One stream of a session: sends appends, matches answers.
 *
 * Invariant: the pending appends that were sent here are the queue's first `sentCount`, in the
 * order in which they were sent.
 * Invariant: an append that was sent and has no answer when the stream ends has an unknown outcome,
 * unless the node itself ended the stream: it answers every append that reached it before, and says
 * how many answers those are, since an error may overtake answers that were not read yet.
 */

import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { AckRange, AppendFailure, AppendSessionResponse } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../errors.js";
import { fromStatus } from "../rpc/status.js";
import { takeSessionRequest } from "./codec.js";
import type { Connection } from "./connection.js";
import { exactNumber, timeOf } from "./exact.js";
import { failureOf, isVouchedFor } from "./failure.js";
import type { PendingAppend, PendingQueue } from "./pending.js";

export interface SessionStreamOptions {
  /** Whose numbers the appends have; undefined: they go without. */
  readonly producerId: number | undefined;
  /** Answers have come: the queue has more room. */
  readonly progressed: () => void;
}

export class SessionStream {
  /** Resolves when the stream is over, to what it ended with; undefined if all was well. */
  readonly ended: Promise<SuraftError | undefined>;
  readonly #address: string;
  readonly #queue: PendingQueue;
  readonly #stream: ClientDuplexStream<Uint8Array, AppendSessionResponse>;
  readonly #producerId: number | undefined;
  readonly #progressed: () => void;
  #sentCount = 0;
  /** What comes behind them in the queue, encoded, and was not sent yet. */
  #gathered: Uint8Array[] = [];
  /** Whether a message is leaving. */
  #leaving = false;
  /** The number of the append that is the queue's first: appends are numbered from 1. */
  #firstNumber = 1;
  /** How many answers have come. */
  #answeredCount = 0;
  #finished = false;
  #cancelReason: string | undefined;

  constructor(connection: Connection, queue: PendingQueue, options: SessionStreamOptions) {
    this.#address = connection.address;
    this.#queue = queue;
    this.#producerId = options.producerId;
    this.#progressed = options.progressed;
    this.#stream = connection.log.appendSession();
    this.#stream.on("data", (response: AppendSessionResponse) => {
      this.#take(response);
    });
    this.ended = new Promise((resolve) => {
      this.#stream.on("error", (error: unknown) => {
        resolve(this.#end(error));
      });
      // Told behind the last message, and behind the error if there is one.
      this.#stream.on("status", () => {
        resolve(this.#end(undefined));
      });
    });
  }

  /** Sends the queue's oldest append that was not sent here yet. */
  send(pending: PendingAppend): void {
    if (!this.#finished) {
      this.#gathered.push(pending.encode(this.#producerId));
      this.#sendGathered();
    }
  }

  /** Nothing more will be sent, nor what has gathered; the answers still come. */
  finish(): void {
    if (!this.#finished) {
      this.#finished = true;
      this.#gathered = [];
      this.#stream.end();
    }
  }

  /** Ends the stream now. What was sent and not answered has an unknown outcome. */
  cancel(reason: string): void {
    this.#finished = true;
    this.#cancelReason ??= reason;
    this.#stream.cancel();
  }

  /** A message costs more than an append: what comes while one leaves goes with the next. */
  #sendGathered(): void {
    if (this.#leaving || this.#finished || this.#gathered.length === 0) return;
    this.#leaving = true;
    const { request, count } = takeSessionRequest(this.#gathered);
    this.#sentCount += count;
    this.#stream.write(request, (error?: Error | null) => {
      if (error !== undefined && error !== null) return;
      this.#leaving = false;
      this.#sendGathered();
    });
  }

  #take(response: AppendSessionResponse): void {
    try {
      for (const range of response.acks) {
        this.#acknowledge(range);
      }
      for (const failure of response.failures) {
        this.#fail(failure);
      }
    } catch (error) {
      // An answer that makes no sense: whatever is open is unknown.
      this.cancel(error instanceof Error ? error.message : String(error));
    }
    this.#progressed();
  }

  #acknowledge(range: AckRange): void {
    if (Number(range.firstAppend) !== this.#firstNumber || range.appendCount > this.#sentCount) {
      throw new Error(`${this.#address} answered appends out of order`);
    }
    let firstIndex = exactNumber("first_index", range.firstIndex);
    const isKnown = firstIndex > 0;
    const { repeat } = range;
    const term = exactNumber("term", range.term);
    const timeMs = timeOf(range.timestamp);
    for (let count = 0; count < range.appendCount; count += 1) {
      const pending = this.#queue.shift();
      const nextIndex = firstIndex + pending.entries.length;
      const lastIndex = isKnown ? nextIndex - 1 : 0;
      pending.succeed({ firstIndex, lastIndex, term, timestampMs: timeMs, repeat });
      firstIndex = nextIndex;
    }
    this.#answeredCount += range.appendCount;
    this.#firstNumber += range.appendCount;
    this.#sentCount -= range.appendCount;
  }

  #fail({ append, status }: AppendFailure): void {
    const offset = Number(append) - this.#firstNumber;
    const pending = offset < this.#sentCount ? this.#queue.at(offset) : undefined;
    if (pending === undefined || offset < 0 || status === undefined) {
      throw new Error(`${this.#address} answered an append that was not sent`);
    }
    this.#answeredCount += 1;
    pending.failure = fromStatus(status, { lost: "unknown_outcome" });
    // The node begins nothing after a failure: only answers are left to come.
    this.finish();
  }

  #end(error: unknown): SuraftError | undefined {
    this.#finished = true;
    this.#gathered = [];
    const failure =
      error === undefined
        ? undefined
        : failureOf(error, { address: this.#address, effect: "append" });
    const fate = this.#fateOfUnanswered(failure);
    for (let offset = 0; offset < this.#sentCount; offset += 1) {
      const pending = this.#queue.at(offset);
      if (pending !== undefined) {
        pending.failure ??= fate;
      }
    }
    this.#sentCount = 0;
    return failure;
  }

  #fateOfUnanswered(failure: SuraftError | undefined): SuraftError {
    const complete =
      failure !== undefined &&
      leavesNothingOpen(failure) &&
      this.#answeredCount === Number(failure.details["answered_appends"] ?? 0);
    if (this.#cancelReason === undefined && complete) {
      return new SuraftError("unavailable", `not taken by ${this.#address}: ${failure.message}`);
    }
    const reason = this.#cancelReason ?? `${this.#address} went away before its answer came`;
    return new SuraftError(
      "unknown_outcome",
      `${reason}: the entries may be in the log or not, now or later`,
      { cause: failure },
    );
  }
}

/**
 * Whether the stream was refused before the node saw it, or ended by the node in good order, and not
 * just given up on.
 */
function leavesNothingOpen(failure: SuraftError): boolean {
  const givenUp = ["unknown_outcome", "cancelled", "deadline_exceeded"].includes(failure.kind);
  return failure.kind === "unavailable" || (isVouchedFor(failure) && !givenUp);
}
