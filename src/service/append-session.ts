/**
 * LogService.AppendSession: many appends over one stream.
 *
 * Invariant: appends reach the node in the order sent, and none after one that failed or was
 * refused.
 * Invariant: every append that reached the node is answered, in order, before the stream ends by
 * this side; so when the stream ends with an error of suraft other than UNKNOWN_OUTCOME, an append
 * without an answer never reached the node.
 * Invariant: appends whose answers have not been written are bounded, in number and in bytes, and by
 * one message more; a client that sends more, or does not read its answers, is slowed.
 */

import { create, toBinary } from "@bufbuild/protobuf";

import {
  AppendSessionRequestSchema,
  AppendSessionResponseSchema,
} from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../errors.js";
import { takeRepeated } from "../log/repeated-messages.js";
import { tagOf, wireType } from "../log/wire.js";
import type { Acknowledged, Appender, AppendListener, Node } from "../node/node.js";
import { encodeAckRanges, addAckRange, type AckRange } from "../rpc/ack-range.js";
import type { BidiCall, BidiListener } from "../rpc/handlers.js";
import { toStatus } from "../rpc/status.js";
import { appendFailure, takeAppend } from "./append-check.js";
import { SizeQueue } from "./size-queue.js";

/** How much of a session may be without an answer. */
export interface SessionWindow {
  readonly appendsMax: number;
  readonly bytesMax: number;
}

export const sessionWindowDefault: SessionWindow = {
  appendsMax: 8_192,
  bytesMax: 8 * 1024 * 1024,
};

/** Stands alone. */
const { number: appendsField } = AppendSessionRequestSchema.field.appends;
const appendsTag = tagOf(appendsField, wireType.bytes);

/** How large a message of several appends may be: some 50 ms of work, and what one of them may hold on to. */
const severalBytesMax = 1024 ** 2;
const severalMax = 8_192;

/** Answers wait, and are joined, while the transport holds so many bytes of earlier ones. */
const bufferedBytesMax = 16 * 1024;

/** Many failures are spread over several messages, to stay below every client's limit. */
const failuresPerMessage = 1_000;

interface Failure {
  readonly append: number;
  readonly error: SuraftError;
}

/** One session. */
export class AppendSession implements BidiListener<Uint8Array>, AppendListener {
  readonly #node: Node;
  readonly #call: BidiCall<Uint8Array>;
  readonly #window: SessionWindow;
  readonly #appender: Appender;
  /** The sizes of the appends whose answers were not written. */
  readonly #unanswered = new SizeQueue();
  /** Appends taken from the stream. */
  #received = 0;
  /** Appends whose fate is known; those whose answers were not written stand below. */
  #settled = 0;
  #acks: AckRange[] = [];
  #failures: Failure[] = [];
  /** The append that was refused: the last one. */
  #refusal: Failure | undefined;
  /** No further append is taken; the stream ends once those that were taken have their answers. */
  #ending = false;
  #firstFailure: SuraftError | undefined;
  #stopError: SuraftError | undefined;
  #flushScheduled = false;
  #paused = false;
  #closed = false;

