/**
 * Producers, conditions, the fencing token, keys and trimming as PROTOCOL.md section 8 has them, over
 * the true log: what every append may do, and what was true when. The judges ask it; it shares no
 * code with the core.
 *
 * The log is a sequence of appends, and state `s` is the log after the first `s` of them. Everything
 * that ever was is kept, so that any state can be asked.
 */

import type { LedgerBounds } from "../../../src/core/ledger/snapshot.js";
import type { ProducerOutcome, Refusal, Standing } from "../../../src/core/protocol.js";
import type { AppendOptions, Control, EntryKey, ProducerNumber } from "../../../src/core/types.js";
import { must } from "../violation.js";

/** One append of the log. */
export interface LoggedAppend {
  readonly op: number;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly options: AppendOptions | undefined;
  readonly keys: readonly EntryKey[];
  /** 0 where a history does not tell. */
  readonly term: number;
  readonly timestampMs: number;
}

/** Something that changed: from this state on. */
interface Since<T> {
  readonly state: number;
  readonly value: T;
}

interface Numbered {
  readonly state: number;
  readonly checksum: number;
  readonly standing: Standing;
  /** How many appends of producers stand before it. */
  readonly ordinal: number;
}

interface TrueProducer {
  readonly openedAt: number;
  closedAt: number;
  /** Its appends: number 1 first. */
  readonly numbers: Numbered[];
  /** Whether it is among those that are remembered. */
  readonly present: Since<boolean>[];
}

/** The value at a state: of the last change at or before it. */
function at<T>(changes: readonly Since<T>[], state: number): T | undefined {
  let low = -1;
  let high = changes.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((changes[middle]?.state ?? Infinity) <= state) low = middle;
    else high = middle - 1;
  }
  return changes[low]?.value;
}

export class TrueLedger {
  readonly #bounds: LedgerBounds;
  readonly #nextIndexes: number[] = [1];
  readonly #producers: TrueProducer[] = [];
  /** The ids of the producers that are remembered, the least recently used first. */
  readonly #recent = new Set<number>();
  readonly #producedAt: number[] = [];
  readonly #answers: (ProducerNumber & Standing)[] = [];
  readonly #fences: Since<{ token: string; sinceIndex: number }>[] = [];
  readonly #firstIndexes: Since<number>[] = [{ state: 0, value: 1 }];
  readonly #lastIndexes = new Map<string, Since<number>[]>();
  /** The keys that are remembered, that of the oldest last entry first. */
  readonly #recentKeys = new Map<string, number>();
  readonly #reaches: Since<number>[] = [{ state: 0, value: 1 }];
  readonly #openedBy = new Map<number, number>();
  readonly #memberVersions: Since<number>[] = [{ state: 0, value: 0 }];

  constructor(bounds: LedgerBounds) {
    this.#bounds = bounds;
  }

  /** How many appends the log holds. */
  get state(): number {
    return this.#nextIndexes.length - 1;
  }

  /** The ids that were given so far are those below. */
  get nextProducerId(): number {
    return this.#producers.length + 1;
  }

  /** The number of a producer's last append, ever. */
  lastSequence(id: number): number {
    return this.#producers[id - 1]?.numbers.length ?? 0;
  }

  /** The id of the producer that an append opened. */
  openedBy(op: number): number | undefined {
    return this.#openedBy.get(op);
  }

  /** The log's next append. Throws a Violation where it should not have been made. */
  take(append: LoggedAppend): void {
    const { options, firstIndex, entryCount, keys, op } = append;
    if (options !== undefined) this.#check(op, firstIndex, options);
    const state = this.#nextIndexes.push(firstIndex + entryCount) - 1;
    if (options?.producer !== undefined) this.#produce(options.producer, append, state);
    if (options?.setFencingToken !== undefined) {
      const fence = { token: options.setFencingToken, sinceIndex: firstIndex };
      this.#fences.push({ state, value: fence });
    }
    if (options?.control !== undefined) this.#control(options.control, op, state);
    for (const { offset, key } of keys) this.#addKey(key, firstIndex + offset, state);
  }

