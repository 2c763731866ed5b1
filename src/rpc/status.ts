/**
 * Errors on the wire: a SuraftError is a google.rpc.Status with a google.rpc.ErrorInfo of the domain
 * `suraft.dev`, in the trailer `grpc-status-details-bin`; and back.
 *
 * An error that carries that ErrorInfo was sent by a suraft server and means what it says. A *bare*
 * error comes from gRPC, a proxy or a broken connection; what became of the call, only the caller
 * can say, by {@link BareError}.
 */

import { Metadata, status as grpcStatus, type StatusObject } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, type Any } from "@bufbuild/protobuf/wkt";

import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema, type Status } from "../../gen/google/rpc/status_pb.js";
import { SuraftError, type ErrorKind } from "../errors.js";

/** The domain of every ErrorInfo. */
export const errorDomain = "suraft.dev";

const detailsKey = "grpc-status-details-bin";

/**
 * Trailers must fit into HTTP/2's header limits, which some clients set at 8 KiB. The message stands
 * there twice: with three characters for a byte, and with four for three.
 */
const messageBytesMax = 1_000;

/** How long an overloaded server asks to wait where the error does not say. */
const retryDelayDefaultMs = 100;

/** The gRPC code of each kind. */
const codes: Readonly<Record<ErrorKind, number>> = {
  invalid: grpcStatus.INVALID_ARGUMENT,
  not_served: grpcStatus.UNIMPLEMENTED,
  conflict: grpcStatus.ABORTED,
  producer_expired: grpcStatus.FAILED_PRECONDITION,
  out_of_range: grpcStatus.OUT_OF_RANGE,
  not_leader: grpcStatus.FAILED_PRECONDITION,
  unavailable: grpcStatus.UNAVAILABLE,
  overloaded: grpcStatus.RESOURCE_EXHAUSTED,
  unknown_outcome: grpcStatus.UNKNOWN,
  unauthenticated: grpcStatus.UNAUTHENTICATED,
  forbidden: grpcStatus.PERMISSION_DENIED,
  corrupt: grpcStatus.DATA_LOSS,
  cancelled: grpcStatus.CANCELLED,
  deadline_exceeded: grpcStatus.DEADLINE_EXCEEDED,
};

const kindsByReason: ReadonlyMap<string, ErrorKind> = new Map(
  (Object.keys(codes) as ErrorKind[]).map((kind) => [kind.toUpperCase(), kind]),
);

const kindsByCode: ReadonlyMap<number, ErrorKind> = new Map(
  (Object.keys(codes) as ErrorKind[]).map((kind) => [codes[kind], kind]),
);

/** The gRPC code that an error of this kind is sent with. */
export function codeOf(kind: ErrorKind): number {
  return codes[kind];
}

/** An error as a google.rpc.Status, as it also stands in an AppendFailure. */
export function toStatus(error: SuraftError): Status {
  const details: Any[] = [
    anyPack(
      ErrorInfoSchema,
      create(ErrorInfoSchema, {
        reason: error.kind.toUpperCase(),
        domain: errorDomain,
        metadata: { ...error.details },
      }),
    ),
  ];
  if (error.kind === "overloaded" || error.retryDelayMs !== undefined) {
    const delayMs = error.retryDelayMs ?? retryDelayDefaultMs;
    const seconds = Math.floor(delayMs / 1000);
    const nanos = Math.round((delayMs - seconds * 1000) * 1_000_000);
    const retryDelay = { seconds: BigInt(seconds), nanos };
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  return create(StatusSchema, {
    code: codes[error.kind],
    message: sendable(error.message),
    details,
  });
}

/** An error that ends many calls is encoded once. */
const statusObjects = new WeakMap<SuraftError, StatusObject>();

/** What a server ends a call with. */
export function toStatusObject(error: SuraftError): StatusObject {
  let object = statusObjects.get(error);
  if (object === undefined) {
    object = statusObject(toStatus(error));
    statusObjects.set(error, object);
  }
  return object;
}

/** What a server ends a call with after a fault of its own. Says nothing of what went wrong. */
export function internalStatusObject(): StatusObject {
  const info = create(ErrorInfoSchema, { reason: "INTERNAL", domain: errorDomain });
  return statusObject(
    create(StatusSchema, {
      code: grpcStatus.INTERNAL,
      message: "internal error; the server's log says more",
      details: [anyPack(ErrorInfoSchema, info)],
    }),
  );
}

function statusObject(status: Status): StatusObject {
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(toBinary(StatusSchema, status)));
  return { code: status.code, details: status.message, metadata };
}

