/** Where a replica keeps its snapshots. */

import { SuraftError } from "../errors.js";

/** A state machine's state behind the entries below an index. */
export interface Snapshot {
  /** The index of the first entry that is not in it. */
  readonly nextIndex: number;
  readonly sizeBytes: number;
}

/**
 * A place for snapshots. All failures are SuraftErrors.
 *
 * Whoever implements it keeps this: a snapshot is either whole or not listed, and bytes that are not
 * those that were put make `get` throw `corrupt`, at the latest at the end of its stream.
 */
export interface SnapshotStore {
  /** Keeps a snapshot; it is durable when this resolves. Of the same index the later one stays. */
  put(
    nextIndex: number,
    content: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<Snapshot>;

  /** The snapshots that there are, the newest first. */
  list(options: { readonly signal: AbortSignal }): Promise<readonly Snapshot[]>;

  /** A snapshot's bytes. */
  get(snapshot: Snapshot, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>;
}

/** How many snapshots a store of this module keeps: the newest, and one to fall back to. */
export const snapshotsKept = 2;

/** Snapshots in this process's memory: for tests. Several replicas may share them. */
export class MemorySnapshots implements SnapshotStore {
  #kept: readonly { readonly snapshot: Snapshot; readonly bytes: Uint8Array }[] = [];

  async put(
    nextIndex: number,
    content: AsyncIterable<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Snapshot> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) {
      throwIfAborted(signal);
      chunks.push(Uint8Array.from(chunk));
    }
    const bytes = Buffer.concat(chunks);
    const snapshot = { nextIndex, sizeBytes: bytes.length };
    const others = this.#kept.filter((one) => one.snapshot.nextIndex !== nextIndex);
    this.#kept = [...others, { snapshot, bytes }]
      .sort((a, b) => b.snapshot.nextIndex - a.snapshot.nextIndex)
      .slice(0, snapshotsKept);
    return snapshot;
  }

  list(): Promise<readonly Snapshot[]> {
    return Promise.resolve(this.#kept.map(({ snapshot }) => snapshot));
  }

  async *get({ nextIndex }: Snapshot): AsyncGenerator<Uint8Array, void, undefined> {
    const found = this.#kept.find(({ snapshot }) => snapshot.nextIndex === nextIndex);
    if (found === undefined) {
      throw new SuraftError("unavailable", `the snapshot at index ${nextIndex} is gone`);
    }
    yield found.bytes.slice();
  }
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new SuraftError("cancelled", "given up by the caller", { cause: signal.reason });
  }
}
