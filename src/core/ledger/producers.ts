/**
 * The producers that the log knows: which number each has come to.
 *
 * Invariant: a producer is dropped only when there are more than the bound, the least recently used
 * first, by the order of the log and no clock. Then it has expired, for good: its id is never given
 * again.
 */

import { assert } from "../assert.js";
import { RecencyMap } from "./recency-map.js";
import type { ProducerColumns } from "./snapshot.js";

/** What is known of a producer. */
export interface Producer {
  /** The number of its last append; 0: none yet. */
  lastSequence: number;
  /** No number after the last is ever appended. */
  closed: boolean;
  /** Its last append's answer, by the number that the answers gave it; -1: none. */
  lastAnswer: number;
}

export class Producers {
  readonly #max: number;
  readonly #table = new RecencyMap<number, Producer>();
  #nextId: number;

  constructor(max: number, nextId = 1) {
    this.#max = max;
    this.#nextId = nextId;
  }

  /** The id that the next producer gets. */
  get nextId(): number {
    return this.#nextId;
  }

  get count(): number {
    return this.#table.size;
  }

  find(id: number): Readonly<Producer> | undefined {
    return this.#table.get(id);
  }

  open(): void {
    this.put(this.#nextId++, { lastSequence: 0, closed: false, lastAnswer: -1 });
  }

  /** The producer, which is now the most recently used. */
  use(id: number): Producer | undefined {
    return this.#table.use(id);
  }

  /** Adds a producer as the most recently used; another one may have to go. */
  put(id: number, producer: Producer): void {
    assert(id < this.#nextId && this.#table.get(id) === undefined, "a producer is opened once");
    this.#table.set(id, producer);
    if (this.#table.size > this.#max) this.#table.dropOldest();
  }

  snapshot(): ProducerColumns {
    const { size } = this.#table;
    const columns = {
      ids: new Float64Array(size),
      lastSequences: new Float64Array(size),
      closed: new Uint8Array(size),
    };
    let row = 0;
    for (const [id, { lastSequence, closed }] of this.#table) {
      columns.ids[row] = id;
      columns.lastSequences[row] = lastSequence;
      columns.closed[row] = closed ? 1 : 0;
      row++;
    }
    return columns;
  }
}
