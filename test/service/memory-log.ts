/** A log in memory, of real sealed segments. */

import type { EntriesSegment } from "../../src/core/types.js";
import { SuraftError } from "../../src/errors.js";
import type { EntryRun } from "../../src/log/entry-run.js";
import type { LogReader, ReadOptions } from "../../src/log/log-reader.js";
import { sealSegment } from "../../src/log/segment-codec.js";

export const clusterId = "c0ffee";

interface Waiter {
  readonly index: number;
  readonly resolve: () => void;
}

export class MemoryLog implements LogReader {
  firstIndex = 1;
  nextIndex = 1;
  term = 0;
  /** Who waits for the log to grow. */
  readonly waiters = new Set<Waiter>();
  /** Readers of segments that have neither ended nor gone. */
  readersOpen = 0;
  /** Called before each segment that is read; a test may stall or fail a reader here. */
  beforeSegment: ((segment: EntriesSegment) => Promise<void>) | undefined;
  #segments: EntriesSegment[] = [];

  /** Seals the runs into the log's next segment. */
  append(runs: readonly EntryRun[], timestampMs: number): EntriesSegment {
    const entryCount = runs.reduce((total, run) => total + run.entryCount, 0);
    const last = this.#segments.at(-1);
    const segment = sealSegment(clusterId, {
      type: "entries",
      position: (last?.position ?? 0) + 1,
      epoch: { term: this.term, leaderId: "n1", nonce: "0".repeat(32) },
      previous: { position: last?.position ?? 0, checksum: last?.checksum ?? 1 },
      firstIndex: this.nextIndex,
      entryCount,
      timestampMs,
      appends: runs.map((run) => ({
        run,
        entryCount: run.entryCount,
        sizeBytes: run.bytes.length,
      })),
      records: [],
      keys: [],
    });
    if (segment.type !== "entries") {
      throw new Error("a draft of entries is sealed into a segment of entries");
    }
    this.#segments.push(segment);
    this.nextIndex += entryCount;
    for (const waiter of this.waiters) {
      if (waiter.index < this.nextIndex) {
        this.waiters.delete(waiter);
        waiter.resolve();
      }
    }
    return segment;
  }

  /** Forgets all but the last segments, and their entries' indexes. */
  trim(keep: number): void {
    this.#segments = this.#segments.slice(-keep);
    this.firstIndex = this.#segments[0]?.firstIndex ?? this.nextIndex;
  }

  async *segments({ startIndex, signal }: ReadOptions): AsyncGenerator<EntriesSegment> {
    this.readersOpen += 1;
    try {
      for (let i = this.#find(startIndex); i < this.#segments.length; i++) {
        const segment = this.#segments[i];
        if (segment === undefined) {
          return;
        }
        await this.beforeSegment?.(segment);
        signal.throwIfAborted();
        yield segment;
      }
    } finally {
      this.readersOpen -= 1;
    }
  }

  async *segmentsBack({ startIndex, signal }: ReadOptions): AsyncGenerator<EntriesSegment> {
    this.readersOpen += 1;
    try {
      for (let i = this.#find(startIndex); i >= 0 && startIndex >= this.firstIndex; i--) {
        const segment = this.#segments[i];
        if (segment === undefined) {
          continue;
        }
        await this.beforeSegment?.(segment);
        signal.throwIfAborted();
        yield segment;
      }
    } finally {
      this.readersOpen -= 1;
    }
  }

  async findTimestamp(timestampMs: number): Promise<number> {
    const found = this.#segments.find((segment) => segment.timestampMs >= timestampMs);
    return found?.firstIndex ?? this.nextIndex;
  }

  waitPast(index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.nextIndex > index) {
        resolve();
        return;
      }
      const gone = (): void => {
        this.waiters.delete(waiter);
        reject(signal.reason instanceof Error ? signal.reason : new SuraftError("cancelled", ""));
      };
      const waiter: Waiter = {
        index,
        resolve: () => {
          signal.removeEventListener("abort", gone);
          resolve();
        },
      };
      if (signal.aborted) {
        gone();
        return;
      }
      signal.addEventListener("abort", gone, { once: true });
      this.waiters.add(waiter);
    });
  }

  /** The segment that holds the index, or the number of segments. */
  #find(index: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = this.#segments[middle];
      if (segment !== undefined && segment.firstIndex + segment.entryCount <= index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
