/**
 * A small Google Cloud Storage in this process: as much of the JSON API as the adapter uses, kept to
 * the letter: preconditions, checksums, ranges, pages, errors as Google words them.
 *
 * Invariant: a name is created at most once until deleted, unless told to ignore preconditions.
 */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32c } from "@node-rs/crc32";

export interface FakeObject {
  readonly bytes: Buffer;
  readonly generation: string;
  readonly crc32c: string;
  readonly cacheControl: unknown;
  readonly contentType: unknown;
  /** Whether the client named the checksum, so that the server could check it. */
  readonly checksumGiven: boolean;
}

/** A request that the server answered. */
export interface FakeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly status: number;
}

/** What a test may change while the server runs. */
export interface FakeBehaviour {
  /** As some gateways: creates whatever exists. */
  ignorePreconditions: boolean;
  /** The account may not create. */
  forbidCreate: boolean;
  /** The account may not delete. */
  forbidDelete: boolean;
  /** Only requests with this bearer token are served. */
  token: string | undefined;
  /** No page is longer, whatever was asked for. */
  pageItemsMax: number;
  /** Between two creates of one name, or the second is answered 429. */
  nameIntervalMs: number;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export class FakeGcs {
  readonly buckets = new Map<string, Map<string, FakeObject>>();
  readonly requests: FakeRequest[] = [];
  /** How often each name was created. */
  readonly created = new Map<string, number>();
  readonly behaviour: FakeBehaviour = {
    ignorePreconditions: false,
    forbidCreate: false,
    forbidDelete: false,
    token: undefined,
    pageItemsMax: 1000,
    nameIntervalMs: 0,
  };
  readonly #server: Server;
  readonly #lastTries = new Map<string, number>();
  #generation = 1_700_000_000_000_000n;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(...buckets: readonly string[]): Promise<FakeGcs> {
    const server = createServer();
    const fake = new FakeGcs(server);
    for (const bucket of buckets) fake.buckets.set(bucket, new Map());
    server.on("request", (request, response) => void fake.#serve(request, response));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return fake;
  }

  /** `http://127.0.0.1:port` */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** Damages a stored object as a failing disk would: the checksum stays. */
  damage(bucket: string, name: string): void {
    const object = this.buckets.get(bucket)?.get(name);
    if (object === undefined) throw new Error(`no object ${name}`);
    const bytes = Buffer.from(object.bytes);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    this.buckets.get(bucket)?.set(name, { ...object, bytes });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Buffer;
    try {
      body = Buffer.concat(await request.toArray());
    } catch {
      return; // The client went away in the midst of it: nothing happened.
    }
    const url = new URL(request.url ?? "/", this.endpoint);
    const reply = this.#answer(request, url, body);
    const { method = "", headers } = request;
    this.requests.push({ method, url, headers, status: reply.status });
    const content = Buffer.from(reply.body ?? "");
    response.writeHead(reply.status, { "content-length": content.length, ...reply.headers });
    response.end(content);
  }

  #answer(request: IncomingMessage, url: URL, body: Buffer): Reply {
    const { token } = this.behaviour;
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return failure(401, "Invalid Credentials");
    }
    const path = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(url.pathname);
    if (path === null) return failure(404, "Not Found");
    const objects = this.buckets.get(decodeURIComponent(path[2] ?? ""));
    if (objects === undefined) return failure(404, "The specified bucket does not exist.");
    const isUpload = path[1] !== undefined;
    const name = path[3] === undefined ? undefined : decodeURIComponent(path[3]);
    if (isUpload && request.method === "POST") return this.#upload(objects, request, url, body);
    if (name === undefined && request.method === "GET") return this.#list(objects, url);
    if (name === undefined) return failure(400, "Bad Request");
    const object = objects.get(name);
    if (object === undefined) return failure(404, `No such object: ${path[2]}/${name}`);
    if (request.method === "DELETE" && this.behaviour.forbidDelete) {
      return failure(403, "The account does not have storage.objects.delete access.");
    }
    if (request.method === "DELETE") {
      objects.delete(name);
      return { status: 204 };
    }
    if (url.searchParams.get("alt") === "media") return download(object, request.headers.range);
    return json(describe(name, object));
  }

  #upload(
    objects: Map<string, FakeObject>,
    request: IncomingMessage,
    url: URL,
    body: Buffer,
  ): Reply {
    if (this.behaviour.forbidCreate) {
      return failure(403, "The account does not have storage.objects.create access.");
    }
    const upload = parseMultipart(request.headers["content-type"] ?? "", body);
    const name = url.searchParams.get("name");
    if (upload === undefined || name === null) return failure(400, "Malformed multipart body.");
    const { metadata, bytes } = upload;
    const checksum = encodeChecksum(bytes);
    if (metadata["crc32c"] !== undefined && metadata["crc32c"] !== checksum) {
      return failure(400, "Provided CRC32C doesn't match the calculated one.");
    }
    if (this.#isThrottled(name)) return failure(429, "The object exceeded the rate limit.");
    const mustBeAbsent = url.searchParams.get("ifGenerationMatch") === "0";
    if (mustBeAbsent && objects.has(name) && !this.behaviour.ignorePreconditions) {
      return failure(412, "At least one of the pre-conditions you specified did not hold.");
    }
    this.#generation += 1n;
    const { cacheControl, contentType } = metadata;
    const generation = String(this.#generation);
    const checksumGiven = metadata["crc32c"] !== undefined;
    const stored = { bytes, generation, crc32c: checksum };
    const object = { ...stored, cacheControl, contentType, checksumGiven };
    objects.set(name, object);
    this.created.set(name, (this.created.get(name) ?? 0) + 1);
    return json(describe(name, object));
  }

  #isThrottled(name: string): boolean {
    const now = performance.now();
    const last = this.#lastTries.get(name) ?? -Infinity;
    if (now - last < this.behaviour.nameIntervalMs) return true;
    if (this.behaviour.nameIntervalMs > 0) this.#lastTries.set(name, now);
    return false;
  }

  #list(objects: ReadonlyMap<string, FakeObject>, url: URL): Reply {
    const query = url.searchParams;
    const prefix = query.get("prefix") ?? "";
    const start = query.get("startOffset") ?? "";
    const end = query.get("endOffset");
    const after = Buffer.from(query.get("pageToken") ?? "", "base64url").toString();
    const limit = Math.min(Number(query.get("maxResults") ?? 1000), this.behaviour.pageItemsMax);
    const names = [...objects.keys()]
      .filter((name) => name.startsWith(prefix) && name >= start && name > after)
      .filter((name) => end === null || name < end)
      .sort();
    const page = names.slice(0, limit);
    const items = page.map((name) => describe(name, objects.get(name) as FakeObject));
    const hasMore = names.length > page.length;
    // As Google: without being asked for, the token is not in the reply.
    const isTokenAsked = query.get("fields")?.includes("nextPageToken") ?? true;
    const token = Buffer.from(page.at(-1) ?? after).toString("base64url");
    return json({
      ...(items.length > 0 ? { items } : {}),
      ...(hasMore && isTokenAsked ? { nextPageToken: token } : {}),
    });
  }
}

