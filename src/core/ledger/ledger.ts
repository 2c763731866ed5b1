/**
 * What the valid segments have established beside entries: producers and the answers to their
 * appends, the fencing token in force, recent keys, where the log begins, and who the members are
 * (PROTOCOL.md sections 7 and 8).
 *
 * Invariant: a function of the log up to the walk's tail and of nothing else, the same on every
 * node. So every leader recognises what any leader before it has committed.
 */

import type { MemberList } from "../members.js";
import { Answers } from "./answers.js";
import { Producers } from "./producers.js";
import { RecentKeys } from "./recent-keys.js";
import type { ProducerOutcome, Standing } from "../protocol.js";
import type { EntriesSegment, LogRecord, Segment } from "../types.js";
import type { ProducedAnswer } from "./answers.js";
import type { Producer } from "./producers.js";
import type { KeyFinding } from "./recent-keys.js";
import type { Fence, LedgerBounds, LedgerSnapshot } from "./snapshot.js";

/** How much a ledger holds. */
export interface LedgerCounts {
  readonly producers: number;
  readonly answers: number;
  readonly keys: number;
}

export class Ledger {
  readonly #bounds: LedgerBounds;
  readonly #answers: Answers;
  readonly #keys: RecentKeys;
  #producers: Producers;
  #fence: Fence | undefined;
  #firstIndex = 1;
  #members: MemberList | undefined;

  constructor(bounds: LedgerBounds) {
    this.#bounds = bounds;
    this.#answers = new Answers(bounds.answersMax);
    this.#keys = new RecentKeys(bounds);
    this.#producers = new Producers(bounds.producersMax);
  }

  /** A ledger that goes on as the one that the snapshot was taken of. */
  static restore(snapshot: LedgerSnapshot, bounds: LedgerBounds): Ledger {
    const ledger = new Ledger(bounds);
    ledger.#restore(snapshot);
    return ledger;
  }

  /** The index of the first entry that is not trimmed. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** The last list of members; undefined where the founding one counts. */
  get members(): MemberList | undefined {
    return this.#members;
  }

  get fence(): Fence | undefined {
    return this.#fence;
  }

  /** The id that the next producer gets. */
  get nextProducerId(): number {
    return this.#producers.nextId;
  }

  get counts(): LedgerCounts {
    return {
      producers: this.#producers.count,
      answers: this.#answers.count,
      keys: this.#keys.count,
    };
  }

  /** What is known of a producer; undefined if it has expired or was never opened. */
  producer(id: number): Readonly<Producer> | undefined {
    return this.#producers.find(id);
  }

  /**
   * The answer to an append of a producer; undefined where it is not, or no more, remembered. One that has
   * expired may come back, with an append that is open, and then its answers do (`#putBack`).
   */
  answer(id: number, sequence: number): ProducedAnswer | undefined {
    const last = this.#producers.find(id)?.lastAnswer ?? this.#answers.lastOf(id);
    return this.#answers.find(last, sequence);
  }

  /** Whether an entry with the key stands at or above an index. */
  findKey(key: string, sinceIndex: number): KeyFinding {
    return this.#keys.find(key, sinceIndex);
  }

  outcomeOf(producerId: number, sequence: number): ProducerOutcome {
    const producer = this.#producers.find(producerId);
    if (producer === undefined) {
      return { type: producerId < this.nextProducerId ? "producerExpired" : "producerUnknown" };
    }
    const { lastSequence, closed } = producer;
    if (sequence > lastSequence) {
      return { type: closed ? "neverCommitted" : "undecided", lastSequence };
    }
    return { type: "committed", standing: standingOf(this.answer(producerId, sequence)) };
  }