/** grpc-js throws on lone surrogates, and headers have a limit. */
function sendable(message: string): string {
  // No character takes less than a byte: the rest would be cut off anyway.
  const bytes = Buffer.from(message.slice(0, messageBytesMax + 1));
  if (bytes.length <= messageBytesMax) return bytes.toString();
  // A character that is cut in two becomes a replacement, which goes.
  return `${bytes.toString("utf8", 0, messageBytesMax - 3).replace(/\ufffd$/, "")}…`;
}

/** How to read an error that no suraft server vouches for. */
export interface BareError {
  /**
   * What the call may have done before its answer was lost: `unavailable` for a call that changes
   * nothing or was certainly not sent, `unknown_outcome` for an append.
   */
  readonly lost: "unavailable" | "unknown_outcome";
}

/** The error in a google.rpc.Status, such as an AppendFailure's. */
export function fromStatus(status: Status, bare: BareError): SuraftError {
  let kind: ErrorKind | undefined;
  let details: Readonly<Record<string, string>> = {};
  let retryDelayMs: number | undefined;
  for (const any of status.details) {
    const info = unpack(any, ErrorInfoSchema);
    if (info?.domain === errorDomain) {
      kind = kindsByReason.get(info.reason);
      details = info.metadata;
    }
    const delay = unpack(any, RetryInfoSchema)?.retryDelay;
    if (delay !== undefined) {
      const delayMs = Number(delay.seconds) * 1000 + delay.nanos / 1_000_000;
      // One that is no time to wait says nothing.
      if (delayMs >= 0 && delayMs <= Number.MAX_SAFE_INTEGER) retryDelayMs = delayMs;
    }
  }
  const { code, message } = status;
  return new SuraftError(kind ?? bareKind(code, message, bare), saying(message, code), {
    details,
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
  });
}

function unpack<S extends typeof ErrorInfoSchema | typeof RetryInfoSchema>(any: Any, schema: S) {
  try {
    return anyUnpack<S>(any, schema);
  } catch {
    return undefined;
  }
}

/**
 * The error that a grpc-js call ended with, whoever made it. A SuraftError comes back as it is.
 */
export function fromServiceError(error: unknown, bare: BareError): SuraftError {
  if (error instanceof SuraftError) {
    return error;
  }
  if (!isStatusObject(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return new SuraftError(bare.lost, message, { cause: error });
  }
  const status = statusDetails(error);
  if (status !== undefined) {
    return fromStatus(status, bare);
  }
  const kind = bareKind(error.code, error.details, bare);
  return new SuraftError(kind, saying(error.details, error.code), { cause: error });
}

/** What a server said, or that it said nothing. */
function saying(message: string, code: number): string {
  return message === "" ? `${grpcStatus[code] ?? `code ${code}`}, and no word of why` : message;
}

function isStatusObject(error: unknown): error is StatusObject {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "number" &&
    "details" in error &&
    typeof error.details === "string"
  );
}

function statusDetails(error: StatusObject): Status | undefined {
  const [bytes] = error.metadata?.get(detailsKey) ?? [];
  if (!(bytes instanceof Uint8Array)) {
    return undefined;
  }
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}

/**
 * grpc-js's words for a call that never left the process, or that the server's HTTP/2 refused before any
 * application saw it, as it does when it stops.
 */
const neverSent =
  /^(No connection established|Name resolution failed|Channel closed before call started|Stream refused by server)/;

function bareKind(code: number, message: string, bare: BareError): ErrorKind {
  switch (code) {
    case grpcStatus.UNAVAILABLE:
      return neverSent.test(message) ? "unavailable" : bare.lost;
    // Sent by whoever stands in between, or by grpc-js itself: the call may have done its work.
    case grpcStatus.OK:
    case grpcStatus.UNKNOWN:
    case grpcStatus.INTERNAL:
    case grpcStatus.ABORTED:
    case grpcStatus.DATA_LOSS:
    case grpcStatus.NOT_FOUND:
    case grpcStatus.ALREADY_EXISTS:
    case grpcStatus.FAILED_PRECONDITION:
      return bare.lost;
    case grpcStatus.RESOURCE_EXHAUSTED:
      return bare.lost === "unavailable" ? "overloaded" : bare.lost;
    default:
      return kindsByCode.get(code) ?? bare.lost;
  }
}
