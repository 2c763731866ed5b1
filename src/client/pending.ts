/** The appends of a session that have no answer yet, in their order, within a window. */

import assert from "node:assert";
import type { SuraftError } from "../errors.js";
import { encodeAppend, encodeMessage, type WireAppend } from "./codec.js";
import { failureAfterUnknown, isUnknown } from "./failure.js";
import type { AppendDemands, Appended, NewEntry } from "./types.js";

/** An append that waits for its answer. */
export class PendingAppend {
  readonly entries: readonly NewEntry[];
  readonly sizeBytes: number;
  /** Its number, in a session that numbers its appends. */
  sequence = 0;
  readonly answer: Promise<Appended>;
  /** What became of it on the last stream; undefined while it was not sent there or has no answer. */
  failure: SuraftError | undefined;
  /** An earlier stream left its outcome unknown. */
  maybeInLog = false;
  readonly #demands: AppendDemands;
  /** As it is sent, but for the producer. */
  readonly #request: WireAppend;
  #resolve: (appended: Appended) => void = () => undefined;
  #reject: (error: SuraftError) => void = () => undefined;

  /** Throws `invalid`. */
  constructor(entries: readonly NewEntry[], demands: AppendDemands) {
    this.entries = entries;
    this.#demands = demands;
    this.#request = encodeAppend(entries, demands);
    this.sizeBytes = sizeOf(entries);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The AppendRequest that is sent, under its number if there is a producer. */
  encode(producerId: number | undefined): Uint8Array {
    const { sequence } = this;
    const producer = producerId === undefined ? undefined : { producerId, sequence };
    return encodeMessage(this.#request, producer);
  }

  succeed(appended: Appended): void {
    this.#resolve(appended);
  }

  /** Whether some try of it may have come through, or may yet. */
  get isUnknown(): boolean {
    return this.maybeInLog || isUnknown(this.failure);
  }

  /** Its number goes along, so that the caller can ask for its outcome. */
  fail(error: SuraftError, producerId: number | undefined): void {
    const failure = this.maybeInLog ? failureAfterUnknown(error, this.#demands) : error;
    const numbered = producerId !== undefined && isUnknown(failure);
    const number = { producer_id: String(producerId), sequence: String(this.sequence) };
    this.#reject(numbered ? failure.withDetails(number) : failure);
  }
}

function sizeOf(entries: readonly NewEntry[]): number {
  let size = 0;
  for (const { payload, headers = [], key: ownKey = "" } of entries) {
    size += payload.length + ownKey.length;
    for (const { key, value } of headers) {
      size += key.length + value.length;
    }
  }
  return size;
}

export interface WindowLimits {
  readonly appends: number;
  readonly bytes: number;
}

/** A queue whose length and bytes are bounded. One append always fits, whatever its size. */
export class PendingQueue {
  readonly #limits: WindowLimits;
  #items: PendingAppend[] = [];
  #head = 0;
  #bytes = 0;
  #progressMs = 0;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get full(): boolean {
    return this.size >= this.#limits.appends || this.#bytes >= this.#limits.bytes;
  }

  /** The oldest. */
  get first(): PendingAppend | undefined {
    return this.#items[this.#head];
  }

  /** The `offset`th from the oldest, which is the 0th. */
  at(offset: number): PendingAppend | undefined {
    return this.#items[this.#head + offset];
  }

  /** Since when the oldest has been the one to wait for, by `performance.now()`. */
  get progressMs(): number {
    return this.#progressMs;
  }

  push(pending: PendingAppend): void {
    if (this.size === 0) {
      this.#progressMs = performance.now();
    }
    this.#items.push(pending);
    this.#bytes += pending.sizeBytes;
  }

  shift(): PendingAppend {
    const first = this.first;
    assert(first !== undefined, "an answer came to an append that is not pending");
    this.#head += 1;
    this.#bytes -= first.sizeBytes;
    this.#progressMs = performance.now();
    // Moves the rest now and then, not at every answer.
    if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  *[Symbol.iterator](): Generator<PendingAppend, void, undefined> {
    for (let index = this.#head; index < this.#items.length; index += 1) {
      const item = this.#items[index];
      if (item !== undefined) {
        yield item;
      }
    }
  }
}
