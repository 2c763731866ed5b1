/**
 * What clients did and saw, in the order in which it happened, in the simulator as with real
 * processes. README.md documents the file form.
 *
 * Invariant: an operation is invoked before it ends, and ends at most once.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { Answer, ProducerOutcome } from "../../src/core/protocol.js";
import type { AppendOptions, EntryKey } from "../../src/core/types.js";

/** One event. `t` is milliseconds; the order of events is the order of real time. */
export type HistoryEvent =
  | {
      readonly type: "run";
      readonly seed: number;
      readonly nodes: readonly string[];
      /** How much the ledger remembers; the usual bounds if it is left out. */
      readonly bounds?: LedgerBounds;
    }
  | {
      readonly type: "invoke";
      readonly t: number;
      readonly op: number;
      readonly process: string;
      readonly call: "append";
      readonly entries: number;
      /** Appends of one session stand in the log in the order in which they began. */
      readonly session?: number;
      readonly options?: AppendOptions;
      readonly keys?: readonly EntryKey[];
    }
  | {
      readonly type: "invoke";
      readonly t: number;
      readonly op: number;
      readonly process: string;
      readonly call: "read";
      /** Linearizable by default; a local read may lag. */
      readonly level?: "local";
    }
  /** Delivers the log as it grows; what it saw is told by `saw` events. */
  | {
      readonly type: "invoke";
      readonly t: number;
      readonly op: number;
      readonly process: string;
      readonly call: "follow";
    }
  /** What became of a producer's number? */
  | {
      readonly type: "invoke";
      readonly t: number;
      readonly op: number;
      readonly process: string;
      readonly call: "outcome";
      readonly producerId: number;
      readonly sequence: number;
    }
  /** An append stands in the log from `firstIndex`. */
  | {
      readonly type: "appended";
      readonly t: number;
      readonly op: number;
      readonly firstIndex: number;
      readonly term?: number;
      readonly timestampMs?: number;
      /** The producer that it opened. */
      readonly openedId?: number;
    }
  /** An append is not made: a repeat, or refused. */
  | {
      readonly type: "answered";
      readonly t: number;
      readonly op: number;
      readonly answer: Answer;
    }
  | {
      readonly type: "outcome";
      readonly t: number;
      readonly op: number;
      readonly outcome: ProducerOutcome;
    }
  /** A read saw the log up to `nextIndex`; `digest` is of the appends in it, if it looked at them. */
  | {
      readonly type: "read";
      readonly t: number;
      readonly op: number;
      readonly nextIndex: number;
      readonly digest?: number;
    }
  /** A follow that goes on has seen the log up to `nextIndex`. */
  | {
      readonly type: "saw";
      readonly t: number;
      readonly op: number;
      readonly nextIndex: number;
      readonly digest: number;
    }
  /** Certainly without effect, for ever. */
  | { readonly type: "failed"; readonly t: number; readonly op: number; readonly reason: string }
  /** May have taken effect, or may later. */
  | { readonly type: "unknown"; readonly t: number; readonly op: number; readonly reason: string }
  /** A process of a node begins, with nothing; the node's process before it has ended. */
  | { readonly type: "start"; readonly t: number; readonly process: string }
  /** Something that no right run can show, seen by who recorded the history. */
  | {
      readonly type: "broken";
      readonly t: number;
      readonly rule: string;
      readonly text: string;
    }
  /** For people: a fault, a leader. */
  | { readonly type: "note"; readonly t: number; readonly text: string }
  /** One append of the final log, in order. */
  | {
      readonly type: "log";
      readonly op: number;
      readonly firstIndex: number;
      readonly entries: number;
      readonly term?: number;
      readonly timestampMs?: number;
    };

const chunkBytes = 1024 * 1024;

/** Parses a history's lines. Throws an Error that names the line. */
export function* parseHistory(lines: Iterable<string>): Generator<HistoryEvent, void> {
  let number = 0;
  for (const line of lines) {
    number += 1;
    if (line === "") continue;
    yield parseLine(line, number);
  }
}

/** A history file's events, read anew at each iteration: it need not fit into memory. */
export function openHistory(path: string): Iterable<HistoryEvent> {
  return { [Symbol.iterator]: () => parseHistory(linesOf(path)) };
}

function parseLine(line: string, number: number): HistoryEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw new Error(`line ${number} is not JSON`, { cause: error });
  }
  if (typeof event !== "object" || event === null || !("type" in event)) {
    throw new Error(`line ${number} is no event`);
  }
  return event as HistoryEvent;
}

function* linesOf(path: string): Generator<string, void> {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for (;;) {
      const count = readSync(file, chunk);
      const lines = (rest + decoder.write(chunk.subarray(0, count))).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      if (count === 0) break;
    }
    yield rest;
  } finally {
    closeSync(file);
  }
}

/** A history file's text: one event a line. */
export function formatHistory(events: readonly HistoryEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}
