/** A state machine for tests: keeps every text in order, and remembers how it came by them. */

import type { LogEntry, StateMachine } from "../../src/replica/index.js";

export class Tally implements StateMachine<string> {
  texts: string[] = [];
  /** Indexes that were applied, not restored, in the order of the calls. */
  readonly applied: number[] = [];
  /** Each snapshot's index that was asked to be installed, damaged ones too. */
  readonly installed: number[] = [];
  /** A test may hold up a call to `apply`. */
  onApply: (entries: readonly LogEntry[]) => Promise<void> = () => Promise.resolve();

  async apply(entries: readonly LogEntry[]): Promise<readonly string[]> {
    await this.onApply(entries);
    return entries.map(({ index, payload }) => {
      this.applied.push(index);
      this.texts.push(Buffer.from(payload).toString());
      return `${index}:${this.texts.at(-1) ?? ""}`;
    });
  }

  *buildSnapshot(): Iterable<Uint8Array> {
    const texts = this.texts.slice();
    for (const text of texts) yield Buffer.from(`${text}\n`);
  }

  async installSnapshot(content: AsyncIterable<Uint8Array>, nextIndex: number): Promise<void> {
    this.installed.push(nextIndex);
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(Uint8Array.from(chunk));
    const text = Buffer.concat(chunks).toString();
    this.texts = text === "" ? [] : text.trimEnd().split("\n");
  }
}

export function entry(text: string): { readonly payload: Uint8Array } {
  return { payload: Buffer.from(text) };
}

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return `no failure, but ${String(await promise)}`;
  } catch (error) {
    return error;
  }
}
