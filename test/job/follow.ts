/** A `suraft read --follow` that runs the whole time, and what it printed. */

import { once } from "node:events";
import { EventEmitter } from "node:events";
import { Child, within } from "../process/child.js";
import { commandLine } from "../process/node-process.js";
import type { ReadEntry } from "../process/journal.js";

const newline = Buffer.from("\n");
const catchUpMsMax = 20_000;

export class Follow {
  readonly #child: Child;
  readonly #grown = new EventEmitter();
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(address: string) {
    this.#child = new Child({
      command: process.execPath,
      arguments: [commandLine, "read", "--follow", "--address", address, "--timeout", "30s"],
      onOutput: (chunk) => {
        this.#chunks.push(chunk);
        this.#bytes += chunk.length;
        this.#grown.emit("grown");
      },
    });
  }

  /** Waits for as much output as the log has and rejects unless it is the same, line for line. */
  async shows(log: readonly ReadEntry[]): Promise<void> {
    const expected = Buffer.concat(log.flatMap(({ payload }) => [payload, newline]));
    await within(this.#longAs(expected.length), catchUpMsMax, () => {
      const state = this.#child.isAlive ? "runs on" : "has ended";
      return (
        `suraft read --follow ${state} after ${this.#bytes} of ${expected.length} bytes: ` +
        this.#child.output
      );
    });
    const printed = Buffer.concat(this.#chunks);
    if (!printed.equals(expected)) {
      const at = printed.findIndex((byte, index) => byte !== expected[index]);
      throw new Error(`suraft read --follow printed something else from byte ${at} on`);
    }
  }

  async close(): Promise<void> {
    await this.#child.end();
  }

  async #longAs(bytes: number): Promise<void> {
    while (this.#bytes < bytes) await once(this.#grown, "grown");
  }
}
