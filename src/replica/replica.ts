/**
 * Runs a state machine on the log.
 *
 * Invariant: every entry is applied once, in the order of the indexes, or is within the snapshot that
 * was installed.
 * Invariant: no more of the log is held than a few messages ahead of what is applied.
 * Invariant: a failure that a wait can mend is waited out; any other ends the replica, and everybody who
 * waits hears of it.
 */

import assert from "node:assert/strict";
import { SuraftError } from "../errors.js";
import { BackOff } from "../client/retry.js";
import { AppliedWaiters, bounded } from "./applied-waiters.js";
import { Proposals, type Applied } from "./proposals.js";
import { SerialMachine } from "./serial-machine.js";
import { Snapshotter } from "./snapshotter.js";
import { TailReads } from "./tail-reads.js";
import type { Client } from "../client/client.js";
import type { CallOptions, NewEntry, ReadBatch } from "../client/types.js";
import type { Snapshot, SnapshotStore } from "./snapshots.js";
import type { LogEntry, StateMachine } from "./state-machine.js";

export interface ReplicaOptions<Result> {
  /** Stays the caller's: the replica does not close it. */
  readonly client: Client;
  readonly machine: StateMachine<Result>;
  /** Where snapshots are kept; without it none is made, and the state comes from the log alone. */
  readonly snapshots?: SnapshotStore;
  /** A snapshot is made after so many entries; 100,000 by default, 0 for never by itself. */
  readonly snapshotEveryEntries?: number;
  /**
   * What `buildSnapshot` gives stays as it is while entries are applied (a copy, persistent data): then
   * the replica goes on while it is written. Otherwise it waits.
   */
  readonly concurrentSnapshots?: boolean;
  /** How long calls take that do not say otherwise; 10 s by default. */
  readonly timeoutMs?: number;
  /** Ends the start, and the replica. */
  readonly signal?: AbortSignal;
  /** Hears of failures that are waited out: of the log, and of snapshots that were not made. */
  readonly onRetry?: (error: SuraftError) => void;
}

const timeoutMsDefault = 10_000;
const snapshotEveryDefault = 100_000;

/**
 * Starts a replica: installs the newest snapshot, if there is one and the machine is not further, and
 * goes on applying the log in the background. Resolves once the snapshot is installed; wait for
 * {@link Replica.barrier} to have the state catch up. Rejects with a SuraftError.
 */
export async function startReplica<Result>(
  options: ReplicaOptions<Result>,
): Promise<Replica<Result>> {
  const replica = new Replica(options);
  await replica.begin();
  return replica;
}

/** Made by {@link startReplica}. */
export class Replica<Result> {
  /** Rejects when the replica can go on no more. Never resolves. */
  readonly failed: Promise<never>;
  readonly #options: ReplicaOptions<Result>;
  readonly #applied = new AppliedWaiters();
  readonly #proposals: Proposals<Result>;
  readonly #tails: TailReads;
  readonly #machine: SerialMachine<Result>;
  readonly #snapshotter: Snapshotter<Result>;
  readonly #closing = new AbortController();
  #fail: (error: SuraftError) => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  /** @internal Call {@link startReplica}. */
  constructor(options: ReplicaOptions<Result>) {
    this.#options = options;
    this.failed = new Promise<never>((_, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
    this.#proposals = new Proposals(options.client, this.#timeoutMs);
    this.#tails = new TailReads(options.client);
    this.#machine = new SerialMachine(options.machine);
    this.#snapshotter = new Snapshotter({
      machine: this.#machine,
      store: options.snapshots,
      everyEntries: options.snapshotEveryEntries ?? snapshotEveryDefault,
      concurrent: options.concurrentSnapshots ?? false,
      signal: this.#closing.signal,
      onFailure: (error) => options.onRetry?.(error),
    });
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    if (options.signal?.aborted === true) this.#abort();
  }

