/** A process of the benchmark's own, which answers questions one at a time. */

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a child sends back. */
type Answer =
  | { readonly type: "answer"; readonly value: unknown }
  | { readonly type: "failed"; readonly reason: string };

export class Child {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts the module beside this one. */
  static open(file: string): Child {
    const module = fileURLToPath(new URL(file, import.meta.url));
    return new Child(fork(module, { serialization: "advanced" }));
  }

  /** Starts the module beside this one and waits for its first answer. */
  static async start<Value>(file: string, input: unknown): Promise<{ child: Child; value: Value }> {
    const child = Child.open(file);
    return { child, value: await child.ask<Value>(input) };
  }

  /** Sends a question and waits for its answer. Rejects if there was none. One at a time. */
  ask<Value>(question: unknown): Promise<Value> {
    return new Promise((resolve, reject) => {
      const exited = (code: number | null, signal: string | null): void => {
        this.#process.off("message", answered);
        reject(new Error(`a process of the benchmark ended: ${signal ?? `exit code ${code}`}`));
      };
      const answered = (answer: unknown): void => {
        this.#process.off("exit", exited);
        const { type } = answer as Answer;
        if (type === "answer") resolve((answer as { value: Value }).value);
        else reject(new Error((answer as { reason: string }).reason));
      };
      this.#process.once("message", answered);
      this.#process.once("exit", exited);
      this.#process.send(question as object);
    });
  }

  /** Ends the process; it has nothing to lose. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }
}

/** The child's half: answers each question of the parent, and ends with it. */
export function answerParent(answer: (question: unknown) => Promise<unknown>): void {
  const send = (message: Answer): void => void process.send?.(message);
  process.on("disconnect", () => process.exit(0));
  process.on("message", (question) => {
    answer(question).then(
      (value) => send({ type: "answer", value }),
      (error: unknown) => {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        send({ type: "failed", reason });
      },
    );
  });
}
