/** One gRPC call by bare HTTP/2, so that body and headers can be anything, and what came of it. */

import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";

import { fromBinary } from "@bufbuild/protobuf";
import { anyIs, anyUnpack } from "@bufbuild/protobuf/wkt";

import { ErrorInfoSchema, type ErrorInfo } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { messagesIn } from "./http2-bytes.js";

/** How a call went. */
export interface CallOutcome {
  /** Of HTTP, or of the stream's end; undefined if neither came. */
  readonly httpStatus: number | undefined;
  readonly resetCode: number;
  /** Of gRPC. */
  readonly code: number | undefined;
  /** Of the error, as suraft's servers send it. */
  readonly info: ErrorInfo | undefined;
  readonly messages: readonly Buffer[];
  /** Nothing ended the call, and it was given up. */
  readonly givenUp: boolean;
}

/** Calls, and waits until the call ends or the time is up. */
export function callBare(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string | string[]>>,
  options: {
    readonly body: Uint8Array;
    readonly ends: boolean;
    readonly timeoutMs: number;
    /** Gives the call up when it begins to be answered. */
    readonly resets?: boolean;
  },
): Promise<CallOutcome> {
  return new Promise((resolve) => {
    let given = false;
    const chunks: Buffer[] = [];
    let seen: IncomingHttpHeaders = {};
    const stream: ClientHttp2Stream = session.request(headers);
    const giveUp = (): void => {
      given = true;
      stream.close(8);
    };
    const timer = setTimeout(giveUp, options.timeoutMs);
    if (options.resets === true) stream.on("response", giveUp);
    const note = (more: IncomingHttpHeaders): void => {
      seen = { ...seen, ...more };
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      clearTimeout(timer);
      resolve(
        outcomeOf(seen, { body: Buffer.concat(chunks), givenUp: given, resetCode: stream.rstCode }),
      );
    });
    stream.write(options.body);
    if (options.ends) stream.end();
  });
}

function outcomeOf(
  headers: IncomingHttpHeaders,
  rest: { readonly body: Buffer; readonly givenUp: boolean; readonly resetCode: number },
): CallOutcome {
  const {
    ":status": httpStatus,
    "grpc-status": code,
    "grpc-status-details-bin": details,
  } = headers;
  return {
    httpStatus: httpStatus === undefined ? undefined : Number(httpStatus),
    resetCode: rest.resetCode,
    code: code === undefined ? undefined : Number(code),
    info: typeof details === "string" ? infoIn(details) : undefined,
    messages: messagesIn(rest.body),
    givenUp: rest.givenUp,
  };
}

function infoIn(details: string): ErrorInfo | undefined {
  const status = fromBinary(StatusSchema, Buffer.from(details, "base64"));
  const any = status.details.find((detail) => anyIs(detail, ErrorInfoSchema));
  return any === undefined ? undefined : anyUnpack(any, ErrorInfoSchema);
}
