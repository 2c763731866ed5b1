/**
 * What grpc-js answers by itself, in words and codes of suraft. It knows only INTERNAL for bytes
 * that it cannot read, and RESOURCE_EXHAUSTED, which means "later" to suraft's clients, for a
 * message that will never fit.
 */

import { status as grpcStatus, type ServerInterceptingCallInterface } from "@grpc/grpc-js";

import { SuraftError } from "../errors.js";

/** A status as it passes through grpc-js's interceptors. */
export type TransportStatus = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

/** The error that a status of grpc-js's own stands for, or undefined for any other status. */
export function explainTransportStatus(status: TransportStatus): SuraftError | undefined {
  const details = status.details ?? "";
  switch (status.code) {
    case grpcStatus.DEADLINE_EXCEEDED:
      return new SuraftError("deadline_exceeded", "the call's deadline has passed");
    case grpcStatus.RESOURCE_EXHAUSTED:
      return /larger than/.test(details)
        ? new SuraftError("invalid", `message over the server's limit: ${details}`)
        : undefined;
    case grpcStatus.INTERNAL:
      return /deserializing request|decompress|grpc-timeout/.test(details)
        ? new SuraftError("invalid", `the request cannot be read: ${details}`)
        : undefined;
    case grpcStatus.UNIMPLEMENTED:
      return new SuraftError("not_served", details);
    default:
      return undefined;
  }
}
