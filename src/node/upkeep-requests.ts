/**
 * Performs upkeep's effects: each is answered by exactly one input. It decides nothing.
 *
 * Invariant: a manifest, a page and a delete are one request each; what upkeep may settle by itself
 * (a ledger, an archive) is repeated until it is settled or has taken too long.
 */

import { SuraftError } from "../errors.js";
import { buildArchive } from "../log/archive-builder.js";
import { createLedger } from "../log/checkpoint.js";
import { encodeManifest } from "../log/manifest-codec.js";
import { listingOf, manifestName, objectName, parseObjectName } from "../log/names.js";
import { withDeadline } from "../store/abort.js";
import { nameAfter } from "../store/object-name.js";
import { StoreError } from "../store/store.js";
import type { CreateOutcome } from "../core/protocol.js";
import type { ManifestView } from "../core/manifest.js";
import type {
  Archived,
  Deleted,
  LedgerWritten,
  Listed,
  Listing,
  ObjectName,
  UpkeepEffect,
} from "../core/upkeep/protocol.js";
import type { LogHistory } from "../log/log-history.js";
import type { Store } from "../store/store.js";

export interface UpkeepRequestsOptions {
  readonly store: Store;
  readonly clusterId: string;
  readonly history: LogHistory;
  readonly timeoutMs: number;
  /** What could not be done, for people. */
  readonly onProblem: (problem: string) => void;
}

/** An object that takes longer to be made or settled is given up: it is never named. */
const makeTimeoutMs = 10 * 60_000;

const pageItems = 1000;

type Effect<Type extends UpkeepEffect["type"]> = Extract<UpkeepEffect, { type: Type }>;

export class UpkeepRequests {
  readonly #options: UpkeepRequestsOptions;
  readonly #closing = new AbortController();

  constructor(options: UpkeepRequestsOptions) {
    this.#options = options;
  }

  /** Whatever is under way ends. */
  close(): void {
    this.#closing.abort(new Error("the node is stopping"));
  }

  async createManifest(manifest: ManifestView): Promise<CreateOutcome> {
    const { store, timeoutMs, onProblem } = this.#options;
    const name = manifestName(manifest.number);
    const bytes = encodeManifest(manifest);
    const result = await this.#within(timeoutMs, (signal) => store.create(name, bytes, { signal }));
    if ("cause" in result) onProblem(`create ${name}: ${result.cause}`);
    return result.type;
  }

  async createLedger({ id, ledger }: Effect<"createLedger">): Promise<LedgerWritten> {
    const { store, clusterId, timeoutMs } = this.#options;
    return await this.#made(objectName({ type: "checkpoint", id }), async (signal) => {
      const options = { signal, requestMsMax: timeoutMs };
      const ref = await createLedger(store, clusterId, { id, ledger }, options);
      return ref === undefined ? { type: "failed" } : { type: "created", ledger: ref };
    });
  }

  async createArchive(effect: Effect<"createArchive">): Promise<Archived> {
    const { store, clusterId, history, timeoutMs, onProblem } = this.#options;
    const { id, from, to, bytesMax } = effect;
    const name = objectName({ type: "archive", id });
    try {
      return await this.#made<Archived>(name, async (signal) => {
        const plan = { clusterId, id, from, to, bytesMax };
        const options = { signal, requestMsMax: timeoutMs };
        const built = await buildArchive(store, history, plan, options);
        return built === undefined ? { type: "failed" } : { type: "created", ...built };
      });
    } catch (error) {
      if (!(error instanceof SuraftError)) throw error;
      onProblem(`make ${name}: ${error.message}`);
      return { type: "corrupt", reason: error.message };
    }
  }

  /** A page that has something known in it, or the last one. */
  async list(listing: Listing): Promise<Listed> {
    const { store, timeoutMs, onProblem } = this.#options;
    const bounds = listingOf(listing);
    try {
      for (let { startAt } = bounds; ;) {
        const from = { ...bounds, startAt, limit: pageItems };
        const page = await this.#within(timeoutMs, (signal) => store.list({ ...from, signal }));
        const names = page.items.map(({ name }) => parseObjectName(name));
        const known = names.filter((name) => name !== undefined);
        const last = page.items.at(-1);
        if (known.length > 0 || !page.more || last === undefined) {
          return { type: "listed", names: known, more: known.length > 0 && page.more };
        }
        startAt = nameAfter(last.name);
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onProblem(`list ${bounds.prefix}: ${error.message}`);
      return { type: "unavailable" };
    }
  }

  async delete(name: ObjectName): Promise<Deleted> {
    const { store, timeoutMs, onProblem } = this.#options;
    const text = objectName(name);
    const result = await this.#within(timeoutMs, (signal) => store.delete(text, { signal }));
    if ("cause" in result) onProblem(`delete ${text}: ${result.cause}`);
    return result.type;
  }

  /** What a making comes to; what is out of reach or given up has failed. */
  async #made<Made>(
    name: string,
    make: (signal: AbortSignal) => Promise<Made>,
  ): Promise<Made | { type: "failed" }> {
    return await this.#within(makeTimeoutMs, async (signal) => {
      try {
        return await make(signal);
      } catch (error) {
        if (error instanceof SuraftError && error.kind === "corrupt") throw error;
        const isFailure = error instanceof SuraftError || error instanceof StoreError;
        if (!isFailure && !signal.aborted) throw error;
        this.#options.onProblem(`make ${name}: ${(error as Error).message}`);
        return { type: "failed" };
      }
    });
  }

  #within<T>(timeoutMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(this.#closing.signal, timeoutMs, run);
  }
}
