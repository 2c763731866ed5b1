/**
 * A client's ordered, pipelined appends.
 *
 * Invariant: appends stand in the log in the order in which they were given.
 * Invariant: an append is sent again only if it is certainly not in the log, or if its number makes
 * the second a repeat of the first, or if the caller chose `atLeastOnce`.
 * Invariant: a number stands for the same append at every try.
 * Invariant: at most a window of appends waits for answers.
 */

import { SuraftError } from "../errors.js";
import type { Addresses } from "./addresses.js";
import { remainingMs, type CallBounds } from "./connection.js";
import { PendingAppend, PendingQueue, type WindowLimits } from "./pending.js";
import { openProducer } from "./producer.js";
import { BackOff, isRetryable, isRetryableOnce } from "./retry.js";
import { SessionStream } from "./session-stream.js";
import type { AppendDemands, Appended, NewEntry, ProducerSequence } from "./types.js";

const WINDOW: WindowLimits = { appends: 8192, bytes: 16 * 1024 * 1024 };

/** A node that is silent for this part of the time is left for another one, where that is safe. */
const SILENCE_SHARE = 1 / 3;

/**
 * What becomes of an append whose outcome a broken connection, or a lost leader, leaves unknown:
 *
 * - `exactlyOnce`: it is sent again under the same number, to any node, and the log takes it once;
 * - `atMostOnce`: it is not sent again: the session ends, with `unknown_outcome`;
 * - `atLeastOnce`: it is sent again without a number, so that it may stand in the log more than once.
 */
export type Delivery = "exactlyOnce" | "atMostOnce" | "atLeastOnce";

