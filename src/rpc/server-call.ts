/**
 * One call at the server, below grpc-js's streams: bytes in, one message at a time and only when
 * asked for; bytes out, counted until the transport took them; one end.
 *
 * grpc-js's own streams read 16 messages ahead and buffer 16 more, whatever their size, and answer
 * the transport's errors without details; this stands directly on its interceptor interface.
 *
 * Invariant: after `closed` the listener hears nothing more, and writes go nowhere.
 * Invariant: a call ends once.
 */

import { status as grpcStatus, type ServerInterceptingCallInterface } from "@grpc/grpc-js";

import { SuraftError } from "../errors.js";
import { messageSender, type MessageSender } from "./message-sender.js";
import { internalStatusObject, toStatusObject } from "./status.js";
import { explainTransportStatus, type TransportStatus } from "./transport-status.js";

/** What a handler hears of its call. */
export interface CallListener {
  /** The next message. After `pause` at most one more comes. */
  message(bytes: Buffer): void;
  /** The client sends no more. */
  halfClosed(): void;
  /** What the client sent cannot be read, so no message follows; the call can still be answered. */
  refused(error: SuraftError): void;
  /** The server stops: finish soon. */
  stopping(error: SuraftError): void;
  /** The call is over, by the handler's end, by the client, or by its deadline: says the error. */
  closed(error: SuraftError | undefined): void;
}

/** What a call needs of its server. */
export interface CallHost {
  readonly path: string;
  /** Reports an exception that no handler should have let through. */
  defect(error: unknown): void;
  /** The call is over. */
  closed(call: ServerCall): void;
}

/** What handlers may know of their call. */
export interface CallContext {
  /** The client's address, for logs. */
  readonly peer: string;
  /** When the client gives up: milliseconds since 1970, Infinity without a deadline. */
  readonly deadlineMs: number;
  /**
   * Aborted with a SuraftError when the call is over before it was answered: `cancelled`,
   * `deadline_exceeded`, or `unavailable` as the server stops.
   */
  readonly signal: AbortSignal;
}

/** One call. */
export class ServerCall implements CallContext {
  readonly #base: ServerInterceptingCallInterface;
  readonly #host: CallHost;
  readonly #sendStatus: (status: TransportStatus) => void;
  readonly #sendMessage: MessageSender;
  #listener: CallListener | undefined;
  #controller: AbortController | undefined;
  #reading = true;
  #readPending = false;
  #halfClosed = false;
  #refused = false;
  #pumping = false;
  #ended = false;
  #closed = false;
  #abortError: SuraftError | undefined;
  #bufferedBytes = 0;
  #drain: Drain | undefined;

  constructor(base: ServerInterceptingCallInterface, host: CallHost) {
    this.#base = base;
    this.#host = host;
    this.#sendStatus = base.sendStatus.bind(base);
    this.#sendMessage = messageSender(base);
    // What grpc-js itself ends the call with (a deadline, a message over the limit) comes by here.
    base.sendStatus = (status) => this.#endedByTransport(status);
  }

  get peer(): string {
    return this.#base.getPeer();
  }

