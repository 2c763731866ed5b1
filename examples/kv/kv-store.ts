/**
 * A replicated key-value store: each process that opens it on the same log has all of it.
 *
 * Invariant: `get` and the outcome of every change are linearizable.
 */

import { SuraftError, type Client } from "suraft/client";
import { startReplica, type Replica, type Snapshot, type SnapshotStore } from "suraft/replica";
import { encodeCommand, type Command } from "./commands.js";
import { KvMachine, type Change, type Outcome, type Stored } from "./kv-machine.js";

/** What became of a change that had a condition, or none. */
export type Changed = Exclude<Outcome, { readonly type: "ignored" }>;

export interface KvOptions {
  readonly client: Client;
  readonly snapshots?: SnapshotStore;
  /** See `ReplicaOptions`. */
  readonly snapshotEveryEntries?: number;
  readonly onRetry?: (error: SuraftError) => void;
}

export interface Bounds {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

const keyBytesMax = 256;

/** Opens the store: restores its state from a snapshot, and follows the log. */
export async function openKvStore({ client, ...options }: KvOptions): Promise<KvStore> {
  const machine = new KvMachine();
  const replica = await startReplica({ ...options, client, machine, concurrentSnapshots: true });
  return new KvStore(machine, replica);
}

export class KvStore {
  readonly #machine: KvMachine;
  readonly #replica: Replica<Outcome>;
  readonly #closing = new AbortController();
  #watching: (() => void)[] = [];

  constructor(machine: KvMachine, replica: Replica<Outcome>) {
    this.#machine = machine;
    this.#replica = replica;
    machine.onApplied = () => {
      for (const wake of this.#watching.splice(0)) wake();
    };
  }

  get failed(): Promise<never> {
    return this.#replica.failed;
  }

  /** What a key has now; or, `local`, what this process knows, without asking anybody. */
  async get(
    key: string,
    { local, ...bounds }: Bounds & { readonly local?: boolean } = {},
  ): Promise<Stored | undefined> {
    if (local === true) return this.#machine.get(key);
    return await this.#replica.read(() => this.#machine.get(key), bounds);
  }

  /** Sets a key; with `if`, only if that is its version (0: if it is absent). */
  async put(
    key: string,
    value: string,
    { if: version, ...bounds }: Bounds & { readonly if?: number } = {},
  ): Promise<Changed> {
    return await this.#change({ op: "put", key, value, if: version }, bounds);
  }

  /** Removes a key; with `if`, only if that is its version. */
  async delete(
    key: string,
    { if: version, ...bounds }: Bounds & { readonly if?: number } = {},
  ): Promise<Changed> {
    return await this.#change({ op: "delete", key, if: version }, bounds);
  }

  /**
   * The changes of all keys that begin with `prefix`, from an index of the log on (by default from now
   * on), in order, each once. Nothing is queued for a slow reader: one that falls ten thousand changes
   * behind gets `out_of_range`, reads the keys anew, and goes on from there.
   */
  async *watch({
    prefix = "",
    from,
    signal,
  }: {
    readonly prefix?: string;
    readonly from?: number | undefined;
    readonly signal?: AbortSignal;
  } = {}): AsyncGenerator<Change, void, undefined> {
    const stopped = AbortSignal.any([
      this.#closing.signal,
      ...(signal === undefined ? [] : [signal]),
    ]);
    let next = from ?? (await this.#replica.barrier({ signal: stopped }));
    while (!stopped.aborted) {
      const found = this.#machine.changesFrom(next);
      if (found === undefined) throw forgotten(next, this.#machine.oldestChange);
      next = found.nextIndex;
      for (const change of found.changes) {
        if (change.key.startsWith(prefix)) yield change;
      }
      if (found.changes.length === 0) await this.#applied(stopped);
    }
  }

  /** How many keys this process knows. */
  get size(): number {
    return this.#machine.size;
  }

  /** Resolves once everything is here that anybody was told of. */
  async caughtUp(bounds: Bounds = {}): Promise<void> {
    await this.#replica.barrier(bounds);
  }

  /** Makes a snapshot now, beside those that are made by themselves. */
  async snapshot(bounds: Bounds = {}): Promise<Snapshot> {
    return await this.#replica.snapshot(bounds);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#replica.close();
  }

  async #change(command: Command, bounds: Bounds): Promise<Changed> {
    const { key } = command;
    const size = Buffer.byteLength(key);
    if (size === 0 || size > keyBytesMax) {
      throw new SuraftError("invalid", `a key has 1 to ${keyBytesMax} bytes`);
    }
    // With the log's own key too: `suraft read --key` finds all that was done to it.
    const entry = { payload: encodeCommand(command), key };
    const { result } = await this.#replica.propose(entry, bounds);
    if (result.type === "ignored") throw new SuraftError("corrupt", "the log took no command");
    return result;
  }

  #applied(stopped: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stopped.removeEventListener("abort", wake);
        resolve();
      };
      stopped.addEventListener("abort", wake);
      this.#watching.push(wake);
    });
  }
}

function forgotten(index: number, oldest: number): SuraftError {
  const message = `changes below index ${oldest} are forgotten; index ${index} was asked for`;
  return new SuraftError("out_of_range", message, { details: { first_index: String(oldest) } });
}
