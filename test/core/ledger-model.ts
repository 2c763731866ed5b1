/**
 * The ledger as the page tells it (PROTOCOL.md section 8), written down without a thought of cost: all
 * that ever happened is kept, and every question looks through it.
 */

import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { EntriesSegment } from "../../src/core/types.js";

interface ModelProducer {
  last: number;
  closed: boolean;
  usedAt: number;
}

interface ModelAnswer {
  readonly producerId: number;
  readonly sequence: number;
  readonly firstIndex: number;
  readonly checksum: number;
}

export class LedgerModel {
  readonly producers = new Map<number, ModelProducer>();
  nextId = 1;
  fence: { token: string; sinceIndex: number } | undefined;
  firstIndex = 1;
  nextIndex = 1;
  readonly #bounds: LedgerBounds;
  readonly #answers: ModelAnswer[] = [];
  #keys: { key: string; index: number }[] = [];
  #reachIndex = 1;
  #uses = 0;

  constructor(bounds: LedgerBounds) {
    this.#bounds = bounds;
  }

  apply(segment: EntriesSegment): void {
    for (const record of segment.records) {
      const index = segment.firstIndex + record.entryOffset;
      const usedAt = ++this.#uses;
      if (record.type === "opened") {
        this.#use(this.nextId++, { last: 0, closed: false, usedAt });
      } else if (record.type === "closed") {
        this.#use(record.producerId, { last: record.lastSequence, closed: true, usedAt });
      } else if (record.type === "produced") {
        const { producerId, sequence, checksum } = record;
        this.#use(producerId, { last: sequence, closed: false, usedAt });
        this.#answers.push({ producerId, sequence, checksum, firstIndex: index });
      } else if (record.type === "fenced") {
        this.fence = { token: record.token, sinceIndex: index };
      } else if (record.type === "trimmed") {
        this.firstIndex = Math.max(this.firstIndex, record.firstIndex);
      }
    }
    for (const { offset, key } of segment.keys) this.#add(key, segment.firstIndex + offset);
    this.nextIndex = segment.firstIndex + segment.entryCount;
  }

  /** What a repeat is answered with: an index, or that it is forgotten, or that there is none. */
  find(producerId: number, sequence: number): number | "forgotten" | "none" | "expired" {
    const producer = this.producers.get(producerId);
    if (producer === undefined) return "expired";
    if (sequence > producer.last) return "none";
    const found = this.#answers
      .slice(-this.#bounds.answersMax)
      .find((answer) => answer.producerId === producerId && answer.sequence === sequence);
    return found?.firstIndex ?? "forgotten";
  }

  findKey(key: string, sinceIndex: number): number | "none" | "forgotten" {
    const last = this.#keys.find((known) => known.key === key);
    if (last !== undefined) return last.index >= sinceIndex ? last.index : "none";
    return sinceIndex >= this.#reachIndex ? "none" : "forgotten";
  }

  #use(id: number, producer: ModelProducer): void {
    this.producers.set(id, producer);
    if (this.producers.size <= this.#bounds.producersMax) return;
    const [oldest] = [...this.producers].toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
    if (oldest !== undefined) this.producers.delete(oldest[0]);
  }

  #add(key: string, index: number): void {
    this.#keys = this.#keys.filter((known) => known.key !== key);
    this.#keys.push({ key, index });
    const isFull = (): boolean =>
      this.#keys.length > this.#bounds.keysMax ||
      this.#keys.map((known) => known.key).join("").length > this.#bounds.keyLengthMax;
    while (isFull()) this.#reachIndex = (this.#keys.shift()?.index ?? 0) + 1;
  }
}
