/**
 * Where the last entry of each of the recent keys stands.
 *
 * Invariant: exact from `reachIndex` on: a key that is not here has no entry at or above it. What is
 * forgotten is forgotten from below.
 */

import { RecencyMap } from "./recency-map.js";
import type { KeyColumns, LedgerBounds } from "./snapshot.js";

/** Whether entries with a key stand at or above an index. */
export type KeyFinding =
  | { readonly type: "none" }
  | { readonly type: "last"; readonly index: number }
  | { readonly type: "forgotten"; readonly reachIndex: number };

export class RecentKeys {
  readonly #keysMax: number;
  readonly #lengthMax: number;
  /** The most recently used key is that of the last entry. */
  readonly #lastIndexes = new RecencyMap<string, number>();
  #length = 0;
  #reachIndex = 1;

  constructor({ keysMax, keyLengthMax }: LedgerBounds) {
    this.#keysMax = keysMax;
    this.#lengthMax = keyLengthMax;
  }

  get count(): number {
    return this.#lastIndexes.size;
  }

  /** An entry with the key stands at an index, above all others. */
  add(key: string, index: number): void {
    if (this.#lastIndexes.get(key) === undefined) this.#length += key.length;
    this.#lastIndexes.set(key, index);
    while (this.#lastIndexes.size > this.#keysMax || this.#length > this.#lengthMax) {
      this.#forgetOldest();
    }
  }

  /** Whether an entry with the key stands at or above an index. */
  find(key: string, sinceIndex: number): KeyFinding {
    const index = this.#lastIndexes.get(key);
    if (index !== undefined) return index < sinceIndex ? { type: "none" } : { type: "last", index };
    const reachIndex = this.#reachIndex;
    return sinceIndex >= reachIndex ? { type: "none" } : { type: "forgotten", reachIndex };
  }

  snapshot(): KeyColumns {
    const keys: string[] = [];
    const lastIndexes = new Float64Array(this.#lastIndexes.size);
    for (const [key, index] of this.#lastIndexes) lastIndexes[keys.push(key) - 1] = index;
    return { keys, lastIndexes, reachIndex: this.#reachIndex };
  }

  /** Takes what a snapshot holds. */
  restore({ keys, lastIndexes, reachIndex }: KeyColumns): void {
    keys.forEach((key, row) => this.add(key, lastIndexes[row] ?? 0));
    this.#reachIndex = reachIndex;
  }

  #forgetOldest(): void {
    const [key, index] = this.#lastIndexes.dropOldest() ?? [];
    if (key === undefined || index === undefined) return;
    this.#length -= key.length;
    this.#reachIndex = index + 1;
  }
}
