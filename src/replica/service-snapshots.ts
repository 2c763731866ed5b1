/** Snapshots kept by the cluster, beside the log. */

import { SuraftError } from "../errors.js";
import type { Client } from "../client/client.js";
import type { Snapshot, SnapshotStore } from "./snapshots.js";

/**
 * Keeps snapshots where the log is: every replica, wherever it runs, finds those of all others. The
 * cluster keeps the newest few. Where another replica's snapshot covers as much or more, that one is
 * as good, and `put` resolves to it.
 */
export class ServiceSnapshots implements SnapshotStore {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async put(
    nextIndex: number,
    content: AsyncIterable<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Snapshot> {
    try {
      const { sizeBytes } = await this.#client.putSnapshot(content, { nextIndex, signal });
      return { nextIndex, sizeBytes };
    } catch (error) {
      const newest = isCovered(error) ? (await this.list({ signal }))[0] : undefined;
      if (newest === undefined || newest.nextIndex < nextIndex) throw error;
      return newest;
    }
  }

  async list({ signal }: { readonly signal: AbortSignal }): Promise<readonly Snapshot[]> {
    const snapshots = await this.#client.snapshots({ signal });
    return snapshots.map(({ nextIndex, sizeBytes }) => ({ nextIndex, sizeBytes }));
  }

  async *get(
    { nextIndex }: Snapshot,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { content } = await this.#client.getSnapshot({ nextIndex, signal });
    yield* content;
  }
}

function isCovered(error: unknown): boolean {
  return (
    error instanceof SuraftError &&
    error.kind === "conflict" &&
    error.details["condition"] === "newest_snapshot"
  );
}
