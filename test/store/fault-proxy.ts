/**
 * An HTTP proxy that does to requests what networks and overloaded servers do.
 *
 * Faults come from a function: scripted by a test, or drawn from a seed. The proxy reads a request
 * whole, then carries out its fault. What it forwards is forwarded whole and once.
 */

import { EventEmitter } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  | { readonly type: "pass" }
  /** Forwarded and answered after a while. */
  | { readonly type: "delay"; readonly ms: number }
  /** Forwarded when the test releases it; answered then, if the client is still there. */
  | { readonly type: "hold" }
  /** Forwarded after a while, never answered: a commit that comes late. */
  | { readonly type: "late"; readonly ms: number }
  /** Neither forwarded nor answered. */
  | { readonly type: "hang" }
  /** Not forwarded; the connection is cut. */
  | { readonly type: "lose_request" }
  /** Forwarded; the connection is cut before the reply. */
  | { readonly type: "lose_reply" }
  /** Not forwarded; answered so. */
  | { readonly type: "answer"; readonly status: number; readonly body?: string }
  /** Forwarded, yet answered so. */
  | { readonly type: "answer_after"; readonly status: number; readonly body?: string }
  /** The first half is forwarded, then the connection is cut. */
  | { readonly type: "truncate_request" }
  /** Forwarded; the first half of the reply's body comes through, then the connection is cut. */
  | { readonly type: "truncate_reply" }
  /** A byte in the middle of the body is changed on the way. */
  | { readonly type: "flip_request" }
  /** A byte in the middle of the reply's body is changed on the way. */
  | { readonly type: "flip_reply" };

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
}

export type FaultSource = (request: ProxiedRequest) => Fault;

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const pass: Fault = { type: "pass" };

/** Emits `fault` with the fault and the client's socket before it carries one out. */
export class FaultProxy extends EventEmitter {
  /** Decides on each request. Passes all until set. */
  source: FaultSource = () => pass;
  /** How often each fault was carried out. */
  readonly counts = new Map<Fault["type"], number>();
  /** How many connections clients have opened so far. */
  connectionCount = 0;
  readonly #target: URL;
  readonly #server: Server;
  /** Its idle connections end before the server's side of them does. */
  readonly #agent = new Agent({ keepAlive: true, timeout: 1000 });
  readonly #held: (() => Promise<void>)[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #busy = new Set<Promise<void>>();

  private constructor(target: string, server: Server) {
    super();
    this.#target = new URL(target);
    this.#server = server;
  }

  static async start(target: string, port = 0, host = "127.0.0.1"): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(target, server);
    server.on("request", (request, response) => {
      const serving = proxy.#serve(request, response).finally(() => proxy.#busy.delete(serving));
      proxy.#busy.add(serving);
    });
    server.on("connection", () => {
      proxy.connectionCount += 1;
    });
    await new Promise<void>((done, fail) => {
      server.once("error", fail).listen(port, host, done);
    });
    return proxy;
  }

  get endpoint(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** Waits until this many requests are held. */
  async held(count = 1): Promise<void> {
    while (this.#held.length < count) {
      await new Promise<void>((done) => this.#waiting.push(done));
    }
  }

  /** Forwards what is held, the oldest first, and waits until the server has answered it. */
  async release(count = this.#held.length): Promise<void> {
    for (const forward of this.#held.splice(0, count)) await forward();
  }

  /** Waits until nothing is under way any more: also what comes late has come. */
  async quiet(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "" } = request;
    const fault = this.source({ method, path });
    this.counts.set(fault.type, (this.counts.get(fault.type) ?? 0) + 1);
    this.emit("fault", fault, request.socket);
    response.on("error", () => undefined);
    let body: Buffer;
    try {
      body = Buffer.concat(await request.toArray());
    } catch {
      return;
    }
    const forward = (sent = body) => this.#forward({ method, path, request, body: sent });
    await this.#carryOut(fault, { body, response, forward });
  }

  async #carryOut(fault: Fault, exchange: Exchange): Promise<void> {
    const { body, response, forward } = exchange;
    switch (fault.type) {
      case "pass":
        return answer(response, await forward());
      case "delay":
        await this.#pause(fault.ms);
        return answer(response, await forward());
      case "hold":
        this.#held.push(async () => answer(response, await forward()));
        for (const wake of this.#waiting.splice(0)) wake();
        return;
      case "late":
        await this.#pause(fault.ms);
        await forward();
        return;
      case "hang":
        return;
      case "lose_request":
        response.destroy();
        return;
      case "lose_reply":
        await forward();
        response.destroy();
        return;
      case "answer":
        return answer(response, scripted(fault));
      case "answer_after":
        await forward();
        return answer(response, scripted(fault));
      case "truncate_request":
        await forward(body.subarray(0, body.length >> 1));
        response.destroy();
        return;
      case "truncate_reply":
        return truncate(response, await forward());
      case "flip_request":
        return answer(response, await forward(flip(body)));
      case "flip_reply": {
        const reply = await forward();
        return answer(response, reply && { ...reply, body: flip(reply.body) });
      }
    }
  }

  /** The server's reply, or undefined if there was none. */
  #forward(options: {
    readonly method: string;
    readonly path: string;
    readonly request: IncomingMessage;
    readonly body: Buffer;
  }): Promise<Reply | undefined> {
    const { method, path, request, body } = options;
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const promised = Number(headers["content-length"] ?? 0);
    return new Promise((done) => {
      const { hostname, port } = this.#target;
      const forwarded = httpRequest({
        hostname,
        port,
        method,
        path,
        headers,
        agent: this.#agent,
      });
      forwarded.on("error", () => done(undefined));
      forwarded.on("response", (reply) => {
        reply.toArray().then(
          (chunks) => {
            const { statusCode: status = 0, headers: replied } = reply;
            done({ status, headers: replied, body: Buffer.concat(chunks) });
          },
          () => done(undefined),
        );
      });
      if (body.length >= promised) forwarded.end(body);
      else forwarded.write(body, () => forwarded.destroy());
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        done();
      }, ms);
      this.#timers.add(timer);
    });
  }
}