  /**
   * Takes in the log's next valid segment. False if it contradicts what the log says before it: no
   * leader writes such a segment.
   */
  apply(segment: EntriesSegment): boolean {
    for (const record of segment.records) if (!this.#note(segment, record)) return false;
    for (const { offset, key } of segment.keys) this.#keys.add(key, segment.firstIndex + offset);
    return true;
  }

  /** The ids of the producers that the segment which was applied last has opened, in order. */
  openedBy(segment: Segment): readonly number[] | undefined {
    if (segment.type === "claim" || segment.records.length === 0) return undefined;
    const count = segment.records.filter(({ type }) => type === "opened").length;
    const first = this.nextProducerId - count;
    return count === 0 ? undefined : Array.from({ length: count }, (_, i) => first + i);
  }

  snapshot(): LedgerSnapshot {
    return {
      firstIndex: this.#firstIndex,
      nextProducerId: this.nextProducerId,
      fence: this.#fence,
      members: this.#members,
      producers: this.#producers.snapshot(),
      answers: this.#answers.snapshot(),
      keys: this.#keys.snapshot(),
    };
  }

  #restore(snapshot: LedgerSnapshot): void {
    const { nextProducerId, producers, answers, keys } = snapshot;
    this.#firstIndex = snapshot.firstIndex;
    this.#fence = snapshot.fence;
    this.#members = snapshot.members;
    const lastAnswerOf = this.#answers.restore(answers);
    this.#producers = new Producers(this.#bounds.producersMax, nextProducerId);
    const { ids, lastSequences, closed } = producers;
    ids.forEach((id, row) => {
      const lastAnswer = lastAnswerOf.get(id) ?? -1;
      const lastSequence = lastSequences[row] ?? 0;
      this.#producers.put(id, { lastSequence, closed: closed[row] === 1, lastAnswer });
    });
    this.#keys.restore(keys);
  }

  #note(segment: EntriesSegment, record: LogRecord): boolean {
    const index = segment.firstIndex + record.entryOffset;
    switch (record.type) {
      case "produced":
        return this.#produced(segment, record);
      case "opened":
        this.#producers.open();
        return true;
      case "closed":
        return this.#closed(record.producerId, record.lastSequence);
      case "fenced":
        this.#fence = { token: record.token, sinceIndex: index };
        return true;
      case "members":
        if (record.list.version !== (this.#members?.version ?? 0) + 1) return false;
        this.#members = record.list;
        return true;
      case "trimmed":
        if (record.firstIndex > index) return false;
        this.#firstIndex = Math.max(this.#firstIndex, record.firstIndex);
        return true;
    }
  }

  #produced(segment: EntriesSegment, record: LogRecord & { readonly type: "produced" }): boolean {
    const { entryOffset, entryCount, producerId, sequence, checksum } = record;
    const producer = this.#producers.use(producerId) ?? this.#putBack(producerId, sequence - 1);
    if (producer === undefined || producer.closed || sequence !== producer.lastSequence + 1) {
      return false;
    }
    const { timestampMs } = segment;
    const { term } = segment.epoch;
    const firstIndex = segment.firstIndex + entryOffset;
    const standing = { firstIndex, entryCount, term, timestampMs };
    const answer = { producerId, sequence, checksum, ...standing };
    producer.lastSequence = sequence;
    producer.lastAnswer = this.#answers.add(answer, producer.lastAnswer);
    return true;
  }

  #closed(id: number, lastSequence: number): boolean {
    const producer = this.#producers.use(id) ?? this.#putBack(id, lastSequence);
    if (producer?.lastSequence !== lastSequence) return false;
    producer.closed = true;
    return true;
  }

  /** It expired after an append of it was judged and before that was committed: it comes back. */
  #putBack(id: number, lastSequence: number): Producer | undefined {
    if (id >= this.nextProducerId) return undefined;
    const lastAnswer = this.#answers.lastOf(id);
    const producer = { lastSequence, closed: false, lastAnswer };
    this.#producers.put(id, producer);
    return producer;
  }
}

/** What a producer is told of an answer. */
export function standingOf(answer: ProducedAnswer | undefined): Standing | undefined {
  if (answer === undefined) return undefined;
  const { firstIndex, entryCount, term, timestampMs } = answer;
  return { firstIndex, entryCount, term, timestampMs };
}
