/** Appends that wait for room in the window, in order; bounded in bytes by its user. */

import type { CoreSettings } from "./options.js";
import type { Append } from "./types.js";

/** A batch never splits an append (PROTOCOL.md 4.3). */
export interface Batch {
  readonly appends: readonly Append[];
  readonly entryCount: number;
}

export class AppendQueue {
  #appends: Append[] = [];
  #head = 0;
  #sizeBytes = 0;

  get isEmpty(): boolean {
    return this.#head === this.#appends.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  push(append: Append): void {
    this.#appends.push(append);
    this.#sizeBytes += append.sizeBytes;
  }

  /** Puts appends back before all others, in the order given. */
  unshift(appends: readonly Append[]): void {
    if (appends.length === 0) return;
    this.#appends = appends.concat(this.#appends.slice(this.#head));
    this.#head = 0;
    for (const append of appends) this.#sizeBytes += append.sizeBytes;
  }

  /** The longest run from the front that fits one segment; at least one append. */
  takeBatch(settings: CoreSettings): Batch {
    const start = this.#head;
    let end = start;
    let bytes = 0;
    let entryCount = 0;
    for (; end < this.#appends.length; end++) {
      const append = this.#appends[end];
      if (append === undefined) break;
      const fits =
        bytes + append.sizeBytes <= settings.segmentBytesMax &&
        entryCount + append.entryCount <= settings.segmentEntriesMax;
      if (!fits && end > start) break;
      bytes += append.sizeBytes;
      entryCount += append.entryCount;
    }
    const appends = this.#appends.slice(start, end);
    this.#head = end;
    this.#sizeBytes -= bytes;
    this.#dropTaken();
    return { appends, entryCount };
  }

  /** Takes everything. */
  takeAll(): readonly Append[] {
    const appends = this.#appends.slice(this.#head);
    this.#appends = [];
    this.#head = 0;
    this.#sizeBytes = 0;
    return appends;
  }

  /** Under steady load the queue is never empty: what was taken is let go all the same. */
  #dropTaken(): void {
    if (this.#head * 2 < this.#appends.length) return;
    this.#appends = this.#appends.slice(this.#head);
    this.#head = 0;
  }
}