  /** @internal Restores the state and begins to apply. */
  async begin(): Promise<void> {
    try {
      this.#applied.advance(await this.#machine.open());
      await this.#restore();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#running = this.#run();
  }

  /** The index of the next entry to be applied: the state is that of the log below it. */
  get nextIndex(): number {
    return this.#applied.nextIndex;
  }

  /**
   * Appends an entry, exactly once, and resolves with what the state machine made of it, once it is
   * applied here.
   *
   * Rejects with `unknown_outcome` (also `deadline_exceeded` and `cancelled`) if it may be in the log or
   * not; with any other kind it is certainly not.
   */
  async propose(entry: NewEntry, options: CallOptions = {}): Promise<Applied<Result>> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const { signal } = options;
    const endMs = performance.now() + timeoutMs;
    return await bounded(this.#proposals.propose(entry, { endMs, signal }), { signal, timeoutMs });
  }

  /** Resolves once the entry at this index, and so everything before it, is applied. */
  async waitUntilApplied(index: number, options: CallOptions = {}): Promise<void> {
    await this.#bounded(this.#applied.until(index + 1), options);
  }

  /**
   * Resolves once everything is applied that anybody was told to be in the log before this call: the
   * state may be looked at then as one that is up to date. Resolves to {@link nextIndex}.
   */
  async barrier(options: CallOptions = {}): Promise<number> {
    const caughtUp = async () => {
      await this.#applied.until(await this.#tails.next());
      return this.nextIndex;
    };
    return await this.#bounded(caughtUp(), options);
  }

  /**
   * A linearizable read: what `query` gives of a state that counts every append that was acknowledged to
   * anybody before this call. Reads at the same time share one question to the log.
   */
  async read<Value>(query: () => Value, options: CallOptions = {}): Promise<Value> {
    await this.barrier(options);
    return query();
  }

  /** Makes a snapshot now; resolves once it is kept. Rejects with `not_served` without a place for it. */
  async snapshot(options: CallOptions = {}): Promise<Snapshot> {
    return await this.#bounded(this.#snapshotter.make(this.nextIndex), options);
  }

  /** Ends the replica: what is under way is given up. A second call joins the first. */
  async close(): Promise<void> {
    this.#abort();
    await this.#running;
    await this.#snapshotter.idle();
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? timeoutMsDefault;
  }

  async #bounded<T>(promise: Promise<T>, { signal, timeoutMs }: CallOptions): Promise<T> {
    promise.catch(() => undefined);
    return await bounded(promise, { signal, timeoutMs: timeoutMs ?? this.#timeoutMs });
  }

  readonly #abort = (): void => {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#end(new SuraftError("cancelled", "the replica is closed"));
  };

  #end(error: SuraftError): void {
    this.#applied.fail(error);
    this.#proposals.fail(error);
  }

  async #run(): Promise<void> {
    const backOff = new BackOff();
    while (!this.#closing.signal.aborted) {
      try {
        await this.#follow(backOff);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (!(await this.#mend(error, backOff))) return;
      }
    }
  }

  /** Applies the log as it grows. Throws when it cannot be read for some time. */
  async #follow(backOff: BackOff): Promise<void> {
    const start = { type: "index", index: this.nextIndex } as const;
    const { signal } = this.#closing;
    for await (const { batches } of this.#options.client.read({ start, follow: true, signal })) {
      for (const batch of batches) await this.#apply(batch);
      backOff.reset();
    }
  }

  async #apply(batch: ReadBatch): Promise<void> {
    assert.equal(batch.firstIndex, this.nextIndex, "the log is read in order and without gaps");
    const entries = entriesOf(batch);
    const results = await this.#machine.apply(entries);
    this.#snapshotter.applied(entries.length);
    this.#applied.advance(batch.firstIndex + entries.length);
    if (this.#proposals.openCount > 0) {
      entries.forEach((entry, at) => this.#proposals.applied(entry, results[at] as Result));
    }
    if (this.#snapshotter.due) this.#snapshotter.begin(this.nextIndex);
  }

  /** Waits, or restores the state, as the failure asks for. False: the replica is over. */
  async #mend(error: unknown, backOff: BackOff): Promise<boolean> {
    try {
      if (!(error instanceof SuraftError)) throw error;
      if (mendedByTime.has(error.kind)) {
        this.#options.onRetry?.(error);
        await backOff.pause({ endMs: Infinity, signal: this.#closing.signal }, error.retryDelayMs);
        return true;
      }
      if (error.kind !== "out_of_range" || !(await this.#restore())) throw error;
      return true;
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      const kind = failure instanceof SuraftError ? failure.kind : "corrupt";
      const message = `the replica has stopped at index ${this.nextIndex}: ${reason}`;
      const details = failure instanceof SuraftError ? failure.details : {};
      const final = new SuraftError(kind, message, { details, cause: failure });
      this.#end(final);
      this.#fail(final);
      return false;
    }
  }

  /** Installs the newest snapshot that is whole and further than the state. False if there is none. */
  async #restore(): Promise<boolean> {
    const nextIndex = await this.#snapshotter.restore(this.nextIndex);
    if (nextIndex === undefined) return false;
    this.#applied.advance(nextIndex);
    this.#proposals.skipped(nextIndex);
    return true;
  }
}

const mendedByTime: ReadonlySet<string> = new Set([
  "unavailable",
  "overloaded",
  "not_leader",
  "deadline_exceeded",
]);

function entriesOf({ firstIndex, term, timestampMs, entries }: ReadBatch): readonly LogEntry[] {
  return entries.map(({ payload, headers, key }, offset) => ({
    index: firstIndex + offset,
    term,
    timestampMs,
    payload,
    headers,
    key,
  }));
}
