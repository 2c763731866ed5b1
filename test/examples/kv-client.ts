/** A client of the key-value example that writes down what it did, for the judge of histories. */

import type { Held, RegisterOperation } from "./register-check.js";

interface Answer {
  readonly status: number;
  readonly kind: string | undefined;
  readonly value: string | undefined;
  readonly version: number;
}

/** What a key was when it was last heard of. */
export interface Known {
  readonly value: Held;
  readonly version: number;
}

/** Operations by key. */
export class KvHistory {
  readonly operations = new Map<string, RegisterOperation[]>();
  #count = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** Resolves when so many more operations are over. */
  grown(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ count: this.#count + count, resolve });
    });
  }

  add(key: string, operation: RegisterOperation): void {
    const known = this.operations.get(key);
    if (known === undefined) this.operations.set(key, [operation]);
    else known.push(operation);
    this.#count += 1;
    for (const { count, resolve } of this.#waiting) if (count <= this.#count) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => count > this.#count);
  }
}

const callMsMax = 8000;
/** Kinds of failures after which the log certainly does not have the change. */
const certainFailures = ["unavailable", "overloaded", "invalid"];

export class KvClient {
  readonly #urls: readonly string[];
  readonly #history: KvHistory;

  constructor(urls: readonly string[], history: KvHistory) {
    this.#urls = urls;
    this.#history = history;
  }

  /** Undefined if there was no answer. */
  async get(key: string): Promise<Known | undefined> {
    const beganMs = performance.now();
    const answer = await this.#call(key, "GET", "");
    if (answer === "never sent" || (answer?.status !== 200 && answer?.status !== 404)) {
      return undefined;
    }
    const { value, version } = answer;
    const endedMs = performance.now();
    this.#history.add(key, { type: "read", found: value, beganMs, endedMs });
    return { value, version };
  }

  /** Sets a key, or removes it; on the condition that it is what it was known to be, or on none. */
  async write(key: string, value: Held, known: Known | undefined): Promise<void> {
    const beganMs = performance.now();
    const query = known === undefined ? "" : `?if=${known.version}`;
    const answer = await this.#call(key, value === undefined ? "DELETE" : "PUT", query, value);
    if (answer === "never sent") return;
    if (answer !== undefined && certainFailures.includes(answer.kind ?? "")) return;
    const condition = known === undefined ? {} : { condition: { held: known.value } };
    const write = { type: "write", value, ...condition, beganMs } as const;
    const endedMs = performance.now();
    if (answer?.status === 200) {
      this.#history.add(key, { ...write, outcome: { type: "done" }, endedMs });
    } else if (answer?.status === 412) {
      const outcome = { type: "conflict", found: answer.value } as const;
      this.#history.add(key, { ...write, outcome, endedMs });
    } else {
      const outcome = { type: "unknown" } as const;
      this.#history.add(key, { ...write, outcome, endedMs: Number.POSITIVE_INFINITY });
    }
  }

  async #call(
    key: string,
    method: string,
    query: string,
    body?: string,
  ): Promise<Answer | "never sent" | undefined> {
    // Any process, each time: what one has answered, the next must know.
    const url = this.#urls[Math.floor(Math.random() * this.#urls.length)] ?? "";
    try {
      const response = await fetch(`${url}/keys/${encodeURIComponent(key)}${query}`, {
        method,
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(callMsMax),
      });
      const { kind, value, version = 0 } = (await response.json()) as Partial<Answer>;
      return { status: response.status, kind, value, version };
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      const refused = cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
      return refused ? "never sent" : undefined;
    }
  }
}
