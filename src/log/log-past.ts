/**
 * What readers of the log's past know of the manifest, and whether an answer about an old position
 * counts (PROTOCOL.md section 9): the position's name may have been deleted, and be anything's since.
 *
 * Invariant: an answer counts only if a manifest read showed the floor at or below its position, and
 * either began less than half the grace before, or after the answer came.
 */

import { untilAborted } from "../store/abort.js";
import { manifestName } from "./names.js";
import { corruptObject } from "./store-failure.js";
import type { ManifestView } from "../core/manifest.js";
import type { Position } from "../core/types.js";

/** What a manifest read found. */
export interface ManifestRead {
  readonly manifest: ManifestView;
  /** The age clock just before the read's listing was first sent. */
  readonly ageMs: number;
}

export interface LogPastOptions {
  readonly first: ManifestRead;
  /** The age clock: never moves back, counts sleep. */
  readonly ageMs: () => number;
  /** Makes a manifest read, with a deadline of its own. Throws a SuraftError. */
  readonly read: () => Promise<ManifestRead>;
}

export class LogPast {
  readonly #options: LogPastOptions;
  #last: ManifestRead;
  /** How many reads of its own have begun. */
  #begun = 0;
  /** Resolves to the number of the read that has ended: so many had begun when it did. */
  #underWay: Promise<number> | undefined;

  constructor(options: LogPastOptions) {
    this.#options = options;
    this.#last = options.first;
  }

  /** The greatest manifest that is known. */
  get manifest(): ManifestView {
    return this.#last.manifest;
  }

  /** A manifest read has ended, of this process, whoever made it. */
  note(read: ManifestRead): void {
    const { manifest, ageMs } = this.#last;
    if (read.manifest.number < manifest.number) return;
    if (read.manifest.number === manifest.number && read.ageMs < ageMs) return;
    this.#last = read;
  }

  /**
   * Whether what the store has just answered about a position counts; if not, the floor is above it.
   * Reads the manifest where none was read lately. Throws as {@link refresh} does.
   */
  async accepts(position: Position, signal: AbortSignal): Promise<boolean> {
    const begunBefore = this.#begun;
    for (let number = begunBefore; ;) {
      const { manifest, ageMs } = this.#last;
      if (manifest.floor.tail > position) return false;
      // However long it took: it began after the answer came.
      if (number > begunBefore) return true;
      if (this.#options.ageMs() - ageMs < manifest.graceMs / 2) return true;
      number = await this.refresh(signal);
    }
  }

  /**
   * Reads the manifest, together with whoever does so already. Throws a SuraftError: `corrupt` naming
   * the object, what the store's failure means; or the signal's reason.
   */
  async refresh(signal: AbortSignal): Promise<number> {
    this.#underWay ??= this.#read().finally(() => (this.#underWay = undefined));
    return await untilAborted([signal], this.#underWay, () => {
      throw signal.reason;
    });
  }

  async #read(): Promise<number> {
    const number = ++this.#begun;
    const known = this.manifest.number;
    const read = await this.#options.read();
    if (read.manifest.number < known) {
      throw corruptObject(manifestName(known), "it has vanished from the store");
    }
    this.note(read);
    return number;
  }
}
