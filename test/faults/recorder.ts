/**
 * Writes the history of a run to a file as it happens, and counts.
 *
 * Invariant: one process records all clients, so that the order of lines is the order of real time:
 * an operation's beginning is written before its call is made, its end after the answer came.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import type { Appended } from "../../src/client/types.js";
import type { HistoryEvent } from "../sim/history.js";
import { Availability } from "./availability.js";

const bufferedCharactersMax = 64 * 1024;

export interface Counts {
  acknowledged: number;
  failed: number;
  unknown: number;
  reads: number;
  localReads: number;
  failedReads: number;
  sightings: number;
  broken: number;
}

export interface AppendBegin {
  readonly process: string;
  readonly entries: number;
  readonly session?: number;
}

export class Recorder {
  readonly counts: Counts = {
    acknowledged: 0,
    failed: 0,
    unknown: 0,
    reads: 0,
    localReads: 0,
    failedReads: 0,
    sightings: 0,
    broken: 0,
  };
  readonly availability = new Availability();
  readonly path: string;
  readonly #file: number;
  readonly #beganMs = performance.now();
  #text = "";
  #opCount = 0;
  #sessionCount = 0;
  #closed = false;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, "w");
  }

  /** Milliseconds since the history's beginning. */
  get nowMs(): number {
    return Math.round(performance.now() - this.#beganMs);
  }

  newSession(): number {
    return ++this.#sessionCount;
  }

  run(seed: number, nodes: readonly string[]): void {
    this.write({ type: "run", seed, nodes });
  }

  append({ process, entries, session }: AppendBegin): number {
    const op = ++this.#opCount;
    const begin = { type: "invoke", t: this.nowMs, op, process, call: "append", entries } as const;
    this.write(session === undefined ? begin : { ...begin, session });
    return op;
  }

  appended(op: number, { firstIndex, term, timestampMs }: Appended): void {
    const t = this.nowMs;
    this.counts.acknowledged += 1;
    this.availability.acknowledged(t);
    this.write({ type: "appended", t, op, firstIndex, term, timestampMs });
  }

  /** An append without effect, for ever. */
  failed(op: number, reason: string): void {
    this.counts.failed += 1;
    this.write({ type: "failed", t: this.nowMs, op, reason });
  }

  /** An append that may be in the log, or may come to be. */
  unknown(op: number, reason: string): void {
    this.counts.unknown += 1;
    this.write({ type: "unknown", t: this.nowMs, op, reason });
  }

  read(process: string, level?: "local"): number {
    const op = ++this.#opCount;
    const begin = { type: "invoke", t: this.nowMs, op, process, call: "read" } as const;
    this.write(level === undefined ? begin : { ...begin, level });
    return op;
  }

  /** A read has ended. `digest` is left out where it looked at no entries. */
  readTo(op: number, end: { readonly nextIndex: number; readonly digest?: number }): void {
    this.counts.reads += 1;
    this.write({ type: "read", t: this.nowMs, op, ...end });
  }

  readFailed(op: number, reason: string): void {
    this.counts.failedReads += 1;
    this.write({ type: "failed", t: this.nowMs, op, reason });
  }

  follow(process: string): number {
    const op = ++this.#opCount;
    this.write({ type: "invoke", t: this.nowMs, op, process, call: "follow" });
    return op;
  }

  saw(op: number, end: { readonly nextIndex: number; readonly digest: number }): void {
    this.counts.sightings += 1;
    this.write({ type: "saw", t: this.nowMs, op, ...end });
  }

  /** A new process of a node: `n1.2` is the second of `n1`. */
  started(process: string): void {
    this.write({ type: "start", t: this.nowMs, process });
  }

  /** Something that no right run shows. */
  broken(rule: string, text: string): void {
    this.counts.broken += 1;
    this.write({ type: "broken", t: this.nowMs, rule, text });
  }

  note(text: string): void {
    this.write({ type: "note", t: this.nowMs, text });
  }

  write(event: HistoryEvent): void {
    if (this.#closed) return;
    this.#text += `${JSON.stringify(event)}\n`;
    if (this.#text.length >= bufferedCharactersMax) this.#flush();
  }

  /** Writes what is left. What comes later is dropped. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#text);
    this.#text = "";
  }
}
