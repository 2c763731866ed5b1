/**
 * The state of the key-value store: what the log makes of it.
 *
 * Invariant: a key's version is the index of the entry that set it, so versions never repeat.
 * Invariant: everything here follows from the entries; the recent changes, which watchers read, are no
 * part of the state.
 */

import type { LogEntry, StateMachine } from "suraft/replica";
import { decodeCommand } from "./commands.js";

export interface Stored {
  readonly value: string;
  readonly version: number;
}

/** What became of a command. */
export type Outcome =
  | { readonly type: "done"; readonly version: number }
  /** The condition did not hold: this is what the key has. */
  | { readonly type: "conflict"; readonly found: Stored | undefined }
  /** The entry was no command. */
  | { readonly type: "ignored" };

/** A key was set, or removed where `value` is undefined. */
export interface Change {
  readonly index: number;
  readonly key: string;
  readonly value: string | undefined;
}

/** How many changes a watcher may be behind. */
const changesMax = 10_000;
const snapshotChunkCharacters = 256 * 1024;

export class KvMachine implements StateMachine<Outcome> {
  readonly #stored = new Map<string, Stored>();
  /** The newest changes, in order; those from `#changesFrom` on are all there are. */
  #changes: Change[] = [];
  #changesFrom = 1;
  #nextIndex = 1;
  /** Hears after each call of `apply`. */
  onApplied: () => void = () => undefined;

  get size(): number {
    return this.#stored.size;
  }

  get(key: string): Stored | undefined {
    return this.#stored.get(key);
  }

  /**
   * Changes from an index on, and the index to ask for next; undefined if some were forgotten.
   * `oldest` says from where on there are all.
   */
  changesFrom(
    index: number,
  ): { readonly changes: readonly Change[]; readonly nextIndex: number } | undefined {
    if (index < this.#changesFrom) return undefined;
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.index ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    const nextIndex = Math.max(index, this.#nextIndex);
    return { changes: this.#changes.slice(low), nextIndex };
  }

  /** The first index whose changes are remembered. */
  get oldestChange(): number {
    return this.#changesFrom;
  }

  apply(entries: readonly LogEntry[]): readonly Outcome[] {
    const outcomes = entries.map((entry) => this.#apply(entry));
    this.#nextIndex = (entries.at(-1)?.index ?? this.#nextIndex - 1) + 1;
    if (this.#changes.length > 2 * changesMax) {
      this.#changes = this.#changes.slice(-changesMax);
      this.#changesFrom = this.#changes[0]?.index ?? this.#nextIndex;
    }
    this.onApplied();
    return outcomes;
  }

  /** One line of JSON for each key. The copy is of references: entries may be applied meanwhile. */
  *buildSnapshot(): Iterable<Uint8Array> {
    const all = [...this.#stored];
    let text = "";
    for (const [key, { value, version }] of all) {
      text += `${JSON.stringify([key, value, version])}\n`;
      if (text.length < snapshotChunkCharacters) continue;
      yield Buffer.from(text);
      text = "";
    }
    yield Buffer.from(text);
  }

  async installSnapshot(content: AsyncIterable<Uint8Array>, nextIndex: number): Promise<void> {
    this.#stored.clear();
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of content) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [key, value, version] = JSON.parse(line) as [string, string, number];
        this.#stored.set(key, { value, version });
      }
    }
    this.#changes = [];
    this.#changesFrom = nextIndex;
    this.#nextIndex = nextIndex;
    this.onApplied();
  }

  #apply({ index, payload }: LogEntry): Outcome {
    const command = decodeCommand(payload);
    if (command === undefined) return { type: "ignored" };
    const { key } = command;
    const found = this.#stored.get(key);
    if (command.if !== undefined && command.if !== (found?.version ?? 0)) {
      return { type: "conflict", found };
    }
    const value = command.op === "put" ? command.value : undefined;
    if (value === undefined) this.#stored.delete(key);
    else this.#stored.set(key, { value, version: index });
    this.#changes.push({ index, key, value });
    return { type: "done", version: index };
  }
}
