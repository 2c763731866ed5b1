/**
 * From calls to handlers: decodes requests (refusing what is malformed or unknown), encodes
 * responses, and turns whatever a handler throws into the call's end.
 */

import type { DescMethod } from "@bufbuild/protobuf";
import type { GenServiceMethods } from "@bufbuild/protobuf/codegenv2";

import { SuraftError } from "../errors.js";
import type { Admittance } from "./admission.js";
import type {
  Admittances,
  BidiCall,
  BidiHandler,
  BidiListener,
  ClientStreamHandler,
  Handlers,
  ServerStreamHandler,
  UnaryHandler,
} from "./handlers.js";
import { RequestStream } from "./request-stream.js";
import type { CallListener, ServerCall } from "./server-call.js";
import {
  decodeRequest,
  encoder,
  methodPath,
  type RawMessages,
  type RawMethods,
  type Service,
} from "./service-definition.js";

/** Where the calls of a method go. */
export interface Route {
  readonly begin: (call: ServerCall) => void;
  /** Undefined: every call begins as it comes. */
  readonly admittance: Admittance | undefined;
}

/** The routes of a service's methods, by their paths. */
export function routesOf<M extends GenServiceMethods, R extends RawMethods<M>>(
  service: Service<M, R>,
  handlers: Handlers<M, R>,
  admittances: Admittances<M>,
): ReadonlyMap<string, Route> {
  const methods: DescMethod[] = service.descriptor.methods;
  return new Map(
    methods.map((method) => {
      const raw: RawMessages = service.raw[method.localName] ?? {};
      const codec = {
        decode: (bytes: Buffer) =>
          raw.request === true ? bytes : decodeRequest(method.input, bytes),
        encode: encoder(method.output, raw.response === true),
      };
      const begin = beginner(method, codec, handlers[method.localName]);
      return [methodPath(method), { begin, admittance: admittances[method.localName] }];
    }),
  );
}

interface Codec {
  decode(bytes: Buffer): unknown;
  encode(value: unknown): Buffer;
}

/** The types of `handlers` hold that a method's handler is of its kind. */
function beginner(method: DescMethod, codec: Codec, handler: unknown): Route["begin"] {
  switch (method.methodKind) {
    case "unary":
      return (call) =>
        call.begin(new UnaryListener(call, codec, handler as UnaryHandler<unknown, unknown>));
    case "server_streaming":
      return (call) =>
        call.begin(
          new ServerStreamListener(call, codec, handler as ServerStreamHandler<unknown, unknown>),
        );
    case "bidi_streaming":
      return (call) => {
        const stream = new Bidi(call, codec);
        const listener = (handler as BidiHandler<unknown, unknown>)(stream);
        call.begin(new BidiAdapter(call, codec, listener));
      };
    case "client_streaming":
      return (call) =>
        new RequestStream(call, codec).begin(handler as ClientStreamHandler<unknown, unknown>);
  }
}

/** Collects the one request of a call that sends only one. */
abstract class OneRequestListener implements CallListener {
  #request: Buffer | undefined;
  protected readonly call: ServerCall;
  protected readonly codec: Codec;

  constructor(call: ServerCall, codec: Codec) {
    this.call = call;
    this.codec = codec;
  }

  message(bytes: Buffer): void {
    if (this.#request !== undefined) {
      this.call.pause();
      throw new SuraftError("not_served", "the method takes one request, and a second came");
    }
    this.#request = bytes;
  }

  halfClosed(): void {
    if (this.#request === undefined) {
      throw new SuraftError("not_served", "the method takes one request, and none came");
    }
    const request = this.codec.decode(this.#request);
    this.#request = undefined;
    this.answer(request).then(
      () => this.call.end(),
      (error: unknown) => this.call.end(error),
    );
  }

  refused(error: SuraftError): void {
    this.call.end(error);
  }

  abstract stopping(error: SuraftError): void;

  closed(): void {}

  protected abstract answer(request: unknown): Promise<void>;
}

class UnaryListener extends OneRequestListener {
  readonly #handler: UnaryHandler<unknown, unknown>;

  constructor(call: ServerCall, codec: Codec, handler: UnaryHandler<unknown, unknown>) {
    super(call, codec);
    this.#handler = handler;
  }

  /** A single answer is worth waiting for: the server waits, within its bound. */
  stopping(): void {}

  protected async answer(request: unknown): Promise<void> {
    this.call.write(this.codec.encode(await this.#handler(request, this.call)));
  }
}

class ServerStreamListener extends OneRequestListener {
  readonly #handler: ServerStreamHandler<unknown, unknown>;

  constructor(call: ServerCall, codec: Codec, handler: ServerStreamHandler<unknown, unknown>) {
    super(call, codec);
    this.#handler = handler;
  }

  stopping(error: SuraftError): void {
    this.call.abort(error);
  }

  protected answer(request: unknown): Promise<void> {
    return this.#handler(request, new Bidi(this.call, this.codec), this.call);
  }
}

/** A call's typed face. */
class Bidi implements BidiCall<unknown> {
  readonly #call: ServerCall;
  readonly #codec: Codec;

  constructor(call: ServerCall, codec: Codec) {
    this.#call = call;
    this.#codec = codec;
  }

  get peer(): string {
    return this.#call.peer;
  }

  get deadlineMs(): number {
    return this.#call.deadlineMs;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get bufferedBytes(): number {
    return this.#call.bufferedBytes;
  }

  write(response: unknown): void {
    this.#call.write(this.#codec.encode(response));
  }

  drained(belowBytes: number): Promise<void> {
    return this.#call.drained(belowBytes);
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  end(error?: unknown): void {
    this.#call.end(error);
  }
}

/** Decodes for a listener, and answers for it where it does not care to. */
class BidiAdapter implements CallListener {
  readonly #call: ServerCall;
  readonly #codec: Codec;
  readonly #listener: BidiListener<unknown>;

  constructor(call: ServerCall, codec: Codec, listener: BidiListener<unknown>) {
    this.#call = call;
    this.#codec = codec;
    this.#listener = listener;
  }

  message(bytes: Buffer): void {
    let request: unknown;
    try {
      request = this.#codec.decode(bytes);
    } catch (error) {
      this.#call.pause();
      if (!(error instanceof SuraftError)) {
        throw error;
      }
      this.refused(error);
      return;
    }
    this.#listener.message(request);
  }

  halfClosed(): void {
    this.#listener.halfClosed();
  }

  refused(error: SuraftError): void {
    if (this.#listener.refused === undefined) {
      this.#call.end(error);
    } else {
      this.#listener.refused(error);
    }
  }

  stopping(error: SuraftError): void {
    if (this.#listener.stopping === undefined) {
      this.#call.end(error);
    } else {
      this.#listener.stopping(error);
    }
  }

  closed(error: SuraftError | undefined): void {
    this.#listener.closed(error);
  }
}