  constructor(node: Node, call: BidiCall<Uint8Array>, window: SessionWindow) {
    this.#node = node;
    this.#call = call;
    this.#window = window;
    const { deadlineMs } = call;
    this.#appender = node.openAppender(this, {
      forwarded: false,
      ...(Number.isFinite(deadlineMs) ? { deadlineMs } : {}),
    });
  }

  message(bytes: Uint8Array): void {
    if (bytes[0] !== appendsTag) {
      this.#take(bytes);
      return;
    }
    const problem =
      bytes.length > severalBytesMax
        ? `they have ${bytes.length} bytes; at most ${severalBytesMax} in a message are allowed`
        : this.#takeSeveral(bytes);
    if (problem !== undefined) {
      this.refused(new SuraftError("invalid", `the appends are refused: ${problem}`));
    }
  }

  /** Returns what is wrong behind those that it takes. */
  #takeSeveral(bytes: Uint8Array): string | undefined {
    let count = 0;
    const problem = takeRepeated(bytes, appendsField, (append) => {
      count += 1;
      if (this.#ending || count > severalMax) return false;
      this.#take(append);
      return true;
    });
    return count > severalMax ? `a message may hold at most ${severalMax}` : problem;
  }

  #take(bytes: Uint8Array): void {
    if (this.#ending) {
      return;
    }
    this.#received += 1;
    this.#unanswered.push(bytes.length);
    try {
      this.#appender.append(takeAppend(bytes, this.#node.limits));
    } catch (error) {
      if (!(error instanceof SuraftError)) {
        throw error;
      }
      this.#refuse({ append: this.#received, error });
      return;
    }
    if (this.#isFull()) {
      this.#pause();
    }
  }

  halfClosed(): void {
    this.#finish();
  }

  refused(error: SuraftError): void {
    if (!this.#ending) {
      this.#received += 1;
      this.#unanswered.push(0);
      this.#refuse({ append: this.#received, error });
    }
  }

  stopping(error: SuraftError): void {
    if (!this.#ending) {
      this.#stopError = error;
      this.#finish();
    }
  }

  closed(): void {
    this.#closed = true;
    this.#appender.close();
  }

  acknowledged(acknowledged: Acknowledged): void {
    const range: AckRange = { ...acknowledged, firstAppend: this.#settled + 1 };
    this.#settled += acknowledged.appendCount;
    addAckRange(this.#acks, range);
    this.#scheduleFlush();
  }

  failed(error: SuraftError): void {
    this.#fail({ append: this.#settled + 1, error });
    this.#finish();
  }

  #fail({ append, error: cause }: Failure): void {
    const error = appendFailure(cause);
    this.#settled += 1;
    this.#failures.push({ append, error });
    this.#firstFailure ??= error;
  }

  #refuse(refusal: Failure): void {
    this.#refusal = refusal;
    this.#finish();
  }

  #finish(): void {
    this.#ending = true;
    this.#pause();
    this.#scheduleFlush();
  }

  #isFull(): boolean {
    const { appendsMax, bytesMax } = this.#window;
    return this.#unanswered.count >= appendsMax || this.#unanswered.sizeBytes >= bytesMax;
  }

  #pause(): void {
    this.#paused = true;
    this.#call.pause();
  }

  /** Answers leave together, once a turn of the event loop. */
  #scheduleFlush(): void {
    if (!this.#flushScheduled && !this.#closed) {
      this.#flushScheduled = true;
      setImmediate(() => this.#flush());
    }
  }

  #flush(): void {
    if (this.#call.bufferedBytes >= bufferedBytesMax) {
      this.#call.drained(bufferedBytesMax).then(
        () => this.#flush(),
        () => undefined,
      );
      return;
    }
    this.#flushScheduled = false;
    if (this.#closed) {
      return;
    }
    this.#settleRefusal();
    this.#writeAcks();
    this.#writeFailures();
    if (this.#ending) {
      this.#endIfDone();
    } else if (this.#paused && !this.#isFull()) {
      this.#paused = false;
      this.#call.resume();
    }
  }

  /** The refused append is answered in its turn. */
  #settleRefusal(): void {
    if (this.#refusal?.append === this.#settled + 1) {
      this.#fail(this.#refusal);
    }
  }

  #writeAcks(): void {
    if (this.#acks.length === 0) {
      return;
    }
    this.#call.write(encodeAckRanges(this.#acks));
    for (const { appendCount } of this.#acks) {
      this.#unanswered.shift(appendCount);
    }
    this.#acks = [];
  }

  #writeFailures(): void {
    const failures = this.#failures;
    this.#failures = [];
    this.#unanswered.shift(failures.length);
    for (let start = 0; start < failures.length; start += failuresPerMessage) {
      this.#call.write(encodeFailures(failures.slice(start, start + failuresPerMessage)));
    }
  }

  #endIfDone(): void {
    if (this.#settled === this.#received) {
      const error = this.#firstFailure ?? this.#stopError;
      // Says how many answers went before it: a client may miss some.
      this.#call.end(error?.withDetails({ answered_appends: String(this.#settled) }));
    }
  }
}

function encodeFailures(failures: readonly Failure[]): Uint8Array {
  return toBinary(
    AppendSessionResponseSchema,
    create(AppendSessionResponseSchema, {
      failures: failures.map(({ append, error }) => ({
        append: BigInt(append),
        status: toStatus(error),
      })),
    }),
  );
}