  /** Whether a refusal of an append is true of a state. */
  isRight(refusal: Refusal, options: AppendOptions, state: number): boolean {
    switch (refusal.type) {
      case "producerExpired":
      case "producerUnknown":
      case "producerClosed":
      case "sequenceGap":
      case "sequenceReused":
        return this.#isRightOfProducer(refusal, options, state);
      default:
        return this.#isNext(options.producer, state) && this.#isCondition(refusal, options, state);
    }
  }

  /** Whether a producer's append stands at a state, as the answer to its repeat says. */
  isRepeat(number: ProducerNumber, standing: Standing | undefined, state: number): boolean {
    const { producerId, sequence, checksum } = number;
    const producer = this.#producers[producerId - 1];
    const first = producer?.numbers[sequence - 1];
    if (first === undefined || first.state > state) return false;
    if (standing !== undefined) {
      return first.checksum === checksum && sameStanding(first.standing, standing);
    }
    // What is forgotten cannot be told from another append under its number.
    const hasExpired = producer !== undefined && producer.present.length > 1;
    return hasExpired || this.#isForgotten(first, state);
  }

  /** What a node that holds the log up to a state says of a producer's number. */
  outcomeAt(producerId: number, sequence: number, state: number): ProducerOutcome {
    const producer = this.#producerAt(producerId, state);
    if (producer === undefined) return { type: "producerUnknown" };
    if (at(producer.present, state) !== true) return { type: "producerExpired" };
    const lastSequence = lastAt(producer, state);
    if (sequence > lastSequence) {
      return { type: producer.closedAt <= state ? "neverCommitted" : "undecided", lastSequence };
    }
    const first = producer.numbers[sequence - 1];
    const isKnown = first !== undefined && !this.#isForgotten(first, state);
    return { type: "committed", standing: isKnown ? first.standing : undefined };
  }

  /** All that a node remembers at the last state. */
  text(): string {
    const { answersMax } = this.#bounds;
    const fence = this.#fences.at(-1)?.value;
    const producers = [...this.#recent].map((id) => {
      const producer = this.#producers[id - 1];
      return `${id}:${producer?.numbers.length ?? 0}:${producer?.closedAt === Infinity ? 0 : 1}`;
    });
    const answers = this.#answers
      .slice(-answersMax)
      .map(({ producerId, sequence, checksum, firstIndex, entryCount, term, timestampMs }) =>
        [producerId, sequence, checksum, firstIndex, entryCount, term, timestampMs].join(":"),
      );
    const keys = [...this.#recentKeys].map(([key, index]) => `${key}:${index}`);
    return ledgerText({
      firstIndex: this.#firstIndexes.at(-1)?.value ?? 1,
      nextProducerId: this.nextProducerId,
      fence,
      reachIndex: this.#reaches.at(-1)?.value ?? 1,
      rows: [producers, answers, keys],
    });
  }

  #check(op: number, index: number, options: AppendOptions): void {
    const state = this.state;
    const { producer, expectedNextIndex, fencingToken, keyConditions = [], control } = options;
    if (producer !== undefined) this.#checkNumber(op, producer, state);
    must(
      expectedNextIndex === undefined || expectedNextIndex === index,
      "condition-ignored",
      () => `append ${op} stands at ${index}, and expected ${expectedNextIndex}`,
    );
    const token = at(this.#fences, state)?.token;
    must(
      fencingToken === undefined || fencingToken === token,
      "fence-ignored",
      () => `append ${op} has the token ${fencingToken}, and ${token} is in force`,
    );
    for (const { key, sinceIndex } of keyConditions) {
      must(
        this.#lastIndex(key, state) < sinceIndex,
        "condition-ignored",
        () => `append ${op} is made though ${key} stands at or above ${sinceIndex}`,
      );
    }
    if (control?.type === "members") {
      const version = at(this.#memberVersions, state) ?? 0;
      must(
        control.list.version === version + 1,
        "condition-ignored",
        () => `append ${op} makes list ${control.list.version} of members after ${version}`,
      );
    }
    if (control?.type === "trim") {
      const { firstIndex, expectedFirstIndex } = control;
      const first = at(this.#firstIndexes, state);
      must(
        firstIndex <= index && (expectedFirstIndex ?? first) === first,
        "condition-ignored",
        () => `append ${op} trims the log, which begins at ${first}, to ${firstIndex}`,
      );
    }
  }

  #checkNumber(op: number, { producerId, sequence }: ProducerNumber, state: number): void {
    const producer = this.#producerAt(producerId, state);
    must(
      producer !== undefined && producer.closedAt === Infinity,
      "producer-gone",
      () => `append ${op} is of producer ${producerId}, which is not open`,
    );
    const last = producer.numbers.length;
    must(
      sequence > last,
      "number-twice",
      () => `append ${op} is number ${sequence} of producer ${producerId} once more`,
    );
    must(
      sequence === last + 1,
      "number-gap",
      () => `append ${op} is number ${sequence} of producer ${producerId} after ${last}`,
    );
  }

  #produce(number: ProducerNumber, append: LoggedAppend, state: number): void {
    const { firstIndex, entryCount, term, timestampMs } = append;
    const standing = { firstIndex, entryCount, term, timestampMs };
    const { producerId, checksum } = number;
    const ordinal = this.#producedAt.push(state) - 1;
    this.#answers.push({ ...number, ...standing });
    this.#producers[producerId - 1]?.numbers.push({ state, checksum, standing, ordinal });
    this.#use(producerId, state);
  }

