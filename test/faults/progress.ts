/** Tells how a round goes: one line that changes at a terminal, a line now and then elsewhere. */

import { SingleBar } from "cli-progress";
import type { RoundProgress } from "./round.js";

const plainEveryMs = 10_000;

export class Progress {
  #bar: SingleBar | undefined;
  #saidMs = 0;

  /** Prints a line of its own. */
  say(line: string): void {
    this.end();
    process.stdout.write(`${line}\n`);
  }

  update({ elapsedMs, durationMs, counts, lasting }: RoundProgress): void {
    const { acknowledged, failed, unknown, reads, broken } = counts;
    const told =
      `${acknowledged} acknowledged, ${failed} not, ${unknown} unknown, ${reads} reads` +
      (broken > 0 ? `, ${broken} BROKEN` : "");
    const doing = lasting.length === 0 ? "" : `; ${lasting.join("; ")}`;
    const seconds = Math.round(elapsedMs / 1000);
    if (process.stdout.isTTY) {
      this.#bar ??= begin(Math.round(durationMs / 1000));
      this.#bar.update(seconds, { told, doing });
    } else if (elapsedMs - this.#saidMs >= plainEveryMs || elapsedMs < this.#saidMs) {
      this.#saidMs = elapsedMs;
      process.stdout.write(`${String(seconds).padStart(4)} s: ${told}${doing}\n`);
    }
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

function begin(seconds: number): SingleBar {
  const bar = new SingleBar({
    format: "{bar} {value}/{total} s: {told}{doing}",
    barsize: 20,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(seconds, 0, { told: "", doing: "" });
  return bar;
}
