/**
 * Says on a terminal, while a log is walked and nothing is printed yet, that something goes on.
 *
 * Invariant: a line that stands in the terminal is gone before anything else is printed there.
 */

import { groupDigits, styled } from "./terminal.js";

/** Nothing is said about a walk that is over at once. */
const delayMs = 1000;
const intervalMs = 200;

export class WalkNotice {
  readonly #beganMs = performance.now();
  #saidMs = 0;
  #isOver = false;

  show(nextIndex: number): void {
    const { stderr } = process;
    const nowMs = performance.now();
    if (this.#isOver || !stderr.isTTY || nowMs - this.#beganMs < delayMs) return;
    if (nowMs - this.#saidMs < intervalMs) return;
    this.#saidMs = nowMs;
    const text = `walking the log: ${groupDigits(nextIndex - 1)} entries so far`;
    stderr.write(`\r\u001b[K${styled(stderr, "dim", text)}`);
  }

  /** There is something to print: nothing is said any more. */
  end(): void {
    if (!this.#isOver && this.#saidMs > 0) process.stderr.write("\r\u001b[K");
    this.#isOver = true;
  }
}