  #control(control: Control, op: number, state: number): void {
    switch (control.type) {
      case "open":
        this.#producers.push({ openedAt: state, closedAt: Infinity, numbers: [], present: [] });
        this.#openedBy.set(op, this.#producers.length);
        return this.#use(this.#producers.length, state);
      case "close": {
        const producer = this.#producers[control.producerId - 1];
        if (producer === undefined) return;
        producer.closedAt = Math.min(producer.closedAt, state);
        return this.#use(control.producerId, state);
      }
      case "members":
        this.#memberVersions.push({ state, value: control.list.version });
        return;
      case "trim": {
        const before = this.#firstIndexes.at(-1)?.value ?? 1;
        if (control.firstIndex > before) {
          this.#firstIndexes.push({ state, value: control.firstIndex });
        }
      }
    }
  }

  #use(id: number, state: number): void {
    if (!this.#recent.delete(id)) this.#producers[id - 1]?.present.push({ state, value: true });
    this.#recent.add(id);
    const [oldest] = this.#recent;
    if (this.#recent.size <= this.#bounds.producersMax || oldest === undefined) return;
    this.#recent.delete(oldest);
    this.#producers[oldest - 1]?.present.push({ state, value: false });
  }

  #addKey(key: string, index: number, state: number): void {
    const changes = this.#lastIndexes.get(key) ?? [];
    changes.push({ state, value: index });
    this.#lastIndexes.set(key, changes);
    this.#recentKeys.delete(key);
    this.#recentKeys.set(key, index);
    const { keysMax, keyLengthMax } = this.#bounds;
    for (const [oldest, last] of this.#recentKeys) {
      const length = [...this.#recentKeys.keys()].reduce((sum, one) => sum + one.length, 0);
      if (this.#recentKeys.size <= keysMax && length <= keyLengthMax) return;
      this.#recentKeys.delete(oldest);
      this.#reaches.push({ state, value: last + 1 });
    }
  }

  #isRightOfProducer(refusal: Refusal, options: AppendOptions, state: number): boolean {
    const { producer: number, control } = options;
    const closes = control?.type === "close" ? control.producerId : undefined;
    const producerId = number?.producerId ?? closes;
    if (!("producerId" in refusal) || refusal.producerId !== producerId) return false;
    const producer = this.#producerAt(producerId, state);
    if (producer === undefined) return refusal.type === "producerUnknown";
    if (refusal.type === "producerExpired") return at(producer.present, state) !== true;
    if (number === undefined) return false;
    const last = lastAt(producer, state);
    const isClosed = producer.closedAt <= state;
    const { sequence, checksum } = number;
    switch (refusal.type) {
      case "producerClosed":
        return isClosed && sequence > last && refusal.lastSequence === last;
      case "sequenceGap":
        return !isClosed && sequence > last + 1 && refusal.lastSequence === last;
      case "sequenceReused":
        return sequence <= last && producer.numbers[sequence - 1]?.checksum !== checksum;
      default:
        return false;
    }
  }

  /** Whether conditions are judged at all: a repeat or a gap is told first. */
  #isNext(number: ProducerNumber | undefined, state: number): boolean {
    if (number === undefined) return true;
    const producer = this.#producerAt(number.producerId, state);
    if (producer === undefined || producer.closedAt <= state) return false;
    return number.sequence === lastAt(producer, state) + 1;
  }

  #isCondition(refusal: Refusal, options: AppendOptions, state: number): boolean {
    const { expectedNextIndex, fencingToken, keyConditions = [], control } = options;
    const nextIndex = this.#nextIndexes[state] ?? 0;
    const trim = control?.type === "trim" ? control : undefined;
    const since = (key: string): number =>
      Math.min(...keyConditions.map((one) => (one.key === key ? one.sinceIndex : Infinity)));
    switch (refusal.type) {
      case "fenced": {
        const fence = at(this.#fences, state);
        const isRight = fencingToken !== undefined && fencingToken !== fence?.token;
        return isRight && refusal.sinceIndex === (fence?.sinceIndex ?? 0);
      }
      case "indexMismatch":
        return refusal.nextIndex === nextIndex && expectedNextIndex !== nextIndex;
      case "keyConflict": {
        const index = this.#lastIndex(refusal.key, state);
        return refusal.index === index && since(refusal.key) <= index;
      }
      case "keyForgotten": {
        const { key, reachIndex } = refusal;
        const isBeyond = since(key) < reachIndex && this.#lastIndex(key, state) < reachIndex;
        return isBeyond && reachIndex <= (at(this.#reaches, state) ?? 1);
      }
      case "trimBeyondTail":
        return refusal.nextIndex === nextIndex && (trim?.firstIndex ?? 0) > nextIndex;
      case "trimConflict": {
        const first = at(this.#firstIndexes, state);
        return refusal.firstIndex === first && trim?.expectedFirstIndex !== first;
      }
      case "membersConflict": {
        const version = at(this.#memberVersions, state) ?? 0;
        const list = control?.type === "members" ? control.list : undefined;
        return refusal.version === version && list?.version !== version + 1;
      }
      default:
        return false;
    }
  }

  #producerAt(id: number, state: number): TrueProducer | undefined {
    const producer = this.#producers[id - 1];
    return producer === undefined || producer.openedAt > state ? undefined : producer;
  }

  #lastIndex(key: string, state: number): number {
    return at(this.#lastIndexes.get(key) ?? [], state) ?? 0;
  }

  /** Whether so many answers have been given since that this one is not kept. */
  #isForgotten({ ordinal }: Numbered, state: number): boolean {
    const oldest = this.#producedAt[ordinal + this.#bounds.answersMax];
    return oldest !== undefined && oldest <= state;
  }
}

/** The number of a producer's last append at a state. */
function lastAt({ numbers }: TrueProducer, state: number): number {
  let count = numbers.length;
  while (count > 0 && (numbers[count - 1]?.state ?? 0) > state) count--;
  return count;
}

/** A history knows neither term nor time. */
function sameStanding(one: Standing, other: Standing): boolean {
  return (
    one.firstIndex === other.firstIndex &&
    one.entryCount === other.entryCount &&
    (one.term === 0 || (one.term === other.term && one.timestampMs === other.timestampMs))
  );
}

/** What a ledger remembers, as a text to compare. */
export function ledgerText(told: {
  readonly firstIndex: number;
  readonly nextProducerId: number;
  readonly fence: { readonly token: string; readonly sinceIndex: number } | undefined;
  readonly reachIndex: number;
  readonly rows: readonly (readonly string[])[];
}): string {
  const { firstIndex, nextProducerId, fence, reachIndex, rows } = told;
  const fenced = fence === undefined ? "" : `${fence.token}@${fence.sinceIndex}`;
  const head = [firstIndex, nextProducerId, fenced, reachIndex].join(" ");
  return [head, ...rows.map((row) => row.join(" "))].join(" | ");
}
