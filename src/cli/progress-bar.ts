/** Progress bars on standard error, for work that takes longer than a moment. */

import { SingleBar } from "cli-progress";
import { formatDuration } from "./time.js";
import { columnsOf, groupDigits } from "./terminal.js";

/** Work that is done sooner shows no bar. */
export const showAfterMs = 500;

/** Opens a bar; `{bar}` in the format has the room that `textColumns` leave. */
export function openBar(
  format: string,
  total: number,
  { textColumns, ...values }: { readonly textColumns: number } & Readonly<Record<string, unknown>>,
): SingleBar {
  const bar = new SingleBar({
    format,
    barsize: Math.max(10, Math.min(30, columnsOf(process.stderr) - textColumns)),
    barCompleteChar: "█",
    barIncompleteChar: "░",
    clearOnComplete: true,
    linewrap: null,
    // A hidden cursor would stay hidden when the process is killed.
    hideCursor: false,
    stream: process.stderr,
  });
  bar.start(total, 0, values);
  return bar;
}

/** How far work over a known number of things has come, where standard error is a terminal. */
export class WorkProgress {
  readonly #things: string;
  readonly #startedMs = performance.now();
  readonly #isShown = process.stderr.isTTY;
  #bar: SingleBar | undefined;

  /** `things`: what is counted, in words. */
  constructor(things: string) {
    this.#things = things;
  }

  update({ done, total, bytes }: { done: number; total: number; bytes: number }): void {
    const elapsedMs = performance.now() - this.#startedMs;
    if (!this.#isShown || elapsedMs < showAfterMs) return;
    const format = `{bar} {percentage}%  {done} ${this.#things}  {rate}/s  {megabytes} MB/s  {left} left`;
    const seconds = elapsedMs / 1000;
    const left = done === 0 ? "" : formatDuration((elapsedMs * Math.max(0, total - done)) / done);
    const values = {
      done: groupDigits(done),
      rate: groupDigits(Math.round(done / seconds)),
      megabytes: groupDigits(Math.round(bytes / 1e6 / seconds)),
      left,
    };
    this.#bar ??= openBar(format, total, { textColumns: 65, ...values });
    this.#bar.setTotal(Math.max(total, done));
    this.#bar.update(done, values);
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
