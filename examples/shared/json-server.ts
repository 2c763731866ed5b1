/**
 * A small HTTP server that speaks JSON, on Node's own.
 *
 * Invariant: every request gets an answer; a failure is `{ "kind": ..., "message": ... }` with the status
 * that says what the caller does next.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SuraftError, type ErrorKind } from "suraft/client";

/** A request, taken apart. */
export interface JsonRequest {
  readonly method: string;
  /** The path's parts, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
  /** The body as text. Rejects with `invalid` if it is too large. */
  text(): Promise<string>;
}

/** An answer: a value, or values one after another, a line each, for as long as the caller stays. */
export type JsonAnswer =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: number; readonly lines: AsyncIterable<unknown> };

export interface JsonServer {
  /** `host:port`, with the real port. */
  readonly address: string;
  close(): Promise<void>;
}

const bodyBytesMax = 512 * 1024;

const statusOf: Readonly<Partial<Record<ErrorKind, number>>> = {
  invalid: 400,
  not_served: 404,
  conflict: 412,
  out_of_range: 410,
  overloaded: 429,
  unavailable: 503,
  not_leader: 503,
  deadline_exceeded: 504,
  cancelled: 503,
};

/** Serves at `host:port`. Rejects with `invalid` where it cannot. */
export async function startJsonServer(
  address: string,
  answer: (request: JsonRequest) => Promise<JsonAnswer>,
): Promise<JsonServer> {
  const colon = address.lastIndexOf(":");
  const [host, port] = [address.slice(0, colon), Number(address.slice(colon + 1))];
  const server = createServer((request, response) => {
    void respond(request, response, answer);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(new SuraftError("invalid", `cannot serve on ${address}: ${error.message}`));
    });
    server.listen(port, host, resolve);
  });
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: JsonRequest) => Promise<JsonAnswer>,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  // A caller that is gone needs no answer.
  response.on("error", () => undefined);
  try {
    const url = new URL(request.url ?? "/", "http://localhost");
    const answered = await answer({
      method: request.method ?? "GET",
      path: url.pathname.split("/").slice(1).map(decoded),
      query: url.searchParams,
      signal: gone.signal,
      text: () => textOf(request),
    });
    if ("body" in answered) send(response, answered.status, answered.body);
    else await sendLines(response, answered.status, answered.lines);
  } catch (error) {
    fail(response, error);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

/** Takes the next line when the caller has taken the last ones. */
async function sendLines(
  response: ServerResponse,
  status: number,
  lines: AsyncIterable<unknown>,
): Promise<void> {
  response.writeHead(status, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  for await (const line of lines) {
    if (response.write(`${JSON.stringify(line)}\n`)) continue;
    await new Promise<void>((resolve) => {
      response.once("drain", resolve);
      response.once("close", resolve);
    });
  }
  response.end();
}

function fail(response: ServerResponse, error: unknown): void {
  const failure =
    error instanceof SuraftError
      ? error
      : new SuraftError("corrupt", error instanceof Error ? error.message : String(error));
  const { kind, message, details } = failure;
  if (response.headersSent) response.end(`${JSON.stringify({ kind, message, details })}\n`);
  else send(response, statusOf[kind] ?? 500, { kind, message, details });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new SuraftError("invalid", `"${part}" is not a part of a path`);
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax) {
      throw new SuraftError("invalid", `a body has at most ${bodyBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What the body says, as the fields of an object. Throws `invalid`. */
export async function fieldsIn(request: JsonRequest): Promise<Readonly<Record<string, unknown>>> {
  const text = await request.text();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new SuraftError("invalid", "the body must be an object in JSON");
}
