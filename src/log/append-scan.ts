/**
 * Takes an encoded AppendRequest, AppendSessionRequest or ForwardedAppend apart: the entries, as one
 * run of bytes, and what the append demands; and refuses everything that must not get into the log.
 *
 * Invariant: whatever the bytes are, the answer comes in time linear in their number, and nothing
 * is thrown.
 */

import { OptionsReader } from "./append-options.js";
import { checkEntry, entryTag } from "./entry-check.js";
import { Cursor } from "./wire.js";
import type { AppendOptions, EntryKey } from "../core/types.js";
import type { FoundFields } from "./append-options.js";
import type { KeyListener } from "./entry-check.js";
import type { EntryRun } from "./entry-run.js";
import type { MessageFields } from "./message-fields.js";

/** Bounds on an append. Sizes count payloads, keys, and the keys and values of headers. */
export interface AppendBounds {
  readonly entryBytesMax: number;
  readonly appendBytesMax: number;
  readonly appendEntriesMax: number;
}

/** An append as it came from a client: what is stored of it, and what it demands. */
export interface ScannedAppend {
  readonly run: EntryRun;
  /** Undefined for a plain append. */
  readonly options: AppendOptions | undefined;
  /** The whole message, which is a ForwardedAppend as well. */
  readonly message: Uint8Array;
}

/** What a message holds. */
export type AppendScan =
  /** An append, all of it good. Only one that was forwarded may have no entries. */
  | {
      readonly type: "append";
      readonly append: ScannedAppend;
      /** The number of the client's stream that a forwarded append belongs to; 0: none. */
      readonly stream: number;
    }
  /** Of a ForwardedAppend: nothing more comes of this stream. */
  | { readonly type: "closedStream"; readonly stream: number }
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
  fields: MessageFields<FoundFields>,
): AppendScan {
  const scanner = new AppendScanner(message, bounds);
  const { cursor } = scanner;
  let reader: OptionsReader | undefined;
  while (!cursor.atEnd) {
    const start = cursor.offset;
    const tag = cursor.varint();
    const taken =
      tag === entryTag
        ? scanner.entry(start)
        : (reader ??= new OptionsReader(fields)).take(cursor, tag);
    if (!taken) return { type: "invalid", reason: cursor.problem };
  }
  const run = scanner.run();
  const reason = problemOf(run, reader, bounds);
  if (reason !== undefined) return { type: "invalid", reason };
  if (reader === undefined) {
    const append = { run, options: undefined, message };
    return { type: "append", append, stream: 0 };
  }
  const { stream, closedStream } = reader;
  if (closedStream > 0) return { type: "closedStream", stream: closedStream };
  const append = { run, options: reader.optionsOf(run), message };
  return { type: "append", append, stream };
}

/** What is wrong with the message as a whole. */
function problemOf(
  run: EntryRun,
  reader: OptionsReader | undefined,
  bounds: AppendBounds,
): string | undefined {
  const withoutEntries = reader?.options.control !== undefined || (reader?.closedStream ?? 0) > 0;
  if (withoutEntries && run.entryCount > 0) return "entries stand where none belong";
  if (!withoutEntries && run.entryCount === 0) {
    return "the append has no entries; it must have at least one";
  }
  const runMax = runBytesMax(bounds);
  return run.bytes.length > runMax
    ? `the append's encoding has more than ${runMax} bytes`
    : undefined;
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
