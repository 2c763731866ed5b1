/**
 * LogService.Append over bare HTTP/2: a third of what grpc-js's client costs, so that a process can
 * ask for more than a server on the same cores can carry.
 */

import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { Metadata } from "@grpc/grpc-js";
import { fromServiceError } from "../../src/rpc/status.js";
import type { SuraftError } from "../../src/errors.js";

const headers = {
  ":method": "POST",
  ":path": "/suraft.v1.LogService/Append",
  "content-type": "application/grpc",
  te: "trailers",
};
const frameHeadBytes = 5;
const closed = 14;

/** Hears the answer: without an error the append is acknowledged. */
export type Answered = (error: SuraftError | undefined) => void;

/** One connection. */
export class RawAppends {
  readonly #session: ClientHttp2Session;
  readonly #request: Buffer;

  /** All calls send the same encoded AppendRequest. */
  constructor(address: string, request: Uint8Array) {
    this.#session = connect(`http://${address}`, { maxSessionMemory: 1000 });
    // Each call under way ends with an error of its own.
    this.#session.on("error", () => undefined);
    this.#request = Buffer.alloc(frameHeadBytes + request.length);
    this.#request.writeUInt32BE(request.length, 1);
    this.#request.set(request, frameHeadBytes);
  }

  append(answered: Answered): void {
    const stream = this.#session.request(headers);
    let status: IncomingHttpHeaders = {};
    const take = (received: IncomingHttpHeaders): void => {
      if (received["grpc-status"] !== undefined) status = received;
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", () => undefined);
    stream.on("close", () => answered(errorIn(status)));
    stream.resume();
    stream.end(this.#request);
  }

  close(): void {
    this.#session.close();
  }
}

function errorIn(status: IncomingHttpHeaders): SuraftError | undefined {
  const code = Number(status["grpc-status"] ?? closed);
  if (code === 0) return undefined;
  const details = decodeURIComponent(String(status["grpc-message"] ?? "the stream was closed"));
  const metadata = new Metadata();
  const bytes = status["grpc-status-details-bin"];
  if (bytes !== undefined) {
    metadata.set("grpc-status-details-bin", Buffer.from(String(bytes), "base64"));
  }
  return fromServiceError({ code, details, metadata }, { lost: "unknown_outcome" });
}
