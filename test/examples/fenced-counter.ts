/**
 * A resource that a lock protects: a counter that is read and written in two calls, each under a fencing
 * token. It refuses a token that is less than the greatest it has seen, as every such resource must.
 *
 * It writes down every call, so that mutual exclusion can be judged by the tokens alone.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface CounterCall {
  readonly method: string;
  readonly token: number;
  readonly name: string;
  readonly accepted: boolean;
}

export class FencedCounter {
  value = 0;
  /** Accepted writes. */
  writes = 0;
  readonly calls: CounterCall[] = [];
  #greatest = 0;
  #server: Server | undefined;
  #waiting: { readonly isSo: () => boolean; readonly resolve: () => void }[] = [];

  /** Resolves to its URL. */
  async start(): Promise<string> {
    const server = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? "/", "http://localhost");
      const status = this.take({
        method: request.method ?? "GET",
        token: Number(searchParams.get("token")),
        name: searchParams.get("name") ?? "",
        value: Number(searchParams.get("value")),
      });
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ value: this.value }));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  /** Resolves once something is so, looked at after each call. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isSo, resolve });
    });
  }

  /** The HTTP status. */
  take(call: {
    readonly method: string;
    readonly token: number;
    readonly name: string;
    readonly value: number;
  }): number {
    const { method, token, name, value } = call;
    const accepted = token >= this.#greatest;
    this.calls.push({ method, token, name, accepted });
    if (accepted) {
      this.#greatest = token;
      if (method === "PUT") {
        this.value = value;
        this.writes += 1;
      }
    }
    for (const { isSo, resolve } of this.#waiting) if (isSo()) resolve();
    return accepted ? 200 : 409;
  }
}

/**
 * What is wrong with the calls that a resource took: empty if each token is one holder's, and no write was
 * lost because two were at it.
 */
export function faultsOf(counter: FencedCounter): readonly string[] {
  const faults: string[] = [];
  const owners = new Map<number, string>();
  const writers = new Map<number, number>();
  for (const { method, token, name, accepted } of counter.calls) {
    const owner = owners.get(token);
    if (owner !== undefined && owner !== name) {
      faults.push(`token ${token} was ${owner}'s and ${name}'s`);
    }
    owners.set(token, name);
    if (accepted && method === "PUT") writers.set(token, (writers.get(token) ?? 0) + 1);
  }
  for (const [token, count] of writers) {
    if (count > 1) faults.push(`${count} writes were made under token ${token}`);
  }
  if (counter.value !== counter.writes) {
    faults.push(`${counter.writes} writes were taken, and the counter is at ${counter.value}`);
  }
  return faults;
}