function describe(name: string, object: FakeObject): Record<string, unknown> {
  const { generation, crc32c: checksum } = object;
  return { name, generation, size: String(object.bytes.length), crc32c: checksum };
}

function json(value: unknown): Reply {
  const headers = { "content-type": "application/json; charset=UTF-8" };
  return { status: 200, headers, body: JSON.stringify(value) };
}

function failure(code: number, message: string): Reply {
  return { ...json({ error: { code, message, errors: [{ message }] } }), status: code };
}

function download(object: FakeObject, range: string | undefined): Reply {
  const { bytes } = object;
  const headers = {
    "x-goog-generation": object.generation,
    "x-goog-hash": `crc32c=${object.crc32c},md5=1B2M2Y8AsgTpgAmY7PhCfg==`,
    "x-goog-stored-content-length": String(bytes.length),
    "x-goog-stored-content-encoding": "identity",
  };
  const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
  if (match === null) return { status: 200, headers, body: bytes };
  const start = Number(match[1]);
  const end = Math.min(Number(match[2]) + 1, bytes.length);
  if (start >= bytes.length) {
    return { ...failure(416, "range"), headers: { "content-range": `bytes */${bytes.length}` } };
  }
  const contentRange = `bytes ${start}-${end - 1}/${bytes.length}`;
  const part = bytes.subarray(start, end);
  return { status: 206, headers: { ...headers, "content-range": contentRange }, body: part };
}

export function encodeChecksum(bytes: Uint8Array): string {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(crc32c(bytes));
  return buffer.toString("base64");
}

/** Reads a multipart body of two parts strictly: to its very last boundary. */
function parseMultipart(
  contentType: string,
  body: Buffer,
): { metadata: Record<string, unknown>; bytes: Buffer } | undefined {
  const boundary = /^multipart\/related; boundary=(\S+)$/.exec(contentType)?.[1];
  const closing = Buffer.from(`\r\n--${boundary}--\r\n`);
  const isWhole = body.subarray(-closing.length).equals(closing);
  if (boundary === undefined || !isWhole) return undefined;
  const separator = Buffer.from(`\r\n--${boundary}\r\n`);
  const middle = body.indexOf(separator);
  if (middle < 0) return undefined;
  const metadata = partContent(body.subarray(0, middle));
  const bytes = partContent(body.subarray(middle + separator.length, -closing.length));
  if (metadata === undefined || bytes === undefined) return undefined;
  return { metadata: JSON.parse(metadata.toString()) as Record<string, unknown>, bytes };
}

function partContent(part: Buffer): Buffer | undefined {
  const end = part.indexOf("\r\n\r\n");
  return end < 0 ? undefined : Buffer.from(part.subarray(end + 4));
}
