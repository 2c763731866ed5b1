/** Appends that wait for room in the window, in order; bounded in bytes by its user. */

import type { CoreSettings } from "./options.js";
import type { Append } from "./types.js";

/** A batch never splits an append (PROTOCOL.md 4.3). */
export interface Batch {
  readonly appends: readonly Append[];
  readonly entryCount: number;
}

/** How much a batch in the making holds. */
export interface Taken {
  readonly appendCount: number;
  readonly entryCount: number;
}

/** Whether an append may join the batch in the making; it leaves the queue either way. */
type Admits = (append: Append, before: Taken) => boolean;

export class AppendQueue {
  #appends: Append[] = [];
  /** How many are not plain. */
  #markedCount = 0;
  #head = 0;
  #sizeBytes = 0;

  get isEmpty(): boolean {
    return this.#head === this.#appends.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whether all appends are plain: without options, and without keys. */
  get isPlain(): boolean {
    return this.#markedCount === 0;
  }

  push(append: Append): void {
    this.#appends.push(append);
    this.#sizeBytes += append.sizeBytes;
    if (!isPlain(append)) this.#markedCount++;
  }

  /** Puts appends back before all others, in the order given. */
  unshift(appends: readonly Append[]): void {
    if (appends.length === 0) return;
    this.#appends = appends.concat(this.#appends.slice(this.#head));
    this.#head = 0;
    for (const append of appends) {
      this.#sizeBytes += append.sizeBytes;
      if (!isPlain(append)) this.#markedCount++;
    }
  }

  /**
   * The longest run from the front that fits one segment; at least one append, though it alone does
   * not fit. What is not admitted is left out, and takes no room.
   */
  takeBatch(settings: CoreSettings, admits?: Admits): Batch {
    const start = this.#head;
    const taken = { appendCount: 0, entryCount: 0 };
    const admitted: Append[] = [];
    let end = start;
    let bytes = 0;
    let places = 0;
    for (; end < this.#appends.length; end++) {
      const append = this.#appends[end];
      if (append === undefined) break;
      // An append without entries takes the place of one: it leaves a record.
      const place = Math.max(1, append.entryCount);
      const fits =
        bytes + append.sizeBytes <= settings.segmentBytesMax &&
        places + place <= settings.segmentEntriesMax;
      if (!fits && taken.appendCount > 0) break;
      this.#sizeBytes -= append.sizeBytes;
      if (admits !== undefined) {
        if (!isPlain(append)) this.#markedCount--;
        if (!admits(append, taken)) continue;
        admitted.push(append);
      }
      bytes += append.sizeBytes;
      places += place;
      taken.appendCount++;
      taken.entryCount += append.entryCount;
    }
    const appends = admits === undefined ? this.#appends.slice(start, end) : admitted;
    this.#head = end;
    this.#dropTaken();
    return { appends, entryCount: taken.entryCount };
  }

  /** Takes out what belongs to the streams. */
  withdraw(streams: ReadonlySet<object>): readonly Append[] {
    const all = this.takeAll();
    const isOf = ({ stream }: Append): boolean => stream !== undefined && streams.has(stream);
    for (const append of all) if (!isOf(append)) this.push(append);
    return all.filter(isOf);
  }

  /** Takes everything. */
  takeAll(): readonly Append[] {
    const appends = this.#appends.slice(this.#head);
    this.#appends = [];
    this.#head = 0;
    this.#sizeBytes = 0;
    this.#markedCount = 0;
    return appends;
  }

  /** Under steady load the queue is never empty: what was taken is let go all the same. */
  #dropTaken(): void {
    if (this.#head * 2 < this.#appends.length) return;
    this.#appends = this.#appends.slice(this.#head);
    this.#head = 0;
  }
}

function isPlain({ options, keys }: Append): boolean {
  return options === undefined && (keys === undefined || keys.length === 0);
}