interface Exchange {
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly forward: (body?: Buffer) => Promise<Reply | undefined>;
}

function scripted(fault: { readonly status: number; readonly body?: string }): Reply {
  const body = fault.status === 204 ? "" : (fault.body ?? "");
  return { status: fault.status, headers: {}, body: Buffer.from(body) };
}

function answer(response: ServerResponse, reply: Reply | undefined): void {
  if (reply === undefined) {
    response.destroy();
    return;
  }
  const { "transfer-encoding": _encoding, connection: _connection, ...headers } = reply.headers;
  response.writeHead(reply.status, { ...headers, "content-length": reply.body.length });
  response.end(reply.body);
}

function truncate(response: ServerResponse, reply: Reply | undefined): void {
  if (reply === undefined) {
    response.destroy();
    return;
  }
  const { "transfer-encoding": _encoding, connection: _connection, ...headers } = reply.headers;
  response.writeHead(reply.status, { ...headers, "content-length": reply.body.length });
  response.write(reply.body.subarray(0, reply.body.length >> 1), () => response.destroy());
}

function flip(body: Buffer): Buffer {
  const flipped = Buffer.from(body);
  const middle = body.length >> 1;
  if (body.length > 0) flipped[middle] = (flipped[middle] ?? 0) ^ 1;
  return flipped;
}

/** Carries out the faults in order on the requests that match, then passes all. */
export function inOrder(
  faults: readonly Fault[],
  matches: (request: ProxiedRequest) => boolean = () => true,
): FaultSource {
  const left = [...faults];
  return (request) => (matches(request) ? (left.shift() ?? pass) : pass);
}

/** Draws faults: the same seed and the same requests give the same faults. */
export function seeded(options: {
  readonly seed: number;
  /** The share of requests that meet a fault. */
  readonly rate: number;
  readonly faults: readonly Fault[];
}): FaultSource {
  const random = seededRandom(options.seed);
  return () => {
    const draw = random();
    const { faults, rate } = options;
    if (draw >= rate) return pass;
    return faults[Math.floor((draw / rate) * faults.length)] ?? pass;
  };
}

/** Uniform in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of each, for random runs. Times are for clients that wait 150 ms or so. */
export const everyFault: readonly Fault[] = [
  { type: "delay", ms: 10 },
  { type: "late", ms: 300 },
  { type: "hang" },
  { type: "lose_request" },
  { type: "lose_reply" },
  { type: "answer", status: 408 },
  { type: "answer", status: 429, body: '{"error":{"code":429,"message":"rate limit"}}' },
  { type: "answer", status: 500 },
  { type: "answer", status: 503 },
  { type: "answer", status: 200, body: "<html>Sign in to the network</html>" },
  { type: "answer", status: 200, body: "" },
  { type: "answer", status: 200, body: '{"name":"other","generation":"1","size":"1"}' },
  { type: "answer_after", status: 503 },
  { type: "answer_after", status: 200, body: "garbage" },
  { type: "truncate_request" },
  { type: "truncate_reply" },
  { type: "flip_request" },
  { type: "flip_reply" },
];
