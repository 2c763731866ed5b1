/**
 * The client's half: one connection, and typed calls of any service over it.
 *
 * Invariant: a unary call rejects with a SuraftError only. Streams are grpc-js's own; their `error`
 * events are for {@link fromServiceError}.
 */

import {
  Client,
  credentials,
  Metadata,
  type CallOptions as GrpcCallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type MethodDefinition,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import type { GenServiceMethods } from "@bufbuild/protobuf/codegenv2";

import { sendAll, SourceFailure } from "./client-stream.js";
import { flowControlWindowBytesDefault } from "./connection-window.js";
import {
  grpcDefinition,
  type RawMethods,
  type ReceivedResponse,
  type SentRequest,
  type Service,
} from "./service-definition.js";
import { fromServiceError, type BareError } from "./status.js";

export interface ConnectionOptions {
  /** The greatest message that is received, in bytes. */
  readonly messageBytesMax?: number;
  readonly flowControlWindowBytes?: number;
  /** The longest pause between two tries to connect. */
  readonly reconnectDelayMaxMs?: number;
  /** How often an idle connection is proved alive; without it, only by calls. */
  readonly keepaliveMs?: number;
}

/** A connection to one server, opened at the first call and opened again when it breaks. */
export type Connection = Client;

/** Opens a connection to `host:port`, without encryption. `close()` ends it. */
export function openConnection(address: string, options: ConnectionOptions = {}): Connection {
  return new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": options.messageBytesMax ?? 64 * 1024 * 1024,
    "grpc.max_send_message_length": -1,
    "grpc-node.flow_control_window":
      options.flowControlWindowBytes ?? flowControlWindowBytesDefault,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": options.reconnectDelayMaxMs ?? 5_000,
    // A retry unseen by the caller could append twice.
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
    // Connections are shared by address within a process otherwise, with the first one's options.
    "grpc.use_local_subchannel_pool": 1,
    ...(options.keepaliveMs === undefined
      ? {}
      : {
          "grpc.keepalive_time_ms": options.keepaliveMs,
          "grpc.keepalive_timeout_ms": options.keepaliveMs,
          "grpc.keepalive_permit_without_calls": 1,
        }),
  });
}

export interface CallOptions {
  /** How long the caller waits. Without one: for ever. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Waits for a connection within the timeout, instead of failing at once where there is none. */
  readonly waitForReady?: boolean;
}

export interface UnaryOptions extends CallOptions {
  /** What the call may have done when its answer is lost. `unavailable`, if not said: nothing. */
  readonly lost?: BareError["lost"];
}

type ClientMethod<
  M extends GenServiceMethods,
  R,
  K extends keyof M,
> = M[K]["methodKind"] extends "unary"
  ? (request: SentRequest<M, R, K>, options?: UnaryOptions) => Promise<ReceivedResponse<M, R, K>>
  : M[K]["methodKind"] extends "server_streaming"
    ? (
        request: SentRequest<M, R, K>,
        options?: CallOptions,
      ) => ClientReadableStream<ReceivedResponse<M, R, K>>
    : M[K]["methodKind"] extends "client_streaming"
      ? (
          requests: AsyncIterable<SentRequest<M, R, K>>,
          options?: UnaryOptions,
        ) => Promise<ReceivedResponse<M, R, K>>
      : M[K]["methodKind"] extends "bidi_streaming"
        ? (
            options?: CallOptions,
          ) => ClientDuplexStream<SentRequest<M, R, K>, ReceivedResponse<M, R, K>>
        : never;

/** A service's methods, to be called. */
export type ServiceClient<M extends GenServiceMethods, R> = {
  readonly [K in keyof M]: ClientMethod<M, R, K>;
};

/** The calls of a service over a connection. */
export function serviceClient<M extends GenServiceMethods, R extends RawMethods<M>>(
  service: Service<M, R>,
  connection: Connection,
): ServiceClient<M, R> {
  const definition: ServiceDefinition = grpcDefinition(service);
  const methods = Object.entries(definition).map(([name, method]) => [
    name,
    clientMethod(connection, method),
  ]);
  return Object.fromEntries(methods) as ServiceClient<M, R>;
}

function clientMethod(connection: Connection, method: MethodDefinition<unknown, unknown>): unknown {
  const { path, requestSerialize, responseDeserialize } = method;
  if (method.requestStream && !method.responseStream) {
    return (requests: AsyncIterable<unknown>, options: UnaryOptions = {}) =>
      callClientStream(connection, method, requests, options);
  }
  if (method.requestStream) {
    return (options: CallOptions = {}) =>
      cancelledBy(
        options.signal,
        connection.makeBidiStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          metadataOf(options),
          grpcOptions(options),
        ),
      );
  }
  if (method.responseStream) {
    return (request: unknown, options: CallOptions = {}) =>
      cancelledBy(
        options.signal,
        connection.makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadataOf(options),
          grpcOptions(options),
        ),
      );
  }
  return (request: unknown, options: UnaryOptions = {}) =>
    callUnary(connection, method, request, options);
}

function callUnary(
  connection: Connection,
  method: MethodDefinition<unknown, unknown>,
  request: unknown,
  options: UnaryOptions,
): Promise<unknown> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const cancel = () => call.cancel();
    const call = connection.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(options),
      grpcOptions(options),
      (error, response) => {
        signal?.removeEventListener("abort", cancel);
        if (error === null) {
          resolve(response);
        } else {
          reject(fromServiceError(error, { lost: options.lost ?? "unavailable" }));
        }
      },
    );
    if (signal?.aborted === true) {
      cancel();
    } else {
      signal?.addEventListener("abort", cancel, { once: true });
    }
  });
}

/** What `requests` throws is thrown as it is; every other failure is a SuraftError. */
async function callClientStream(
  connection: Connection,
  method: MethodDefinition<unknown, unknown>,
  requests: AsyncIterable<unknown>,
  options: UnaryOptions,
): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = method;
  const metadata = metadataOf(options);
  const bounds = grpcOptions(options);
  try {
    return await sendAll(
      (answered) =>
        cancelledBy(
          options.signal,
          connection.makeClientStreamRequest(
            path,
            requestSerialize,
            responseDeserialize,
            metadata,
            bounds,
            answered,
          ),
        ),
      requests,
    );
  } catch (error) {
    if (error instanceof SourceFailure) throw error.cause;
    throw fromServiceError(error, { lost: options.lost ?? "unavailable" });
  }
}

function metadataOf(options: CallOptions): Metadata {
  return new Metadata({ waitForReady: options.waitForReady ?? false });
}

function grpcOptions(options: CallOptions): GrpcCallOptions {
  return options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
}

function cancelledBy<
  C extends
    | ClientReadableStream<unknown>
    | ClientWritableStream<unknown>
    | ClientDuplexStream<unknown, unknown>,
>(signal: AbortSignal | undefined, call: C): C {
  if (signal === undefined) {
    return call;
  }
  const cancel = () => call.cancel();
  if (signal.aborted) {
    cancel();
  } else {
    signal.addEventListener("abort", cancel, { once: true });
    call.once("status", () => signal.removeEventListener("abort", cancel));
  }
  return call;
}
