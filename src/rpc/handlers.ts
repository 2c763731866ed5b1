/** What a service is made of: a handler for each method, typed by the service's descriptor. */

import type { GenServiceMethods } from "@bufbuild/protobuf/codegenv2";

import type { SuraftError } from "../errors.js";
import type { Admittance } from "./admission.js";
import type { CallContext } from "./server-call.js";
import type { ReceivedRequest, SentResponse } from "./service-definition.js";

/** Answers one request. */
export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response>;

/** Answers one request with many responses; the call ends when the promise does. */
export type ServerStreamHandler<Request, Response> = (
  request: Request,
  responses: Responses<Response>,
  context: CallContext,
) => Promise<void>;

/**
 * Answers many requests with one response. A request is taken from the transport when it is asked for;
 * the iterator throws a SuraftError where one cannot be read, or the call is over.
 */
export type ClientStreamHandler<Request, Response> = (
  requests: AsyncIterableIterator<Request, undefined>,
  context: CallContext,
) => Promise<Response>;

/** Begins a call with messages both ways and says who listens. */
export type BidiHandler<Request, Response> = (call: BidiCall<Response>) => BidiListener<Request>;

/** Where a handler's responses go. */
export interface Responses<Response> {
  /** Bytes written that the transport has not taken yet. */
  readonly bufferedBytes: number;
  /** Never waits. After the call's end it does nothing. */
  write(response: Response): void;
  /** Resolves once less than `belowBytes` is buffered; rejects with the signal's reason. */
  drained(belowBytes: number): Promise<void>;
}

/** A call with messages both ways. */
export interface BidiCall<Response> extends CallContext, Responses<Response> {
  /** Asks for no more requests; one may still come. */
  pause(): void;
  resume(): void;
  /** Ends the call, by an error or well, behind the responses written before. */
  end(error?: unknown): void;
}

/** Hears a {@link BidiCall}. What a method throws ends the call. */
export interface BidiListener<Request> {
  message(request: Request): void;
  /** The client sends no more. */
  halfClosed(): void;
  /** A request that cannot be read; none follows. Without this the call ends with the error. */
  refused?(error: SuraftError): void;
  /** The server stops. Without this the call ends with the error. */
  stopping?(error: SuraftError): void;
  /** The call is over, by an error unless this side ended it. The last that is heard. */
  closed(error: SuraftError | undefined): void;
}

type Handler<M extends GenServiceMethods, R, K extends keyof M> = M[K]["methodKind"] extends "unary"
  ? UnaryHandler<ReceivedRequest<M, R, K>, SentResponse<M, R, K>>
  : M[K]["methodKind"] extends "server_streaming"
    ? ServerStreamHandler<ReceivedRequest<M, R, K>, SentResponse<M, R, K>>
    : M[K]["methodKind"] extends "client_streaming"
      ? ClientStreamHandler<ReceivedRequest<M, R, K>, SentResponse<M, R, K>>
      : M[K]["methodKind"] extends "bidi_streaming"
        ? BidiHandler<ReceivedRequest<M, R, K>, SentResponse<M, R, K>>
        : never;

/** For methods of a service that may be overloaded: which calls begin. */
export type Admittances<M extends GenServiceMethods> = {
  readonly [K in keyof M]?: Admittance;
};

/** A handler for each method of a service. */
export type Handlers<M extends GenServiceMethods, R> = {
  readonly [K in keyof M]: Handler<M, R, K>;
};
