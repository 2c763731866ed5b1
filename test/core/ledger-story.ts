/** Random logs with records and keys, as leaders write them. */

import fc from "fast-check";
import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { EntriesSegment, LogRecord } from "../../src/core/types.js";
import { LedgerModel } from "./ledger-model.js";
import { entries } from "./samples.js";

/** What may happen next, and to whom. */
export const someEvent = fc.record({
  kind: fc.constantFrom(
    ...(["open", "produce", "produce", "produce", "late"] as const),
    ...(["close", "lateClose", "fence", "trim", "key", "key", "plain"] as const),
  ),
  pick: fc.nat(99),
});

export type LedgerEvent = typeof someEvent extends fc.Arbitrary<infer T> ? T : never;

/** A log as leaders write it, one segment after the other. */
export class LedgerStory {
  readonly model: LedgerModel;
  readonly segments: EntriesSegment[] = [];

  /** Goes on behind segments that were written already. */
  constructor(bounds: LedgerBounds, written: readonly EntriesSegment[] = []) {
    this.model = new LedgerModel(bounds);
    for (const segment of written) {
      this.segments.push(segment);
      this.model.apply(segment);
    }
  }

  happens({ kind, pick }: LedgerEvent): EntriesSegment {
    const entryOffset = pick % 2;
    const record = this.#record(kind, pick, entryOffset);
    const keys =
      kind === "key" ? [{ offset: entryOffset, key: "abcdefgh".slice(0, pick % 7) }] : [];
    const segment = entries({
      position: this.segments.length + 1,
      firstIndex: this.model.nextIndex,
      entryCount: 2,
      records: record === undefined ? [] : [record],
      keys: keys.filter(({ key }) => key !== ""),
    });
    this.segments.push(segment);
    this.model.apply(segment);
    return segment;
  }

  #record(kind: LedgerEvent["kind"], pick: number, entryOffset: number): LogRecord | undefined {
    const { model } = this;
    const known = [...model.producers];
    const [id, producer] = known[pick % Math.max(1, known.length)] ?? [];
    switch (kind) {
      case "open":
        return { type: "opened", entryOffset };
      case "produce":
        return producer === undefined || id === undefined || producer.closed
          ? undefined
          : this.#produced(id, producer.last + 1, entryOffset);
      case "late": {
        // It was judged while it was known, and expired before it was committed.
        const expired = this.#expired(pick);
        if (expired === undefined || this.#isClosed(expired)) return undefined;
        return this.#produced(expired, 1 + this.#lastOf(expired), entryOffset);
      }
      case "close":
        return producer === undefined || id === undefined
          ? undefined
          : { type: "closed", entryOffset, producerId: id, lastSequence: producer.last };
      case "lateClose": {
        const expired = this.#expired(pick);
        if (expired === undefined) return undefined;
        const lastSequence = this.#lastOf(expired);
        return { type: "closed", entryOffset, producerId: expired, lastSequence };
      }
      case "fence":
        return { type: "fenced", entryOffset, token: `t${pick}` };
      case "trim":
        return { type: "trimmed", entryOffset, firstIndex: 1 + (pick % model.nextIndex) };
      default:
        return undefined;
    }
  }

  #produced(producerId: number, sequence: number, entryOffset: number): LogRecord {
    const checksum = producerId * 1000 + sequence;
    return { type: "produced", entryOffset, entryCount: 1, producerId, sequence, checksum };
  }

  #expired(pick: number): number | undefined {
    const { nextId, producers } = this.model;
    const id = 1 + (pick % Math.max(1, nextId - 1));
    return id >= nextId || producers.has(id) ? undefined : id;
  }

  #isClosed(id: number): boolean {
    return this.segments.some(({ records }) =>
      records.some((record) => record.type === "closed" && record.producerId === id),
    );
  }

  #lastOf(id: number): number {
    const numbers = this.segments
      .flatMap(({ records }) => records)
      .map((record) =>
        record.type === "produced" && record.producerId === id ? record.sequence : 0,
      );
    return Math.max(0, ...numbers);
  }
}
