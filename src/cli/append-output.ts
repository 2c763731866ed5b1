/**
 * What `suraft append` prints: an index for each entry, or JSON; on a terminal, for long input, a
 * progress bar and then a summary.
 *
 * Invariant: the nth line of the output belongs to the nth entry of the input.
 */

import { openBar, showAfterMs } from "./progress-bar.js";
import { write } from "./output.js";
import { formatDuration } from "./time.js";
import { countOf, groupDigits } from "./terminal.js";
import type { SingleBar } from "cli-progress";

export type AppendOutputStyle = "indexes" | "json" | "summary";

/** Runs of indexes that a summary names; where others append too there may be very many. */
const RUNS_SHOWN = 5;

/** An entry that is durable. */
export interface AppendedEntry {
  /** Undefined for a repeat so old that the log only remembers that it stands. */
  readonly index: number | undefined;
  readonly term: number;
  readonly timestampMs: number;
  /** An earlier try had come through. */
  readonly repeat: boolean;
}

interface Run {
  readonly first: number;
  last: number;
}

export class AppendOutput {
  readonly style: AppendOutputStyle;
  readonly #runs: Run[] = [];
  readonly #progress: Progress | undefined;
  #lines: string[] = [];
  #flushing: Promise<void> | undefined;
  #count = 0;

  constructor(style: AppendOutputStyle, progress: Progress | undefined) {
    this.style = style;
    this.#progress = progress;
  }

  /** How many entries are durable. */
  get count(): number {
    return this.#count;
  }

  /** The index of the last durable entry. */
  get lastIndex(): number | undefined {
    return this.#runs.at(-1)?.last;
  }

  /** One more entry is durable. */
  acknowledged(entry: AppendedEntry, sizeBytes: number): void {
    const { index } = entry;
    this.#count += 1;
    this.#progress?.advance(sizeBytes);
    if (index !== undefined) {
      this.#note(index);
    }
    if (this.style !== "summary") {
      this.#lines.push(`${this.style === "json" ? jsonOf(entry) : String(index ?? "?")}\n`);
      // What is acknowledged in one turn is written at once.
      this.#flushing ??= new Promise((resolve) => {
        setImmediate(() => {
          this.#flushing = undefined;
          const text = this.#lines.join("");
          this.#lines = [];
          void write(text).then(resolve);
        });
      });
    }
  }

  #note(index: number): void {
    const run = this.#runs.at(-1);
    if (run !== undefined && run.last + 1 === index) {
      run.last = index;
    } else if (this.#runs.length <= RUNS_SHOWN || run === undefined) {
      this.#runs.push({ first: index, last: index });
    } else {
      run.last = index;
    }
  }

  /** Resolves when what was acknowledged so far is written: the reader of the indexes sets the pace. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /** Takes the progress bar away. */
  hideProgress(): void {
    this.#progress?.stop();
  }

  /** Takes the progress bar away and prints the summary. */
  async finish(): Promise<void> {
    await this.flushed();
    this.hideProgress();
    if (this.style === "summary" && this.#count > 0) {
      await write(`appended ${this.summary()}\n`);
    }
  }

  /** `5,000 entries, indexes 1-4000 and 4003-5002`. */
  summary(): string {
    const runs = this.#runs.map(({ first, last }) =>
      first === last ? String(first) : `${String(first)}-${String(last)}`,
    );
    const [only] = runs;
    const count = countOf(this.#count, "entry", "entries");
    if (only === undefined) {
      return count;
    }
    const indexes = this.#count === 1 ? "index" : "indexes";
    const shown =
      this.#runs.length > RUNS_SHOWN
        ? `between ${String(this.#runs[0]?.first)} and ${String(this.lastIndex)}`
        : runs.length === 1
          ? only
          : `${runs.slice(0, -1).join(", ")} and ${runs.at(-1) ?? ""}`;
    return `${count}, ${indexes} ${shown}`;
  }
}

function jsonOf({ index, term, timestampMs, repeat }: AppendedEntry): string {
  const place =
    index === undefined ? {} : { index, term, timestamp: new Date(timestampMs).toISOString() };
  return JSON.stringify({ ...place, ...(repeat ? { repeat } : {}) });
}

/** A progress bar on standard error, for input that takes longer than a moment. */
export class Progress {
  readonly #sizeBytes: number | undefined;
  readonly #startedMs = performance.now();
  #bar: SingleBar | undefined;
  #bytes = 0;
  #entries = 0;
  #stopped = false;

  constructor(sizeBytes: number | undefined) {
    this.#sizeBytes = sizeBytes;
  }

  /** An entry of so many bytes is durable. */
  advance(sizeBytes: number): void {
    this.#entries += 1;
    // With the newline that was left out.
    this.#bytes += sizeBytes + 1;
    const elapsedMs = performance.now() - this.#startedMs;
    if (this.#bar === undefined && !this.#stopped && elapsedMs > showAfterMs) {
      this.#bar = this.#start();
    }
    if (this.#bar !== undefined) {
      const rate = Math.round(this.#entries / (elapsedMs / 1000));
      const total = Math.max(this.#sizeBytes ?? 0, this.#bytes);
      this.#bar.update(this.#bytes, {
        entries: groupDigits(this.#entries),
        rate: groupDigits(rate),
        left: formatDuration((elapsedMs * (total - this.#bytes)) / this.#bytes),
      });
    }
  }

  /** Takes the bar away. */
  stop(): void {
    this.#stopped = true;
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start(): SingleBar {
    const known = this.#sizeBytes !== undefined;
    const format = known
      ? "{bar} {percentage}%  {entries} entries  {rate}/s  {left} left"
      : "{entries} entries  {rate}/s";
    const values = { entries: "0", rate: "0", left: "" };
    return openBar(format, this.#sizeBytes ?? 0, { textColumns: 55, ...values });
  }
}
