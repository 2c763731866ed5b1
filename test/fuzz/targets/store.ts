/** A store's URL, and what a bucket answers, byte for byte as it comes from the socket. */

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

import fc from "fast-check";

import { GcsStore } from "../../../src/store/gcs-store.js";
import { isObjectName } from "../../../src/store/object-name.js";
import { encodeCrc32c } from "../../../src/store/gcs-upload.js";
import { parseStoreUrl } from "../../../src/store/store-url.js";
import { StoreError } from "../../../src/store/store.js";
import {
  anyText,
  hold,
  liveTarget,
  taken,
  textDamage,
  textTarget,
  type Judged,
  type OpenTarget,
  type Target,
} from "../target.js";

function isInvalid(error: unknown): boolean {
  return error instanceof StoreError && error.kind === "invalid" && error.message.length > 0;
}

const parameters = fc.constantFrom(
  "",
  "?latency=30",
  "?latency=30&latencyP99=300",
  "?auth=none",
  "?apiEndpoint=http://127.0.0.1:4443",
);

const storeUrl = textTarget({
  name: "store/url",
  valid: fc.oneof(
    fc
      .tuple(
        fc.constantFrom(
          "gs://bucket",
          "gs://bucket/some/prefix",
          "file:///tmp/log",
          "file://localhost/tmp/a%20b",
          "memory:",
          "memory:name",
        ),
        parameters,
      )
      .map(([base, query]) => base + query),
    anyText,
  ),
  tokens: [
    "/",
    "//",
    "..",
    "%2f",
    "%00",
    "\0",
    "?",
    "&",
    "#",
    "latency=",
    "1e9",
    "-0",
    "@",
    ":",
    " ",
  ],
  judge: (url) => {
    const { accepted, output } = taken(() => parseStoreUrl(url), isInvalid);
    if (output === undefined) return { accepted };
    if (output.type === "gs") {
      const { prefix } = output;
      hold(prefix === "" || isObjectName(prefix.slice(0, -1)), "a prefix can be part of a name");
    }
    if (output.latency !== undefined) {
      const { medianMs, p99Ms } = output.latency;
      hold(medianMs >= 0 && p99Ms >= medianMs && p99Ms <= 60_000, "a latency is a time");
    }
    return { accepted, output };
  },
});

const bytes = Buffer.from("0123456789");
const requestMs = 2_000;

/** Answers every request with the same bytes, then closes. */
class RawServer {
  answer: Uint8Array = new Uint8Array();
  /** Requests since it was last set to 0. */
  requests = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.once("data", () => {
      this.requests += 1;
      socket.end(this.answer);
    });
  });

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Of all four calls, each must end by an answer of the port or by a StoreError. */
async function openBucket(): Promise<OpenTarget> {
  const server = new RawServer();
  const apiEndpoint = await server.start();
  const store = new GcsStore({
    url: "gs://bucket/p",
    bucket: "bucket",
    prefix: "p/",
    apiEndpoint,
    authentication: "none",
  });
  return {
    judge: async (answer) => {
      server.answer = answer;
      server.requests = 0;
      const judged = await callAll(store);
      hold(server.requests < 20, "a call makes a bounded number of requests");
      return judged;
    },
    close: async () => {
      await store.close();
      server.stop();
    },
  };
}

