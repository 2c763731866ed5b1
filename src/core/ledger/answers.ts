/**
 * The answers to the last appends of all producers together, in the order of the log: what a repeat
 * is answered with.
 *
 * Each answer knows its producer's answer before it, and one further back, chosen as in a
 * skew-binary list, so that any of a producer's answers is found in a logarithm of steps.
 *
 * Invariant: answers are numbered 0, 1, 2, ... as they come, and the last `max` are kept.
 */

import type { Standing } from "../protocol.js";
import type { AnswerColumns } from "./snapshot.js";

/** Where a producer's append came to stand, and what tells it from another one. */
export interface ProducedAnswer extends Standing {
  readonly producerId: number;
  readonly sequence: number;
  readonly checksum: number;
}

interface Columns extends AnswerColumns {
  /** How many answers back the producer's answer before this one stands; 0: there is none. */
  readonly backs: Uint32Array;
  /** How many answers back one of the producer's still earlier answers stands; 0: none is known. */
  readonly jumps: Uint32Array;
}

const capacityMin = 64;

export class Answers {
  readonly #max: number;
  #columns: Columns;
  #capacity: number;
  #end = 0;

  constructor(max: number) {
    this.#max = max;
    this.#capacity = Math.min(capacityMin, max);
    this.#columns = newColumns(this.#capacity);
  }

  /** How many are kept. */
  get count(): number {
    return this.#end - this.#oldest;
  }

  /** Adds an answer behind the producer's answer with the number `before`, -1 if there is none. */
  add(answer: ProducedAnswer, before: number): number {
    const number = this.#end;
    if (number >= this.#capacity && this.#capacity < this.#max) this.#grow();
    const jump = this.#jumpBehind(before);
    const slot = number % this.#max;
    const columns = this.#columns;
    columns.producerIds[slot] = answer.producerId;
    columns.sequences[slot] = answer.sequence;
    columns.firstIndexes[slot] = answer.firstIndex;
    columns.entryCounts[slot] = answer.entryCount;
    columns.terms[slot] = answer.term;
    columns.timestampsMs[slot] = answer.timestampMs;
    columns.checksums[slot] = answer.checksum;
    columns.backs[slot] = before < this.#oldest ? 0 : number - before;
    columns.jumps[slot] = jump < 0 ? 0 : number - jump;
    this.#end = number + 1;
    return number;
  }

  /** A producer's answer with a sequence, at or before its answer with the number `from`. */
  find(from: number, sequence: number): ProducedAnswer | undefined {
    let number = from;
    while (number >= this.#oldest && this.#sequenceOf(number) > sequence) {
      const jump = this.#jumpOf(number);
      number = jump >= 0 && this.#sequenceOf(jump) >= sequence ? jump : this.#backOf(number);
    }
    if (number < this.#oldest || this.#sequenceOf(number) !== sequence) return undefined;
    return this.#at(number);
  }

  /** The number of a producer's last answer, -1 if none is kept. Looks through all of them. */
  lastOf(producerId: number): number {
    const { producerIds } = this.#columns;
    for (let number = this.#end - 1; number >= this.#oldest; number--) {
      if (producerIds[number % this.#max] === producerId) return number;
    }
    return -1;
  }

  snapshot(): AnswerColumns {
    const { backs: _backs, jumps: _jumps, ...columns } = this.#copy(this.count);
    return columns;
  }

  /** Adds what a snapshot holds; returns the number of each producer's last answer. */
  restore(columns: AnswerColumns): ReadonlyMap<number, number> {
    const lastOf = new Map<number, number>();
    for (let row = 0; row < columns.sequences.length; row++) {
      const answer = answerAt(columns, row);
      const { producerId } = answer;
      lastOf.set(producerId, this.add(answer, lastOf.get(producerId) ?? -1));
    }
    return lastOf;
  }

  /** The number of the oldest answer that is kept. */
  get #oldest(): number {
    return Math.max(0, this.#end - this.#max);
  }

  #sequenceOf(number: number): number {
    return this.#columns.sequences[number % this.#max] ?? 0;
  }

  #backOf(number: number): number {
    return this.#kept(number, this.#columns.backs[number % this.#max] ?? 0);
  }

  #jumpOf(number: number): number {
    return this.#kept(number, this.#columns.jumps[number % this.#max] ?? 0);
  }

  /** The answer so many back, -1 if there is none or it is kept no more. */
  #kept(number: number, distance: number): number {
    const target = number - distance;
    return distance === 0 || target < this.#oldest ? -1 : target;
  }

  /** Where the answer behind this one jumps to: two equal jumps of it make one of double the width. */
  #jumpBehind(before: number): number {
    if (before < this.#oldest) return -1;
    const jump = this.#jumpOf(before);
    if (jump < 0) return before;
    const beyond = this.#jumpOf(jump);
    if (beyond < 0) return before;
    const width = this.#sequenceOf(before) - this.#sequenceOf(jump);
    return width === this.#sequenceOf(jump) - this.#sequenceOf(beyond) ? beyond : before;
  }

  #at(number: number): ProducedAnswer {
    return answerAt(this.#columns, number % this.#max);
  }

  #grow(): void {
    this.#capacity = Math.min(this.#capacity * 2, this.#max);
    this.#columns = this.#copy(this.#capacity);
  }

  /** What is kept, the oldest first, in columns of their own. */
  #copy(size: number): Columns {
    const to = newColumns(size);
    const from = this.#columns;
    const start = this.#oldest % this.#max;
    const split = Math.min(this.count, this.#max - start);
    for (const name of columnNames) {
      to[name].set(from[name].subarray(start, start + split));
      to[name].set(from[name].subarray(0, this.count - split), split);
    }
    return to;
  }
}

const columnNames = [
  "producerIds",
  "sequences",
  "firstIndexes",
  "entryCounts",
  "terms",
  "timestampsMs",
  "checksums",
  "backs",
  "jumps",
] as const;

function newColumns(size: number): Columns {
  return {
    producerIds: new Float64Array(size),
    sequences: new Float64Array(size),
    firstIndexes: new Float64Array(size),
    entryCounts: new Uint32Array(size),
    terms: new Float64Array(size),
    timestampsMs: new Float64Array(size),
    checksums: new Uint32Array(size),
    backs: new Uint32Array(size),
    jumps: new Uint32Array(size),
  };
}

function answerAt(columns: AnswerColumns, row: number): ProducedAnswer {
  return {
    producerId: columns.producerIds[row] ?? 0,
    sequence: columns.sequences[row] ?? 0,
    firstIndex: columns.firstIndexes[row] ?? 0,
    entryCount: columns.entryCounts[row] ?? 0,
    term: columns.terms[row] ?? 0,
    timestampMs: columns.timestampsMs[row] ?? 0,
    checksum: columns.checksums[row] ?? 0,
  };
}
