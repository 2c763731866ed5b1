/** Reads at one node, at one level, each from where the last one ended, and records what it saw. */

import type { Client } from "../../src/client/client.js";
import { SuraftError, type ErrorKind } from "../../src/errors.js";
import { LogCursor, type Report } from "./cursor.js";
import type { Recorder } from "./recorder.js";

/** What a reader may be told when nodes, networks and stores fail. */
const ordinary: readonly ErrorKind[] = [
  "unavailable",
  "overloaded",
  "deadline_exceeded",
  "cancelled",
];
const readTimeoutMs = 5_000;
const followTimeoutMs = 8_000;
const sawEveryMs = 50;

export interface ReaderOptions {
  readonly client: Client;
  /** The process that answers, for the history. */
  readonly process: () => string;
  readonly recorder: Recorder;
  readonly level?: "local";
}

export class Reader {
  readonly #options: ReaderOptions;
  readonly #report: Report;
  #cursor = new LogCursor();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#report = (rule, text) =>
      options.recorder.broken(rule, `a reader at ${options.process()}: ${text}`);
  }

  /** The next read reads from the log's beginning. */
  startAnew(): void {
    this.#cursor = new LogCursor();
  }

  /** Reads to the tail. Whether it succeeded. */
  async read(): Promise<boolean> {
    const { client, recorder } = this.#options;
    return await this.#record(async (op) => {
      const cursor = this.#cursor.copy();
      const start = { type: "index", index: cursor.nextIndex } as const;
      const parts = client.read({ start, local: this.#isLocal, timeoutMs: readTimeoutMs });
      for await (const { batches } of parts) {
        for (const batch of batches) cursor.take(batch, this.#report);
      }
      this.#cursor = cursor;
      const { nextIndex, digest } = cursor;
      recorder.readTo(op, { nextIndex, digest });
    });
  }

  /** Asks how far the log is. Whether it was told. */
  async tail(): Promise<boolean> {
    const { client, recorder } = this.#options;
    return await this.#record(async (op) => {
      const { nextIndex } = await client.tail({ local: this.#isLocal });
      recorder.readTo(op, { nextIndex });
    });
  }

  /** Follows the log from the cursor's place until the signal or a failure. */
  async follow(cursor: LogCursor, signal: AbortSignal): Promise<void> {
    const { client, process, recorder } = this.#options;
    const op = recorder.follow(process());
    let toldMs = 0;
    let toldIndex = cursor.nextIndex;
    const tell = (): void => {
      const { nextIndex, digest, isWhole } = cursor;
      if (!isWhole || nextIndex === toldIndex) return;
      toldMs = performance.now();
      toldIndex = nextIndex;
      recorder.saw(op, { nextIndex, digest });
    };
    try {
      const start = { type: "index", index: cursor.nextIndex } as const;
      const options = { start, follow: true, signal, timeoutMs: followTimeoutMs };
      for await (const { batches } of client.read(options)) {
        for (const batch of batches) cursor.take(batch, this.#report);
        if (performance.now() - toldMs >= sawEveryMs) tell();
      }
    } catch (error) {
      tell();
      this.#failed(op, error);
    }
  }

  get #isLocal(): boolean {
    return this.#options.level === "local";
  }

  async #record(read: (op: number) => Promise<void>): Promise<boolean> {
    const { process, recorder, level } = this.#options;
    const op = recorder.read(process(), level);
    try {
      await read(op);
      return true;
    } catch (error) {
      this.#failed(op, error);
      return false;
    }
  }

  #failed(op: number, error: unknown): void {
    if (!(error instanceof SuraftError)) throw error;
    const { recorder } = this.#options;
    const { kind, message, details } = error;
    if (kind === "out_of_range" && this.#isLocal) {
      // The node holds less than an earlier one that was read here: how much, is an answer too.
      recorder.readTo(op, { nextIndex: Number(details["next_index"]) });
      return;
    }
    recorder.readFailed(op, `${kind}: ${message}`);
    if (!ordinary.includes(kind)) {
      recorder.broken("odd-answer", `read ${op} was answered ${kind}: ${message}`);
    }
  }
}
