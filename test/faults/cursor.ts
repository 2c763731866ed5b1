/**
 * How far a reader has come: what it read, as a digest, each entry looked at when it passes.
 *
 * Invariant: `digest` is of all appends below `nextIndex`, unless a `report` said otherwise.
 */

import type { ReadBatch } from "../../src/client/types.js";
import { digestOf, emptyDigest } from "../sim/digest.js";
import { recognize, type EntryName } from "./content.js";

/** Hears of what no right log can show: the rule and a sentence. */
export type Report = (rule: string, text: string) => void;

export class LogCursor {
  nextIndex = 1;
  digest = emptyDigest;
  #last: EntryName | undefined;
  #term = 0;
  #timestampMs = 0;

  copy(): LogCursor {
    const copy = new LogCursor();
    copy.become(this);
    return copy;
  }

  become(other: LogCursor): void {
    this.nextIndex = other.nextIndex;
    this.digest = other.digest;
    this.#last = other.#last;
    this.#term = other.#term;
    this.#timestampMs = other.#timestampMs;
  }

  /** Whether it stands behind a whole append. */
  get isWhole(): boolean {
    return this.#last === undefined || this.#last.offset + 1 === this.#last.count;
  }

  take(batch: ReadBatch, report: Report): void {
    const { firstIndex, term, timestampMs } = batch;
    if (firstIndex !== this.nextIndex) {
      report("read-gap", `index ${firstIndex} was read where ${this.nextIndex} comes next`);
    }
    if (term < this.#term || timestampMs < this.#timestampMs) {
      const before = `term ${this.#term}, time ${this.#timestampMs}`;
      report("stamp-fell", `${before}, then term ${term}, time ${timestampMs} at ${firstIndex}`);
    }
    this.#term = term;
    this.#timestampMs = timestampMs;
    this.nextIndex = firstIndex;
    for (const entry of batch.entries) {
      const name = recognize(entry);
      if (typeof name === "string")
        report("other-bytes", `the entry at ${this.nextIndex}: ${name}`);
      else this.#pass(name, report);
      this.nextIndex += 1;
    }
  }

  #pass(name: EntryName, report: Report): void {
    const { op, offset } = name;
    const follows = this.#last?.op === op && this.#last.offset + 1 === offset;
    if (this.isWhole ? offset !== 0 : !follows) {
      report("read-torn", `offset ${offset} of append ${op} at ${this.nextIndex} follows another`);
    }
    if (offset === 0) this.digest = digestOf(this.digest, op);
    this.#last = name;
  }
}
