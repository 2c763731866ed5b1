/**
 * What a log makes of appends with demands: the rules of PROTOCOL.md section 8 as plainly as they can
 * be written, unbounded. For the doubles of nodes and servers.
 */

import type { ProducerOutcome, Refusal, Standing } from "../../src/core/protocol.js";
import type { AppendOptions, EntryKey } from "../../src/core/types.js";

interface Producer {
  readonly answers: { readonly standing: Standing; readonly checksum: number }[];
  closed: boolean;
}

export type Judgement =
  | { readonly type: "made" }
  | { readonly type: "repeat"; readonly standing: Standing | undefined }
  | { readonly type: "refused"; readonly refusal: Refusal };

const made: Judgement = { type: "made" };

export class AppendModel {
  /** Repeats are answered without their indexes. */
  forgetful = false;
  /** Where the log begins. */
  firstIndex = 1;
  readonly #producers = new Map<number, Producer>();
  readonly #keys = new Map<string, number>();
  readonly #expired = new Set<number>();
  #lastId = 0;
  #fence: { readonly token: string; readonly sinceIndex: number } | undefined;

  open(): number {
    this.#lastId += 1;
    this.#producers.set(this.#lastId, { answers: [], closed: false });
    return this.#lastId;
  }

  /** The producer's log is forgotten. */
  expire(producerId: number): void {
    this.#producers.delete(producerId);
    this.#expired.add(producerId);
  }

  judge(options: AppendOptions, nextIndex: number): Judgement {
    return this.#judgeProducer(options) ?? this.#judgeConditions(options, nextIndex) ?? made;
  }

  /** The append stands there now. */
  append(options: AppendOptions, keys: readonly EntryKey[], standing: Standing): void {
    const { producer, setFencingToken, control } = options;
    if (producer !== undefined) {
      const { checksum } = producer;
      this.#producers.get(producer.producerId)?.answers.push({ standing, checksum });
    }
    if (setFencingToken !== undefined) {
      this.#fence = { token: setFencingToken, sinceIndex: standing.firstIndex };
    }
    for (const { offset, key } of keys) this.#keys.set(key, standing.firstIndex + offset);
    if (control?.type === "trim") {
      this.firstIndex = Math.max(this.firstIndex, control.firstIndex);
    }
    if (control?.type === "close") {
      const closed = this.#producers.get(control.producerId);
      if (closed !== undefined) closed.closed = true;
    }
  }

  outcomeOf(producerId: number, sequence: number): ProducerOutcome {
    const producer = this.#producers.get(producerId);
    if (producer === undefined) {
      return { type: this.#expired.has(producerId) ? "producerExpired" : "producerUnknown" };
    }
    const answer = producer.answers[sequence - 1];
    if (answer !== undefined) {
      return { type: "committed", standing: this.forgetful ? undefined : answer.standing };
    }
    const lastSequence = producer.answers.length;
    return { type: producer.closed ? "neverCommitted" : "undecided", lastSequence };
  }

  #judgeProducer({ producer: numbered, control }: AppendOptions): Judgement | undefined {
    const producerId = control?.type === "close" ? control.producerId : numbered?.producerId;
    if (producerId === undefined) return undefined;
    const producer = this.#producers.get(producerId);
    if (producer === undefined) {
      const type = this.#expired.has(producerId) ? "producerExpired" : "producerUnknown";
      return { type: "refused", refusal: { type, producerId } };
    }
    const lastSequence = producer.answers.length;
    if (numbered !== undefined && numbered.sequence <= lastSequence) {
      const { sequence, checksum } = numbered;
      const answer = producer.answers[sequence - 1];
      if (answer?.checksum === checksum) {
        return { type: "repeat", standing: this.forgetful ? undefined : answer.standing };
      }
      return { type: "refused", refusal: { type: "sequenceReused", producerId, sequence } };
    }
    if (producer.closed) {
      return { type: "refused", refusal: { type: "producerClosed", producerId, lastSequence } };
    }
    if (numbered === undefined || numbered.sequence === lastSequence + 1) return undefined;
    return { type: "refused", refusal: { type: "sequenceGap", producerId, lastSequence } };
  }

  #judgeConditions(options: AppendOptions, nextIndex: number): Judgement | undefined {
    const { fencingToken, expectedNextIndex, keyConditions = [], control } = options;
    if (control?.type === "trim") {
      const { firstIndex } = this;
      if (firstIndex !== (control.expectedFirstIndex ?? firstIndex)) {
        return { type: "refused", refusal: { type: "trimConflict", firstIndex } };
      }
      if (control.firstIndex > nextIndex) {
        return { type: "refused", refusal: { type: "trimBeyondTail", nextIndex } };
      }
    }
    if (fencingToken !== undefined && fencingToken !== this.#fence?.token) {
      const sinceIndex = this.#fence?.sinceIndex ?? 0;
      return { type: "refused", refusal: { type: "fenced", sinceIndex } };
    }
    if (expectedNextIndex !== undefined && expectedNextIndex !== nextIndex) {
      return { type: "refused", refusal: { type: "indexMismatch", nextIndex } };
    }
    for (const { key, sinceIndex } of keyConditions) {
      const index = this.#keys.get(key) ?? 0;
      if (index < sinceIndex) continue;
      return { type: "refused", refusal: { type: "keyConflict", key, index } };
    }
    return undefined;
  }
}
