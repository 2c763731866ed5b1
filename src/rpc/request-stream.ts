/**
 * The requests of a call that sends many and gets one answer, taken as they are asked for.
 *
 * Invariant: at most two requests are held that the handler has not asked for yet.
 */

import { SuraftError } from "../errors.js";
import type { ClientStreamHandler } from "./handlers.js";
import type { CallListener, ServerCall } from "./server-call.js";

interface Codec {
  decode(bytes: Buffer): unknown;
  encode(value: unknown): Buffer;
}

/** How the requests end: all came, or the call is over or cannot be read. */
type End = { readonly type: "complete" } | { readonly type: "failed"; readonly error: SuraftError };

interface Waiter {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

export class RequestStream implements CallListener, AsyncIterableIterator<unknown, undefined> {
  readonly #call: ServerCall;
  readonly #codec: Codec;
  #held: Buffer[] = [];
  #end: End | undefined;
  #waiter: Waiter | undefined;

  constructor(call: ServerCall, codec: Codec) {
    this.#call = call;
    this.#codec = codec;
  }

  /** Begins the call, which ends as the handler does. */
  begin(handler: ClientStreamHandler<unknown, unknown>): void {
    const call = this.#call;
    call.begin(this);
    handler(this, call).then(
      (response) => {
        call.write(this.#codec.encode(response));
        call.end();
      },
      (error: unknown) => call.end(error),
    );
  }

  /** One at a time. Throws a SuraftError: what is wrong with the request, or why the call is over. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#serve();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  message(bytes: Buffer): void {
    this.#call.pause();
    this.#held.push(bytes);
    this.#serve();
  }

  halfClosed(): void {
    this.#finish({ type: "complete" });
  }

  refused(error: SuraftError): void {
    this.#finish({ type: "failed", error });
  }

  stopping(error: SuraftError): void {
    this.#call.abort(error);
    this.closed(error);
  }

  closed(error: SuraftError | undefined): void {
    if (error !== undefined) this.#held = [];
    this.#finish(error === undefined ? { type: "complete" } : { type: "failed", error });
  }

  #finish(end: End): void {
    if (this.#end?.type !== "failed") this.#end = end;
    this.#serve();
  }

  #serve(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    const bytes = this.#held.shift();
    if (bytes === undefined && this.#end === undefined) return;
    this.#waiter = undefined;
    if (bytes === undefined) return settle(waiter, this.#end);
    if (this.#held.length === 0) this.#call.resume();
    try {
      waiter.resolve({ done: false, value: this.#codec.decode(bytes) });
    } catch (error) {
      waiter.reject(error);
    }
  }
}

function settle({ resolve, reject }: Waiter, end: End | undefined): void {
  if (end?.type === "failed") reject(end.error);
  else resolve({ done: true, value: undefined });
}
