/**
 * The ledger as it will stand once the chain of open batches is committed: what appends are judged
 * by, since they are to stand behind it.
 *
 * Invariant: it is the ledger and the records and keys of the chain, one after the other. A batch
 * that is committed leaves here for the ledger; when batches die it is built anew.
 */

import type { KnownLog } from "./known-log.js";
import type { KeyFinding } from "./ledger/recent-keys.js";
import type { Fence } from "./ledger/snapshot.js";
import type { EntriesSegment, LogRecord, Segment } from "./types.js";

/** What is known of a producer, open batches counted. */
export interface ProducerState {
  readonly lastSequence: number;
  readonly closed: boolean;
}

/** What the chain says of a producer. */
interface OpenProducer {
  lastSequence: number;
  closed: boolean;
  /** How many records of it are open. */
  openCount: number;
  /** The checksums of its open appends, by number. */
  readonly checksums: Map<number, number>;
}

export class OpenLedger {
  readonly #log: KnownLog;
  readonly #producers = new Map<number, OpenProducer>();
  readonly #keys = new Map<string, number>();
  #openedCount = 0;
  #fence: Fence | undefined;
  #firstIndex = 0;
  #membersVersion = 0;

  constructor(log: KnownLog) {
    this.#log = log;
  }

  get nextProducerId(): number {
    return this.#log.ledger.nextProducerId + this.#openedCount;
  }

  get fence(): Fence | undefined {
    return this.#fence ?? this.#log.ledger.fence;
  }

  get firstIndex(): number {
    return Math.max(this.#firstIndex, this.#log.ledger.firstIndex);
  }

  /** The version of the list of members. */
  get membersVersion(): number {
    return Math.max(this.#membersVersion, this.#log.members.version);
  }

  /** Undefined if the producer has expired or was never opened. */
  producer(id: number): ProducerState | undefined {
    const { ledger } = this.#log;
    const isNew = id >= ledger.nextProducerId && id < this.nextProducerId;
    return (
      this.#producers.get(id) ?? (isNew ? { lastSequence: 0, closed: false } : ledger.producer(id))
    );
  }

  /** The checksum of a producer's append; undefined where it is not remembered. */
  checksumOf(id: number, sequence: number): number | undefined {
    const open = this.#producers.get(id)?.checksums.get(sequence);
    return open ?? this.#log.ledger.answer(id, sequence)?.checksum;
  }

  /** Whether an entry with the key stands at or above an index. */
  findKey(key: string, sinceIndex: number): KeyFinding {
    const index = this.#keys.get(key);
    if (index === undefined) return this.#log.ledger.findKey(key, sinceIndex);
    return index < sinceIndex ? { type: "none" } : { type: "last", index };
  }

  /** The chain gets a record; `nextIndex` is the index of the entry behind it. */
  note(record: LogRecord, nextIndex: number): void {
    switch (record.type) {
      case "produced": {
        const producer = this.#open(record.producerId);
        producer.lastSequence = record.sequence;
        producer.checksums.set(record.sequence, record.checksum);
        return;
      }
      case "opened":
        this.#openedCount++;
        return;
      case "closed": {
        const producer = this.#open(record.producerId);
        producer.lastSequence = record.lastSequence;
        producer.closed = true;
        return;
      }
      case "fenced":
        this.#fence = { token: record.token, sinceIndex: nextIndex };
        return;
      case "trimmed":
        this.#firstIndex = Math.max(this.#firstIndex, record.firstIndex);
        return;
      case "members":
        this.#membersVersion = record.list.version;
        return;
    }
  }

  /** The chain gets an entry with a key. */
  noteKey(key: string, index: number): void {
    this.#keys.set(key, index);
  }

  /** The first batch of the chain is committed: the ledger has it. */
  committed(segment: EntriesSegment): void {
    for (const record of segment.records) this.#forget(record);
    for (const { offset, key } of segment.keys) {
      if (this.#keys.get(key) === segment.firstIndex + offset) this.#keys.delete(key);
    }
    const { fence } = this.#log.ledger;
    if (this.#fence?.token === fence?.token && this.#fence?.sinceIndex === fence?.sinceIndex) {
      this.#fence = undefined;
    }
  }

  /** Of the chain this is left. */
  rebuild(chain: readonly Segment[]): void {
    this.#producers.clear();
    this.#keys.clear();
    this.#openedCount = 0;
    this.#fence = undefined;
    this.#firstIndex = 0;
    this.#membersVersion = 0;
    for (const segment of chain) {
      if (segment.type === "claim") continue;
      const { firstIndex, records, keys } = segment;
      for (const record of records) this.note(record, firstIndex + record.entryOffset);
      for (const { offset, key } of keys) this.noteKey(key, firstIndex + offset);
    }
  }

  #forget(record: LogRecord): void {
    if (record.type === "opened") this.#openedCount--;
    if (record.type !== "produced" && record.type !== "closed") return;
    const { producerId } = record;
    const producer = this.#producers.get(producerId);
    if (producer === undefined) return;
    producer.openCount--;
    if (producer.openCount === 0) this.#producers.delete(producerId);
    else if (record.type === "produced") producer.checksums.delete(record.sequence);
  }

  #open(id: number): OpenProducer {
    let producer = this.#producers.get(id);
    if (producer === undefined) {
      const { lastSequence = 0, closed = false } = this.producer(id) ?? {};
      producer = { lastSequence, closed, openCount: 0, checksums: new Map() };
      this.#producers.set(id, producer);
    }
    producer.openCount++;
    return producer;
  }
}
