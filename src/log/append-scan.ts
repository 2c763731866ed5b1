/**
 * Takes the entries out of an encoded AppendRequest, AppendSessionRequest or ForwardRequest, as one
 * run of bytes, and refuses everything that must not get into the log.
 *
 * Invariant: whatever the bytes are, the answer comes in time linear in their number, and nothing
 * is thrown.
 */

import { checkEntry, entryTag } from "./entry-check.js";
import { Cursor, wireType } from "./wire.js";
import type { EntryKey } from "../core/types.js";
import type { KeyListener } from "./entry-check.js";
import type { EntryRun } from "./entry-run.js";

/** Bounds on an append. Sizes count payloads, keys, and the keys and values of headers. */
export interface AppendBounds {
  readonly entryBytesMax: number;
  readonly appendBytesMax: number;
  readonly appendEntriesMax: number;
}

/** The fields that a message has beside `entries = 1`. */
export type OtherFields = Readonly<
  Record<number, { readonly name: string; readonly type: number }>
>;

/** Of AppendRequest and AppendSessionRequest. */
export const appendRequestFields: OtherFields = {
  2: { name: "producer", type: wireType.bytes },
  3: { name: "expected_next_index", type: wireType.varint },
  4: { name: "fencing_token", type: wireType.bytes },
};

/** Of ForwardRequest. */
export const forwardRequestFields: OtherFields = { 2: { name: "sender", type: wireType.bytes } };

/** A field beside the entries that is set in a message. */
export interface OtherField {
  readonly field: number;
  readonly name: string;
  /** A number, or the field's bytes, aliasing the message. */
  readonly value: number | Uint8Array;
}

/** What a message holds. */
export type AppendScan =
  /** Entries, all of them good. */
  | { readonly type: "entries"; readonly run: EntryRun; readonly others: readonly OtherField[] }
  /** No entry at all. */
  | { readonly type: "none"; readonly others: readonly OtherField[] }
  /** The reason is for people, and names the entry and the field. */
  | { readonly type: "invalid"; readonly reason: string };

/**
 * How many bytes the run of an append within the bounds takes at most. Content within the bounds
 * but encoded longer (many tiny headers) is refused, so that what holds an append can rely on it.
 */
export function runBytesMax(bounds: AppendBounds): number {
  return bounds.appendBytesMax + 16 * bounds.appendEntriesMax;
}

/**
 * Scans a whole encoded message. The run aliases the message where its entries stand one behind
 * the other, as every encoder writes them; else they are copied together.
 */
export function scanAppend(
  message: Uint8Array,
  bounds: AppendBounds,
  otherFields: OtherFields,
): AppendScan {
  const scanner = new AppendScanner(message, bounds);
  const { cursor } = scanner;
  const others: OtherField[] = [];
  while (!cursor.atEnd) {
    const start = cursor.offset;
    const tag = cursor.varint();
    const taken =
      tag === entryTag ? scanner.entry(start) : takeOther(cursor, tag, otherFields, others);
    if (!taken) return { type: "invalid", reason: cursor.problem };
  }
  const run = scanner.run();
  if (run.entryCount === 0) return { type: "none", others };
  const runMax = runBytesMax(bounds);
  if (run.bytes.length > runMax) {
    return { type: "invalid", reason: `the append's encoding has more than ${runMax} bytes` };
  }
  return { type: "entries", run, others };
}

class AppendScanner implements KeyListener {
  readonly cursor: Cursor;
  readonly #bounds: AppendBounds;
  #entryCount = 0;
  #contentBytes = 0;
  /** Where the entries since the last other field began and ended. */
  #start = 0;
  #end = 0;
  /** The entries before them. */
  readonly #pieces: Uint8Array[] = [];
  #keys: EntryKey[] | undefined;

  constructor(message: Uint8Array, bounds: AppendBounds) {
    this.cursor = new Cursor(message);
    this.#bounds = bounds;
  }

  /** Takes an entry whose tag stands at `start`. False: the cursor's problem says why not. */
  entry(start: number): boolean {
    const { cursor } = this;
    const size = checkEntry(cursor, this);
    if (size < 0) {
      cursor.fail(`entry ${this.#entryCount + 1}: ${cursor.problem}`);
      return false;
    }
    if (start !== this.#end) this.#cut(start);
    this.#end = cursor.offset;
    this.#entryCount += 1;
    this.#contentBytes += size;
    return this.#isWithin(size);
  }

  run(): EntryRun {
    const { bytes } = this.cursor;
    const last = bytes.subarray(this.#start, this.#end);
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    const run = { bytes: whole, entryCount: this.#entryCount };
    return this.#keys === undefined ? run : { ...run, keys: this.#keys };
  }

  /** The entry that is being taken has this key. */
  keyed(key: string): void {
    this.#keys ??= [];
    this.#keys.push({ offset: this.#entryCount, key });
  }

  #cut(start: number): void {
    if (this.#end > 0) this.#pieces.push(this.cursor.bytes.subarray(this.#start, this.#end));
    this.#start = start;
  }

  #isWithin(size: number): boolean {
    const { entryBytesMax, appendBytesMax, appendEntriesMax } = this.#bounds;
    if (size > entryBytesMax) {
      this.cursor.fail(
        `entry ${this.#entryCount} has ${size} bytes; at most ${entryBytesMax} are allowed`,
      );
    } else if (this.#contentBytes > appendBytesMax) {
      this.cursor.fail(`the append has more than ${appendBytesMax} bytes`);
    } else if (this.#entryCount > appendEntriesMax) {
      this.cursor.fail(`the append has more than ${appendEntriesMax} entries`);
    } else {
      return true;
    }
    return false;
  }
}

function takeOther(cursor: Cursor, tag: number, known: OtherFields, others: OtherField[]): boolean {
  if (tag < 0) return false;
  const field = Math.floor(tag / 8);
  const type = tag % 8;
  const expected = field === 1 ? { name: "entries", type: wireType.bytes } : known[field];
  if (expected === undefined) {
    cursor.fail(`field ${field} is unknown`);
  } else if (type !== expected.type) {
    cursor.fail(`${expected.name} has wire type ${type} where ${expected.type} belongs`);
  } else if (others.some((other) => other.field === field)) {
    cursor.fail(`${expected.name} is set twice`);
  } else {
    const value = type === wireType.varint ? cursor.varint() : cursor.view();
    if (value === undefined || value === -1) return false;
    others.push({ field, name: expected.name, value });
    return true;
  }
  return false;
}
