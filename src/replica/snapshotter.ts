/**
 * Makes snapshots of a state machine, and installs them.
 *
 * Invariant: one snapshot is made at a time.
 */

import { SuraftError } from "../errors.js";
import type { Snapshot, SnapshotStore } from "./snapshots.js";
import type { SerialMachine } from "./serial-machine.js";

export interface SnapshotterOptions<Result> {
  readonly machine: SerialMachine<Result>;
  readonly store: SnapshotStore | undefined;
  /** 0: never by itself. */
  readonly everyEntries: number;
  readonly concurrent: boolean;
  readonly signal: AbortSignal;
  /** A snapshot was not made, or an old one is damaged: life goes on. */
  readonly onFailure: (error: SuraftError) => void;
}

export class Snapshotter<Result> {
  readonly #options: SnapshotterOptions<Result>;
  #making: Promise<Snapshot> | undefined;
  #entriesSince = 0;

  constructor(options: SnapshotterOptions<Result>) {
    this.#options = options;
  }

  /** Whether it is time for a snapshot. */
  get due(): boolean {
    const { store, everyEntries } = this.#options;
    if (store === undefined || everyEntries === 0 || this.#making !== undefined) return false;
    return this.#entriesSince >= everyEntries;
  }

  applied(count: number): void {
    this.#entriesSince += count;
  }

  /** Begins a snapshot whose failure only `onFailure` hears of. */
  begin(nextIndex: number): void {
    this.make(nextIndex).catch((error: unknown) => {
      // Tried again after as many entries, not at each one.
      this.#entriesSince = 0;
      if (!this.#options.signal.aborted) this.#options.onFailure(asSuraftError(error));
    });
  }

  /** Makes a snapshot of the state, or joins the one that is being made if it is of the same index. */
  async make(nextIndex: number): Promise<Snapshot> {
    const { store } = this.#options;
    if (store === undefined) {
      throw new SuraftError("not_served", "the replica was given no place for snapshots");
    }
    const before = this.#making;
    if (before !== undefined) {
      const made = await before.catch(() => undefined);
      if (made !== undefined && made.nextIndex >= nextIndex) return made;
      if (this.#making !== undefined) return await this.make(nextIndex);
    }
    const making = this.#make(store);
    this.#making = making;
    try {
      return await making;
    } finally {
      this.#making = undefined;
    }
  }

  /**
   * Installs the newest snapshot that is whole, if one reaches beyond `nextIndex`. Resolves to the index
   * behind it, or undefined. Rejects with `corrupt` if those that reach beyond are all damaged.
   */
  async restore(nextIndex: number): Promise<number | undefined> {
    const { store, signal, machine, onFailure } = this.#options;
    if (store === undefined) return undefined;
    const further = (await store.list({ signal })).filter((one) => one.nextIndex > nextIndex);
    for (const [at, snapshot] of further.entries()) {
      try {
        await machine.install(snapshot, store.get(snapshot, { signal }));
        this.#entriesSince = 0;
        return snapshot.nextIndex;
      } catch (error) {
        if (signal.aborted || at === further.length - 1) throw error;
        onFailure(asSuraftError(error));
      }
    }
    return undefined;
  }

  /** Resolves once no snapshot is being made. */
  async idle(): Promise<void> {
    await this.#making?.catch(() => undefined);
    await this.#options.machine.idle();
  }

  async #make(store: SnapshotStore): Promise<Snapshot> {
    const { machine, concurrent, signal } = this.#options;
    const entriesBefore = this.#entriesSince;
    const made = await machine.build(
      ({ nextIndex, content }) => store.put(nextIndex, content, { signal }),
      { concurrent },
    );
    this.#entriesSince -= entriesBefore;
    return made;
  }
}

function asSuraftError(error: unknown): SuraftError {
  if (error instanceof SuraftError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SuraftError("unavailable", `no snapshot: ${reason}`, { cause: error });
}
