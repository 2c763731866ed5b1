/**
 * For programs that use the lock service.
 *
 * Invariant: `lost` aborts before the service may give the lock to another, as long as this machine's clock
 * runs no slower than the service's. Since a process may sleep at any moment, what a lock protects must
 * check the token as well: it refuses one that is less than the greatest that it has seen.
 */

import { setTimeout as wait } from "node:timers/promises";
import { SuraftError } from "suraft/client";

export interface LockClientOptions {
  /** Where processes of the service are: `http://host:port`. */
  readonly urls: readonly string[];
  /** After so long without a sign of life the service frees what this program holds. 10 s by default. */
  readonly ttlMs?: number;
}

/** A lock that is held. */
export interface Lease {
  readonly lock: string;
  /** Greater than that of every earlier holder. */
  readonly token: number;
  /** Aborts when the lock may be another's. */
  readonly lost: AbortSignal;
  /** Gives it back. */
  release(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

const ttlMsDefault = 10_000;
const longPollMs = 15_000;
const pauseMs = 50;

/** Opens a session. Rejects with `unavailable` if no process of the service takes it in time. */
export async function openLockSession(options: LockClientOptions): Promise<LockSession> {
  const { urls, ttlMs = ttlMsDefault } = options;
  const untilMs = performance.now() + ttlMs;
  const [first] = urls;
  if (first === undefined) throw new SuraftError("invalid", "a lock client needs a URL");
  const calls = new Calls(urls);
  const sentMs = performance.now();
  const { fields } = await calls.until(untilMs, "POST", "/sessions", { ttlMs });
  return new LockSession(calls, { id: Number(fields["session"]), ttlMs, sentMs });
}

/** A program's session: renews itself until it is closed, or lost. */
export class LockSession {
  readonly id: number;
  readonly #calls: Calls;
  readonly #ttlMs: number;
  readonly #lost = new AbortController();
  #deadline: NodeJS.Timeout | undefined;
  #aliveUntilMs = 0;

  constructor(
    calls: Calls,
    opened: { readonly id: number; readonly ttlMs: number; readonly sentMs: number },
  ) {
    this.id = opened.id;
    this.#calls = calls;
    this.#ttlMs = opened.ttlMs;
    this.#alive(opened.sentMs);
    void this.#renew();
  }

  /** Aborts when everything that the session holds may be another's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Waits for a lock. Rejects with `cancelled` when given up, with `conflict` if the session is lost. */
  async acquire(lock: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Lease> {
    const path = `/locks/${encodeURIComponent(lock)}`;
    const release = `${path}?session=${this.id}`;
    for (;;) {
      if (signal?.aborted === true) {
        // The place in line is given up as well; if nobody hears it, the session's end does it.
        await this.#calls.until(this.#aliveUntilMs, "DELETE", release).catch(() => undefined);
        throw new SuraftError("cancelled", "given up by the caller", { cause: signal.reason });
      }
      const body = { session: this.id, waitMs: longPollMs };
      const either = AbortSignal.any([this.lost, ...(signal === undefined ? [] : [signal])]);
      const answer = await this.#calls.once("POST", path, body, either).catch(() => undefined);
      if (this.lost.aborted || answer?.status === 412) {
        this.#lose();
        throw new SuraftError("conflict", `session ${this.id} is lost`);
      }
      if (answer?.status === 400) {
        throw new SuraftError("invalid", String(answer.fields["message"]));
      }
      if (answer?.fields["type"] === "held") {
        return {
          lock,
          token: Number(answer.fields["token"]),
          lost: this.lost,
          release: async () => {
            await this.#calls.until(this.#aliveUntilMs, "DELETE", release);
          },
        };
      }
      if (answer?.status !== 200) await wait(pauseMs);
    }
  }

  /** Ends the session: all its locks are free. */
  async close(): Promise<void> {
    const untilMs = this.#aliveUntilMs;
    this.#lose();
    await this.#calls.until(untilMs, "DELETE", `/sessions/${this.id}`);
  }

  async #renew(): Promise<void> {
    const stop = { signal: this.lost };
    while (!this.lost.aborted) {
      await wait(this.#ttlMs / 3, undefined, stop).catch(() => undefined);
      if (this.lost.aborted) return;
      const sentMs = performance.now();
      const answer = await this.#calls
        .once("PUT", `/sessions/${this.id}`, undefined, this.lost)
        .catch(() => undefined);
      if (answer?.status === 200) this.#alive(sentMs);
      else if (answer?.status === 412) this.#lose();
      else await wait(pauseMs, undefined, stop).catch(() => undefined);
    }
  }

  /** The session is ours for its time, counted from before the renewal was sent. */
  #alive(sentMs: number): void {
    this.#aliveUntilMs = sentMs + this.#ttlMs;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#lose(), this.#aliveUntilMs - performance.now());
  }

  #lose(): void {
    clearTimeout(this.#deadline);
    this.#lost.abort(new SuraftError("conflict", `session ${this.id} is lost`));
  }
}

/** Calls of whichever process of the service answers. */
class Calls {
  readonly #urls: readonly string[];
  #at = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** One try; after a failure the next one goes elsewhere. */
  async once(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
    try {
      const response = await fetch(`${this.#urls[this.#at % this.#urls.length] ?? ""}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([
          AbortSignal.timeout(2 * longPollMs),
          ...(signal === undefined ? [] : [signal]),
        ]),
      });
      const fields = (await response.json()) as Readonly<Record<string, unknown>>;
      if (response.status >= 500) this.#at += 1;
      return { status: response.status, fields };
    } catch (error) {
      if (signal?.aborted !== true) this.#at += 1;
      throw error;
    }
  }

  /** Tries until it is done. Rejects with `unavailable` when the time is over. */
  async until(untilMs: number, method: string, path: string, body?: unknown): Promise<Answer> {
    let last = "no process of the service answers";
    while (performance.now() < untilMs) {
      const signal = AbortSignal.timeout(Math.ceil(untilMs - performance.now()) + 1);
      const answer = await this.once(method, path, body, signal).catch(() => undefined);
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) {
        if (answer.status === 200 || answer.status === 412) return answer;
        throw new SuraftError("invalid", String(answer.fields["message"]));
      }
      last = answer === undefined ? last : String(answer.fields["message"]);
      await wait(pauseMs);
    }
    throw new SuraftError("unavailable", last);
  }
}
