/**
 * One HTTP request, sent once, and what certainly can be said of it.
 *
 * Invariant: a request that failed with `sent: false` put no byte on any connection, and never will.
 * Invariant: a reply is whole: a body shorter than promised, or larger than allowed, is a failure.
 *
 * undici's dispatch and not its request(): a third of the cost, no streams to drain, and it says when
 * a request is put on a connection. Each request has a connection of its own while it runs, so
 * ending one disturbs no other.
 */

import type { Dispatcher } from "undici";

import { onAborted, reasonText } from "./abort.js";
import type { StoreErrorKind } from "./store.js";

/** A reply of another status than asked for says why in so many bytes. */
export const errorBytesMax = 64 * 1024;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** A longer reply is a failure. */
  readonly replyBytesMax: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly type: "reply";
  readonly status: number;
  /** Names in lower case. A header that came twice is joined by ", ". */
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

export interface HttpFailure {
  readonly type: "failed";
  /** Whether the server may have got it. */
  readonly sent: boolean;
  /** What it is to who wants to read. */
  readonly kind: StoreErrorKind;
  readonly cause: string;
}

export type HttpOutcome = HttpReply | HttpFailure;

/** Sends a request and waits for its whole reply, or for its end. Never throws. */
export function sendRequest(pool: Dispatcher, request: HttpRequest): Promise<HttpOutcome> {
  const exchange = new Exchange(request);
  if (request.signal.aborted) return exchange.outcome;
  const { method, path, headers, body } = request;
  try {
    pool.dispatch({ method, path, headers, body: body ?? null }, exchange);
  } catch (error) {
    exchange.fail(error);
  }
  return exchange.outcome;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<HttpOutcome>;
  readonly #request: HttpRequest;
  readonly #settle: (outcome: HttpOutcome) => void;
  readonly #onAbort = () => this.fail(this.#request.signal.reason);
  #controller: Dispatcher.DispatchController | undefined;
  #failure: Error | undefined;
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(request: HttpRequest) {
    this.#request = request;
    let settle: (outcome: HttpOutcome) => void = () => undefined;
    this.outcome = new Promise((fulfil) => {
      settle = fulfil;
    });
    this.#settle = settle;
    onAborted(request.signal, this.#onAbort);
    if (request.signal.aborted) this.#onAbort();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited for a connection: it was not sent, and now it will not be. Thrown, as
    // the controller's abort would close the connection, which the next in line can use.
    if (this.#failure !== undefined) throw this.#failure;
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    const { replyBytesMax } = this.#request;
    const sizeMax = this.#status < 300 ? replyBytesMax : Math.min(replyBytesMax, errorBytesMax);
    if (this.#size <= sizeMax) this.#chunks.push(chunk);
    else this.fail(new Error(`a reply of more than ${sizeMax} bytes, HTTP ${this.#status}`));
  }

  onResponseEnd(): void {
    const headers = this.#headers;
    this.#end({
      type: "reply",
      status: this.#status,
      header: (name) => joinHeader(headers[name]),
      body: this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(reason: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason instanceof Error ? reason : new Error(String(reason));
    this.#end({
      type: "failed",
      sent: this.#controller !== undefined,
      kind: "unavailable",
      cause: failureText(this.#failure),
    });
    this.#controller?.abort(this.#failure);
  }

  #end(outcome: HttpOutcome): void {
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#settle(outcome);
  }
}

function joinHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

function failureText(error: Error): string {
  // A name with several addresses fails with one error for each.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(reasonText).join("; ");
  }
  return error.message === "" ? error.name : error.message;
}