  get deadlineMs(): number {
    return Number(this.#base.getDeadline());
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortError !== undefined) {
        this.#controller.abort(this.#abortError);
      }
    }
    return this.#controller.signal;
  }

  /** How many bytes were written that the transport has not taken yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** How many bytes came that were not read yet, as far as grpc-js lets one know. */
  get unreadBytes(): number {
    const { stream } = this.#base as { readonly stream?: { readonly readableLength?: number } };
    return stream?.readableLength ?? 0;
  }

  /** Begins to read. Once. */
  begin(listener: CallListener): void {
    this.#listener = listener;
    this.#base.start({
      onReceiveMetadata: () => this.#pump(),
      onReceiveMessage: (bytes: Buffer) => {
        this.#readPending = false;
        this.#deliver(bytes);
        this.#pump();
      },
      onReceiveHalfClose: () => {
        this.#readPending = false;
        this.#halfClosed = true;
        this.#tell(() => listener.halfClosed());
      },
      onCancel: () => this.#close(this.#reasonToClose()),
    });
  }

  /** Takes no further message from the transport, which slows the client in the end. */
  pause(): void {
    this.#reading = false;
  }

  resume(): void {
    this.#reading = true;
    this.#pump();
  }

  /**
   * Sends a message, whose bytes must not change any more. Never waits: whoever writes much looks at
   * `bufferedBytes`.
   */
  write(bytes: Buffer): void {
    if (this.#ended || this.#closed) {
      return;
    }
    this.#bufferedBytes += bytes.length;
    this.#sendMessage(bytes, () => {
      this.#bufferedBytes = Math.max(0, this.#bufferedBytes - bytes.length);
      this.#settleDrain();
    });
  }

  /**
   * Resolves once less than `belowBytes` is buffered. Rejects with the signal's reason when the
   * call is over or the server stops. One at a time.
   */
  drained(belowBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#drain = { belowBytes, resolve, reject };
      this.#settleDrain();
    });
  }

  /** Aborts the signal: the handler shall end the call. */
  abort(error: SuraftError): void {
    this.#abortError ??= error;
    this.#controller?.abort(this.#abortError);
    this.#settleDrain();
  }

  /** Ends the call, by an error or, without one, well. What was written before is sent before. */
  end(error?: unknown): void {
    if (this.#ended || this.#closed) {
      return;
    }
    this.#ended = true;
    if (error === undefined) {
      this.#sendStatus({ code: grpcStatus.OK, details: "OK", metadata: null });
    } else if (error instanceof SuraftError) {
      this.#sendStatus(toStatusObject(error));
    } else {
      this.#host.defect(error);
      this.#sendStatus(internalStatusObject());
    }
  }

  /** The server stops: asks the handler to finish. */
  stop(error: SuraftError): void {
    if (!this.#ended) {
      this.#tell((listener) => listener.stopping(error));
    }
  }

  /** The server waits no longer. The handler may still answer in this turn; then the call ends. */
  abandon(error: SuraftError): void {
    if (!this.#ended) {
      this.abort(error);
      setImmediate(() => this.end(new SuraftError("unknown_outcome", error.message)));
    }
  }

  /** Asks for messages, one by one. A loop, so that a full queue does not become a deep stack. */
  #pump(): void {
    if (this.#pumping) {
      return;
    }
    this.#pumping = true;
    while (this.#reading && !this.#readPending && !this.#halfClosed && !this.#ended) {
      this.#readPending = true;
      this.#base.startRead();
    }
    this.#pumping = false;
  }

  /** As `#tell`, without a closure for each message. */
  #deliver(bytes: Buffer): void {
    if (this.#closed || this.#listener === undefined) {
      return;
    }
    try {
      this.#listener.message(bytes);
    } catch (error) {
      this.end(error);
    }
  }

  /** A listener's exception must not reach grpc-js, which would leave the call open for ever. */
  #tell(say: (listener: CallListener) => void): void {
    if (this.#closed || this.#listener === undefined) {
      return;
    }
    try {
      say(this.#listener);
    } catch (error) {
      this.end(error);
    }
  }

  #endedByTransport(status: TransportStatus): void {
    const error = explainTransportStatus(status);
    if (error === undefined) {
      this.#ended = true;
      this.#sendStatus(status);
    } else if (error.kind === "deadline_exceeded") {
      this.end(error);
      this.#close(error);
    } else if (!this.#refused) {
      this.#refused = true;
      this.#tell((listener) => listener.refused(error));
    }
  }

  #reasonToClose(): SuraftError | undefined {
    if (this.#ended) {
      return undefined;
    }
    return Date.now() >= this.deadlineMs
      ? new SuraftError("deadline_exceeded", "the call's deadline has passed")
      : new SuraftError("cancelled", "the client cancelled the call or its connection broke");
  }

  #close(error: SuraftError | undefined): void {
    if (this.#closed) {
      return;
    }
    this.#tell((listener) => listener.closed(error));
    this.#closed = true;
    this.#ended = true;
    this.#listener = undefined;
    this.#bufferedBytes = 0;
    if (error !== undefined) {
      this.abort(error);
    }
    this.#settleDrain();
    this.#host.closed(this);
  }

  #settleDrain(): void {
    const drain = this.#drain;
    if (drain === undefined) {
      return;
    }
    if (this.#abortError !== undefined) {
      this.#drain = undefined;
      drain.reject(this.#abortError);
    } else if (this.#bufferedBytes < drain.belowBytes) {
      this.#drain = undefined;
      drain.resolve();
    }
  }
}

interface Drain {
  readonly belowBytes: number;
  readonly resolve: () => void;
  readonly reject: (error: SuraftError) => void;
}
