/**
 * Reads a log straight from its store: no node runs, or need run. What it answers is as good as a
 * linearizable answer of a node. Other programs import it as `suraft/store-reader`.
 *
 * Invariant: it writes nothing.
 * Invariant: every failure is a SuraftError, whose kind says what to do next.
 */

import { SuraftError } from "../errors.js";
import { StoreLog } from "../log/store-log.js";
import { storeFailure } from "../log/store-failure.js";
import { Turns } from "../log/turns.js";
import { joinSignals, reasonText, orAborted, type JoinedSignal } from "../store/abort.js";
import { openStore, type OpenStoreOptions } from "../store/open-store.js";
import { planStoreRead, StoreRead } from "./store-read.js";
import type { Proof } from "../log/store-walkers.js";
import type { Store } from "../store/store.js";
import type { ReadPart, StoreReadOptions, Tail } from "./types.js";

export interface StoreReaderOptions extends Pick<
  OpenStoreOptions,
  "apiEndpoint" | "allowEmulator"
> {
  /**
   * How often a read that follows looks for new entries, in milliseconds. 1,000 by default. A look is
   * one get, however many follow.
   */
  readonly pollIntervalMs?: number;
  /** A store that does not answer for so long fails the read. 10,000 by default. */
  readonly timeoutMs?: number;
  /** A request to the store that takes longer is made again. 3,000 by default, at most `timeoutMs`. */
  readonly requestTimeoutMs?: number;
  /** The last segments read stay in this much memory. 32 MiB by default. */
  readonly cacheBytesMax?: number;
  /** Hears now and then, while the log is being walked, which index has been reached. */
  readonly onWalk?: (nextIndex: number) => void;
}

type Settings = Required<Omit<StoreReaderOptions, "apiEndpoint" | "allowEmulator">>;

const defaults: Settings = {
  pollIntervalMs: 1000,
  timeoutMs: 10_000,
  requestTimeoutMs: 3_000,
  cacheBytesMax: 32 * 1024 * 1024,
  onWalk: () => undefined,
};

/**
 * Opens a reader of the log in the store that a URL names: `gs://bucket/prefix` or `file:///directory`.
 * Makes its first request when it is first used. Throws `invalid` for a URL that names no store.
 */
export function openStoreReader(url: string, options: StoreReaderOptions = {}): StoreReader {
  return new StoreReader(url, options);
}

/** Made by {@link openStoreReader}. */
export class StoreReader {
  readonly #options: Settings;
  readonly #store: Store;
  readonly #turns = new Turns();
  readonly #closing = new AbortController();
  #opening: Promise<StoreLog> | undefined;
  #nextPoll: Promise<Proof> | undefined;

  constructor(url: string, options: StoreReaderOptions) {
    this.#options = { ...defaults, ...options };
    try {
      this.#store = openStore(url, options);
    } catch (error) {
      throw storeFailure(error);
    }
  }

  /**
   * Reads entries in the order of their indexes, or the newest first. The first read walks the log, from
   * the last checkpoint to the tail; later ones go on from there.
   */
  async *read(options: StoreReadOptions = {}): AsyncGenerator<ReadPart, void, undefined> {
    const plan = planStoreRead(options);
    const { signal, leave } = this.#join(options.signal);
    try {
      const log = await this.#open(signal);
      const read = new StoreRead(log, plan, {
        signal,
        turns: this.#turns,
        onWalk: this.#options.onWalk,
        poll: () => this.#poll(log),
      });
      yield* read.parts();
    } catch (error) {
      throw this.#failureOf(error, options.signal);
    } finally {
      leave();
    }
  }

  /** How far the log is: everything that was acknowledged to anybody before the call. */
  async tail(options: { readonly signal?: AbortSignal } = {}): Promise<Tail> {
    const { signal, leave } = this.#join(options.signal);
    try {
      const log = await this.#open(signal);
      const proof = log.begin();
      while (!proof.isProven) {
        await log.walkOn(proof, signal);
        this.#options.onWalk(log.log.nextIndex);
      }
      const { nextIndex, firstIndex, term } = log.log;
      return { nextIndex, firstIndex, term, ageMs: Math.round(log.tailAgeMs) };
    } catch (error) {
      throw this.#failureOf(error, options.signal);
    } finally {
      leave();
    }
  }

  /** Ends reads under way, and closes the store. */
  async close(): Promise<void> {
    this.#closing.abort(new SuraftError("cancelled", "the reader of the store is closed"));
    await this.#store.close();
  }

  /** A failure to open is not kept, nor is a log that is damaged: the next call begins anew. */
  async #open(signal: AbortSignal): Promise<StoreLog> {
    const { timeoutMs, cacheBytesMax } = this.#options;
    const requestTimeoutMs = Math.min(this.#options.requestTimeoutMs, timeoutMs);
    const store = this.#store;
    signal.throwIfAborted();
    const times = { timeoutMs, requestTimeoutMs };
    this.#opening ??= StoreLog.open({
      store,
      signal: this.#closing.signal,
      cacheBytesMax,
      ...times,
    }).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return await orAborted(this.#opening, signal);
  }

  /** Waits until it is time to look again; all who follow look at the same time, and once. */
  async #poll(log: StoreLog): Promise<Proof> {
    this.#nextPoll ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#nextPoll = undefined;
        resolve(log.begin());
      }, this.#options.pollIntervalMs);
    });
    return await this.#nextPoll;
  }

  #join(given: AbortSignal | undefined): JoinedSignal {
    const closing = this.#closing.signal;
    return joinSignals(given === undefined ? [closing] : [given, closing]);
  }

  #failureOf(error: unknown, given: AbortSignal | undefined): unknown {
    if (error instanceof SuraftError) {
      if (error.kind === "corrupt") this.#opening = undefined;
      return error;
    }
    if (given?.aborted === true) {
      return new SuraftError("cancelled", "given up by the caller", { cause: given.reason });
    }
    if (this.#closing.signal.aborted) {
      return new SuraftError("cancelled", reasonText(this.#closing.signal.reason));
    }
    return error;
  }
}