export interface SessionOptions {
  /** The default is `exactlyOnce`. */
  readonly delivery?: Delivery;
  /**
   * For `exactlyOnce`: the producer whose numbers the appends get, and the first one's number. For an
   * application that keeps them over its own restarts. Without it the session opens a producer.
   */
  readonly producer?: ProducerSequence;
  /** The most appends without an answer. */
  readonly windowAppends?: number;
  /** The most bytes without an answer. */
  readonly windowBytes?: number;
  /** How long the oldest append may wait, with all tries, since the answer to the one before it. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export class AppendSession {
  readonly #addresses: Addresses;
  readonly #queue: PendingQueue;
  readonly #timeoutMs: number;
  readonly #delivery: Delivery;
  readonly #ownsProducer: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #over: Promise<void>;
  /** Undefined until it is opened. */
  #producerId: number | undefined;
  #nextSequence: number;
  #stream: SessionStream | undefined;
  #streamBeganMs = 0;
  #failure: SuraftError | undefined;
  #closing = false;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(addresses: Addresses, timeoutMs: number, options: SessionOptions) {
    this.#addresses = addresses;
    this.#queue = new PendingQueue({
      appends: options.windowAppends ?? WINDOW.appends,
      bytes: options.windowBytes ?? WINDOW.bytes,
    });
    this.#timeoutMs = options.timeoutMs ?? timeoutMs;
    this.#delivery = options.delivery ?? "exactlyOnce";
    this.#ownsProducer = options.producer === undefined;
    this.#producerId = options.producer?.producerId;
    this.#nextSequence = options.producer?.sequence ?? 1;
    this.#signal = options.signal;
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    this.#over = this.#run();
  }

  /** How many appends have no answer yet. */
  get pendingCount(): number {
    return this.#queue.size;
  }

  /** The producer whose numbers the appends have; undefined before the first one is sent. */
  get producerId(): number | undefined {
    return this.#producerId;
  }

  /**
   * Appends entries, all of them or none, behind everything given before. Resolves once they are
   * durable. Rejects with a SuraftError; one of kind `unknown_outcome` means that they may be in the
   * log or not, and its details name the producer and the number; any other that they are certainly
   * not. After the first failure the session is over.
   * Throws `overloaded` if the window is full: wait for {@link room}.
   */
  append(entries: readonly NewEntry[], demands: AppendDemands = {}): Promise<Appended> {
    if (this.#failure !== undefined || this.#closing) {
      const reason = this.#failure?.message ?? "it was closed";
      return Promise.reject(new SuraftError("unavailable", `the session is over: ${reason}`));
    }
    if (this.#queue.full) {
      throw new SuraftError("overloaded", "the session's window is full");
    }
    try {
      const pending = new PendingAppend(entries, demands);
      this.#take(pending);
      return pending.answer;
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Resolves once another append fits into the window, or the session is over. */
  async room(): Promise<void> {
    while (this.#queue.full && this.#failure === undefined) {
      await this.#change();
    }
  }

  /** Waits until every append has its answer. Throws the failure that ended the session, if any. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#finishWhenDone();
    this.#changed();
    await this.#over;
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  #take(pending: PendingAppend): void {
    pending.sequence = this.#nextSequence++;
    this.#queue.push(pending);
    this.#stream?.send(pending);
    this.#watchDeadline();
    this.#changed();
  }

  async #run(): Promise<void> {
    const backOff = new BackOff();
    while ((await this.#hasWork()) && (await this.#hasProducer())) {
      const first = this.#queue.first;
      const error = await this.#liveThroughStream();
      const silentMs = performance.now() - this.#silentSinceMs();
      if (first !== this.#queue.first) {
        backOff.reset();
      }
      if (this.#signal?.aborted === true) {
        this.#fail(new SuraftError("cancelled", "the append was given up before it was sent"));
      } else if (this.#queue.first !== undefined) {
        await this.#settle(this.#queue.first, backOff, { error, silentMs });
      }
    }
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  /** Waits for something to send. False once the session is over. */
  async #hasWork(): Promise<boolean> {
    while (this.#queue.size === 0 && !this.#closing && this.#failure === undefined) {
      await this.#change();
    }
    return this.#queue.size > 0;
  }

  /** Opens a producer if one is needed. False if the session is over. */
  async #hasProducer(): Promise<boolean> {
    if (this.#delivery !== "exactlyOnce" || this.#producerId !== undefined) {
      return true;
    }
    try {
      this.#producerId = await openProducer(this.#addresses, this.#bounds());
      return true;
    } catch (error) {
      if (!(error instanceof SuraftError)) {
        throw error;
      }
      this.#fail(error);
      return false;
    }
  }

  /** Opens a stream, sends what waits and what comes, until the stream is over. */
  async #liveThroughStream(): Promise<SuraftError | undefined> {
    const connection = this.#addresses.current();
    this.#streamBeganMs = performance.now();
    let error: SuraftError | undefined;
    try {
      await connection.ready(this.#bounds());
      this.#stream = new SessionStream(connection, this.#queue, {
        producerId: this.#producerId,
        progressed: () => {
          this.#finishWhenDone();
          this.#changed();
        },
      });
      for (const pending of this.#queue) {
        this.#stream.send(pending);
      }
      this.#watchDeadline();
      error = await this.#stream.ended;
    } catch (failure) {
      error = failure instanceof SuraftError ? failure : undefined;
    }
    this.#stream = undefined;
    if (error !== undefined) {
      this.#addresses.failed(connection.address, error);
    }
    return error;
  }

  /** After a stream: sends the rest again where that is certainly right, or ends the session. */
  async #settle(
    first: PendingAppend,
    backOff: BackOff,
    { error, silentMs }: { readonly error: SuraftError | undefined; readonly silentMs: number },
  ): Promise<void> {
    const worthRetry = this.#delivery === "atMostOnce" ? isRetryable : isRetryableOnce;
    for (const { failure } of this.#queue) {
      const expired = failure?.kind === "producer_expired" && this.#mayRenumber();
      if (failure !== undefined && !worthRetry(failure) && !expired) {
        this.#fail(failure);
        return;
      }
      if (expired) {
        this.#renumber();
      }
    }
    const cause = first.failure ?? error;
    // A try that would take as long as this one is not begun: cut off, its outcome were unknown.
    const inTime = first.isUnknown || silentMs < remainingMs(this.#bounds());
    if (!inTime || !(await backOff.pause(this.#bounds(), cause?.retryDelayMs))) {
      const failure = cause ?? new SuraftError("unavailable", "no node took the append in time");
      this.#fail(this.#addresses.conclusion(failure));
      return;
    }
    for (const pending of this.#queue) {
      pending.maybeInLog = pending.isUnknown;
      pending.failure = undefined;
    }
  }

  /** Whether nothing that was sent under a number may still come through. */
  #mayRenumber(): boolean {
    return this.#ownsProducer && ![...this.#queue].some((pending) => pending.isUnknown);
  }

  /** The producer expired while nothing was open: another one takes its place. */
  #renumber(): void {
    this.#producerId = undefined;
    this.#nextSequence = 1;
    for (const pending of this.#queue) {
      pending.failure = undefined;
      pending.sequence = this.#nextSequence++;
    }
  }

  /** Ends the session: everything without an answer fails. */
  #fail(failure: SuraftError): void {
    this.#failure = failure;
    const unsent =
      failure.kind === "cancelled" || failure.kind === "unavailable"
        ? failure
        : new SuraftError("unavailable", `not sent, after a failure: ${failure.message}`);
    while (this.#queue.size > 0) {
      const pending = this.#queue.shift();
      pending.fail(pending.failure ?? unsent, this.#producerId);
    }
    this.#changed();
  }

  /** When the oldest append has waited too long. */
  #endMs(): number {
    return this.#queue.progressMs + this.#timeoutMs;
  }

  #silentSinceMs(): number {
    return Math.max(this.#streamBeganMs, this.#queue.progressMs);
  }

  /** When the stream in use is to be given up. */
  #streamEndMs(): number {
    const elsewhere = this.#delivery === "exactlyOnce" && this.#addresses.list.length > 1;
    const patienceMs = this.#timeoutMs * (elsewhere ? SILENCE_SHARE : 1);
    return Math.min(this.#endMs(), this.#silentSinceMs() + patienceMs);
  }

  #bounds(): CallBounds {
    return { endMs: this.#endMs(), signal: this.#signal };
  }

  #finishWhenDone(): void {
    if (this.#closing && this.#queue.size === 0) {
      this.#stream?.finish();
    }
  }

  /** Gives up on the stream when the oldest append has waited too long. */
  #watchDeadline(): void {
    if (this.#timer !== undefined || this.#queue.size === 0) {
      return;
    }
    const waitMs = Math.max(0, this.#streamEndMs() - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#queue.size > 0 && this.#streamEndMs() <= performance.now()) {
        this.#stream?.cancel("no answer in time");
      } else {
        this.#watchDeadline();
      }
    }, waitMs);
  }

  readonly #abort = (): void => {
    this.#stream?.cancel("given up");
    this.#changed();
  };

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}
