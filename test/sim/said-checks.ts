/** Judges what one process says to others of the log, against the true log and its own past. */

import type { Message } from "../../src/core/protocol.js";
import type { RunChecks } from "./run-checks.js";
import { Violation } from "./violation.js";

export class SaidChecks {
  readonly #run: RunChecks;
  readonly #name: string;
  #tail = 0;
  #nextIndex = 1;

  constructor(run: RunChecks, name: string) {
    this.#run = run;
    this.#name = name;
  }

  said(message: Message): void {
    if (message.type === "heartbeatRequest") {
      this.#must(
        !message.leading || this.#run.log.claimed(message.epoch),
        "lead-early",
        () => "says that it leads before its claim is committed",
      );
      this.#saidTailOf(message.tailPosition);
      const { nextIndex } = message;
      this.#must(
        nextIndex >= this.#nextIndex && nextIndex <= this.#run.log.nextIndex,
        "index-moves-back",
        () => `says next index ${nextIndex} after ${this.#nextIndex}`,
      );
      this.#nextIndex = nextIndex;
    } else if (message.type === "heartbeatResponse" && !message.duplicate) {
      this.#saidTailOf(message.tailPosition);
    } else if (message.type === "barrierResponse" && message.tailPosition !== undefined) {
      this.#saidTailOf(message.tailPosition);
    }
  }

  #saidTailOf(tail: number): void {
    this.#must(
      tail <= this.#run.log.tail,
      "false-tail",
      () => `says that everything below ${tail} exists; the tail is ${this.#run.log.tail}`,
    );
    this.#must(
      tail >= this.#tail,
      "tail-moves-back",
      () => `says tail ${tail} after it said ${this.#tail}`,
    );
    this.#tail = tail;
  }

  #must(condition: boolean, rule: string, message: () => string): asserts condition {
    if (!condition) throw new Violation(rule, `${this.#name}: ${message()}`);
  }
}
