/**
 * A protobuf service as grpc-js wants it.
 *
 * Invariant: no codec that grpc-js calls ever throws. It would answer INTERNAL for the client's
 * mistake; so a server takes requests as bytes, and {@link decodeRequest} judges them where a
 * SuraftError can be sent.
 *
 * A method's request or response may be declared raw: then it stays bytes on both sides, for hot
 * paths that read or write the few fields they need themselves.
 */

import type { ServiceDefinition } from "@grpc/grpc-js";
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";

import { SuraftError } from "../errors.js";
import { checkWire } from "./wire-check.js";

/** Which messages of a method stay bytes. */
export interface RawMessages {
  readonly request?: true;
  readonly response?: true;
}

export type RawMethods<M> = { readonly [K in keyof M]?: RawMessages };

/** A service of the generated descriptors, and which of its messages stay bytes. */
export interface Service<M extends GenServiceMethods, R extends RawMethods<M>> {
  readonly descriptor: GenService<M>;
  readonly raw: R;
}

/** Declares a service; `raw` names the messages that stay bytes. */
export function defineService<M extends GenServiceMethods, const R extends RawMethods<M>>(
  descriptor: GenService<M>,
  raw: R,
): Service<M, R> {
  return { descriptor, raw };
}

type IsRaw<R, K extends PropertyKey, Part extends keyof RawMessages> = R extends {
  readonly [P in K]: { readonly [Q in Part]: true };
}
  ? true
  : false;

/** A method's request as the server receives it. */
export type ReceivedRequest<M extends GenServiceMethods, R, K extends keyof M> =
  IsRaw<R, K, "request"> extends true ? Buffer : MessageShape<M[K]["input"]>;

/** A method's request as the client sends it. */
export type SentRequest<M extends GenServiceMethods, R, K extends keyof M> =
  IsRaw<R, K, "request"> extends true ? Uint8Array : MessageInitShape<M[K]["input"]>;

/** A method's response as the server sends it. */
export type SentResponse<M extends GenServiceMethods, R, K extends keyof M> =
  IsRaw<R, K, "response"> extends true ? Uint8Array : MessageInitShape<M[K]["output"]>;

/** A method's response as the client receives it. */
export type ReceivedResponse<M extends GenServiceMethods, R, K extends keyof M> =
  IsRaw<R, K, "response"> extends true ? Buffer : MessageShape<M[K]["output"]>;

/** The path of a method on the wire, `/package.Service/Method`. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/**
 * What grpc-js's `Server.addService` and client constructors take. A server's handlers get and give
 * bytes, whatever is raw; a client's callers get and give messages except where raw.
 */
export function grpcDefinition<M extends GenServiceMethods, R extends RawMethods<M>>(
  service: Service<M, R>,
): ServiceDefinition {
  const methods: DescMethod[] = service.descriptor.methods;
  return Object.fromEntries(
    methods.map((method) => {
      const raw: RawMessages = service.raw[method.localName] ?? {};
      return [
        method.localName,
        {
          path: methodPath(method),
          requestStream: streamsRequests(method),
          responseStream: streamsResponses(method),
          requestSerialize: encoder(method.input, raw.request === true),
          requestDeserialize: identity,
          responseSerialize: asBuffer,
          responseDeserialize: decoder(method.output, raw.response === true),
        },
      ];
    }),
  );
}

function streamsRequests(method: DescMethod): boolean {
  return method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
}

function streamsResponses(method: DescMethod): boolean {
  return method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
}

/** Turns what is sent into bytes. */
export function encoder(schema: DescMessage, raw: boolean): (value: unknown) => Buffer {
  if (raw) {
    return (value) => asBuffer(value as Uint8Array);
  }
  return (value) =>
    asBuffer(toBinary(schema, create(schema, value as MessageInitShape<DescMessage>)));
}

function decoder(schema: DescMessage, raw: boolean): (bytes: Buffer) => unknown {
  return raw ? identity : (bytes) => fromBinary(schema, bytes);
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Decodes a request. Throws a SuraftError of kind `invalid` for bytes that are no such message and
 * for fields that this version does not know, also in messages within: what a newer client asks for
 * is refused, never ignored.
 */
export function decodeRequest<S extends DescMessage>(
  schema: S,
  bytes: Uint8Array,
): MessageShape<S> {
  const verdict = checkWire(schema, bytes);
  switch (verdict.type) {
    case "unknown":
      throw unknownFields(verdict.fields);
    case "malformed":
      throw malformed(schema, verdict.reason);
    case "sound":
      break;
  }
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw malformed(schema, error instanceof Error ? error.message : String(error));
  }
}

/** The refusal of fields that this version does not know; each named as `9 of suraft.v1.Entry`. */
export function unknownFields(fields: readonly string[]): SuraftError {
  const noun = fields.length === 1 ? "field" : "fields";
  return new SuraftError(
    "invalid",
    `the request has the unknown ${noun} ${fields.join(", ")}; is the client newer than the server?`,
  );
}

/** The refusal of bytes that are no message of the schema. */
export function malformed(schema: DescMessage, reason: string): SuraftError {
  return new SuraftError("invalid", `the request is not a ${schema.typeName}: ${reason}`);
}
