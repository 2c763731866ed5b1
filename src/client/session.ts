/**
 * A client's ordered, pipelined appends.
 *
 * Invariant: appends stand in the log in the order in which they were given.
 * Invariant: an append is sent again only if it is certainly not in the log, unless the caller
 * chose otherwise by `onUnknown: "resend"`.
 * Invariant: at most a window of appends waits for answers.
 */

import { SuraftError } from "../errors.js";
import type { Addresses } from "./addresses.js";
import { remainingMs, type CallBounds } from "./connection.js";
import { PendingAppend, PendingQueue, type WindowLimits } from "./pending.js";
import { BackOff, isRetryable } from "./retry.js";
import { SessionStream } from "./session-stream.js";
import type { Appended, NewEntry } from "./types.js";

const WINDOW: WindowLimits = { appends: 8192, bytes: 16 * 1024 * 1024 };

export interface SessionOptions {
  /** The most appends without an answer. */
  readonly windowAppends?: number;
  /** The most bytes without an answer. */
  readonly windowBytes?: number;
  /** How long the oldest append may wait, with all tries, since the answer to the one before it. */
  readonly timeoutMs?: number;
  /**
   * What to do with an append that may be in the log or not: `stop` ends the session, `resend`
   * sends it again, so that it may stand in the log more than once.
   */
  readonly onUnknown?: "stop" | "resend";
  readonly signal?: AbortSignal;
}

export class AppendSession {
  readonly #addresses: Addresses;
  readonly #queue: PendingQueue;
  readonly #timeoutMs: number;
  readonly #resend: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #over: Promise<void>;
  #stream: SessionStream | undefined;
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
    this.#resend = options.onUnknown === "resend";
    this.#signal = options.signal;
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    this.#over = this.#run();
  }

  /** How many appends have no answer yet. */
  get pendingCount(): number {
    return this.#queue.size;
  }

  /**
   * Appends entries, all of them or none, behind everything given before. Resolves once they are
   * durable. Rejects with a SuraftError; one of kind `unknown_outcome` means that they may be in the
   * log or not, any other that they are certainly not. After the first failure the session is over.
   * Throws `overloaded` if the window is full: wait for {@link room}.
   */
  append(entries: readonly NewEntry[]): Promise<Appended> {
    if (this.#failure !== undefined || this.#closing) {
      const reason = this.#failure?.message ?? "it was closed";
      return Promise.reject(new SuraftError("unavailable", `the session is over: ${reason}`));
    }
    if (this.#queue.full) {
      throw new SuraftError("overloaded", "the session's window is full");
    }
    const pending = new PendingAppend(entries);
    this.#queue.push(pending);
    this.#stream?.send(pending);
    this.#watchDeadline();
    this.#changed();
    return pending.answer;
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

  async #run(): Promise<void> {
    const backOff = new BackOff();
    while (await this.#hasWork()) {
      const first = this.#queue.first;
      const beganMs = performance.now();
      const error = await this.#liveThroughStream();
      const tookMs = performance.now() - beganMs;
      if (first !== this.#queue.first) {
        backOff.reset();
      }
      if (this.#signal?.aborted === true) {
        this.#fail(new SuraftError("cancelled", "the append was given up before it was sent"));
      } else if (this.#queue.first !== undefined) {
        await this.#settle(this.#queue.first, backOff, { error, tookMs });
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

  /** Opens a stream, sends what waits and what comes, until the stream is over. */
  async #liveThroughStream(): Promise<SuraftError | undefined> {
    const connection = this.#addresses.current();
    let error: SuraftError | undefined;
    try {
      await connection.ready(this.#bounds());
      this.#stream = new SessionStream(connection, this.#queue, {
        progressed: () => {
          this.#finishWhenDone();
          this.#changed();
        },
      });
      for (const pending of this.#queue) {
        this.#stream.send(pending);
      }
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
    { error, tookMs }: { readonly error: SuraftError | undefined; readonly tookMs: number },
  ): Promise<void> {
    for (const { failure } of this.#queue) {
      const again = failure?.kind === "unknown_outcome" ? this.#resend : isRetryable(failure);
      if (failure !== undefined && !again) {
        this.#fail(failure);
        return;
      }
    }
    const cause = first.failure ?? error;
    // A try that would take as long as this one is not begun: cut off, its outcome were unknown.
    const inTime = tookMs < remainingMs(this.#bounds());
    if (!inTime || !(await backOff.pause(this.#bounds(), cause?.retryDelayMs))) {
      const failure = cause ?? new SuraftError("unavailable", "no node took the append in time");
      this.#fail(this.#addresses.conclusion(failure));
      return;
    }
    for (const pending of this.#queue) {
      pending.maybeInLog ||= pending.failure?.kind === "unknown_outcome";
      pending.failure = undefined;
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
      pending.fail(pending.failure ?? unsent);
    }
    this.#changed();
  }

  /** When the oldest append has waited too long. */
  #endMs(): number {
    return this.#queue.progressMs + this.#timeoutMs;
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
    const waitMs = Math.max(0, this.#endMs() - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#queue.size > 0 && this.#endMs() <= performance.now()) {
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