async function callAll(store: GcsStore): Promise<Judged> {
  const signal = () => AbortSignal.timeout(requestMs);
  const created = await store.create("a", bytes, { signal: signal() });
  const deleted = await store.delete("a", { signal: signal() });
  hold(("cause" in created ? created.cause : "").length <= 1_000, "a cause is short");
  const got = await typed(store.get("a", { signal: signal() }));
  const range = { start: 2, end: 5 };
  const part = await typed(store.get("a", { range, signal: signal() }));
  const look = await typed(store.get("a", { range: { start: 0, end: 0 }, signal: signal() }));
  for (const found of [got, part, look]) {
    if (found?.type !== "found") continue;
    hold(Number.isSafeInteger(found.size), "a size is exact");
    hold(found.bytes.length <= found.size, "no more bytes than the object has");
  }
  if (part?.type === "found") hold(part.bytes.length <= 3, "no more than the range");
  const bounds = { prefix: "log/", startAt: "log/1", endBefore: "log/5", limit: 3 };
  const page = await typed(store.list({ ...bounds, signal: signal() }));
  for (const { name, size } of page?.items ?? []) {
    hold(name >= "log/1" && name < "log/5", "a listing keeps its bounds");
    hold(Number.isSafeInteger(size), "a size is exact");
  }
  hold((page?.items.length ?? 0) <= bounds.limit, "a page is no longer than was asked for");
  const accepted = created.type === "created" || deleted.type === "deleted";
  const read = got?.type === "found" || part?.type === "found" || page !== undefined;
  return { accepted: accepted || read || created.type === "exists", output: { page, got } };
}

async function typed<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    hold(error.message.length > 0 && error.message.length <= 1_000, "an error is short");
    return undefined;
  }
}

interface RawReply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

function rawReply({ status, headers, body }: RawReply): Buffer {
  const length = `content-length: ${Buffer.byteLength(body)}`;
  const head = [`HTTP/1.1 ${status} Whatever`, ...headers, length, "connection: close"];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const objectHeaders = [
  "x-goog-generation: 17",
  `x-goog-hash: crc32c=${encodeCrc32c(bytes)}`,
  "x-goog-stored-content-length: 10",
];
const item = (name: string, size: unknown = "10") => ({ name, generation: "17", size });
const uploaded = { name: "p/a", size: "10", generation: "17", crc32c: encodeCrc32c(bytes) };

const jsonBody = fc
  .oneof(
    fc.constantFrom<unknown>(
      uploaded,
      { items: [item("p/log/1"), item("p/log/2"), item("p/log/3")], nextPageToken: "t" },
      { items: [item("p/log/1", "99999999999999999999"), item("p/log/2", -0)] },
      { items: [], nextPageToken: "t" },
      {
        items: Array.from({ length: 5_000 }, (_, n) =>
          item(`p/log/1${String(n).padStart(5, "0")}`),
        ),
      },
      { generation: "17", size: "100000000000000000" },
      { error: { code: 404, message: "No such object: bucket/p/a" } },
      {
        error: { code: 403, message: "x".repeat(5_000), errors: [{ reason: "rateLimitExceeded" }] },
      },
    ),
    fc.jsonValue(),
  )
  .map((value) => JSON.stringify(value));

const httpAnswer = fc.oneof(
  fc
    .record({
      status: fc.constantFrom(
        200,
        200,
        200,
        204,
        206,
        302,
        400,
        401,
        403,
        404,
        408,
        412,
        416,
        429,
        503,
      ),
      headers: fc.subarray(objectHeaders),
      body: fc.oneof(jsonBody, fc.constant(bytes.toString())),
    })
    .map(rawReply),
  fc
    .tuple(
      fc.nat(9),
      fc.nat(20),
      fc.constantFrom("10", "5", "1".repeat(400), "*", "9007199254740993"),
    )
    .map(([start, last, size]) =>
      rawReply({
        status: 206,
        headers: [`content-range: bytes ${start}-${last}/${size}`, "x-goog-generation: 17"],
        body: "234",
      }),
    ),
);

const bucketAnswers = liveTarget({
  name: "store/gcs-answer",
  valid: httpAnswer,
  damage: textDamage,
  tokens: [
    "\r\n",
    "\r\n\r\n",
    "{",
    "[",
    '"',
    "\\u0000",
    "null",
    "1e999",
    "-0",
    "transfer-encoding: chunked",
    "content-length: 99999999999",
    "content-encoding: gzip",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "content-range: bytes 2-4/10\r\n",
    "nextPageToken",
    "x-goog-hash: crc32c=",
  ],
  outputPerByte: 24,
  testRuns: 60,
  open: openBucket,
});

export const storeTargets: readonly Target[] = [storeUrl, bucketAnswers];
