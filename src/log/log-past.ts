/**
 * What readers of the log's past know of the manifest, and whether an answer about an old position
 * counts (PROTOCOL.md section 9): the position's name may have been deleted, and be anything's since.
 *
 * Invariant: what is known of the manifest only grows.
 */

import { HistoryFloor } from "../core/history-floor.js";
import { orAborted } from "../store/abort.js";
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
  readonly #floor: HistoryFloor;
  #manifest: ManifestView;
  #underWay: Promise<void> | undefined;

  constructor(options: LogPastOptions) {
    const { manifest, ageMs } = options.first;
    this.#options = options;
    this.#floor = new HistoryFloor(manifest.graceMs, manifest.floor.tail, ageMs);
    this.#manifest = manifest;
  }

  /** The greatest manifest that is known. */
  get manifest(): ManifestView {
    return this.#manifest;
  }

  /** A manifest read has ended, of this process, whoever made it. */
  note({ manifest, ageMs }: ManifestRead): void {
    this.#floor.known(manifest.floor.tail, ageMs);
    if (manifest.number > this.#manifest.number) this.#manifest = manifest;
  }

  /**
   * Whether what the store has just answered about a position counts; if not, the floor is above it.
   * Reads the manifest where none was read lately. Throws as {@link refresh} does.
   */
  async accepts(position: Position, signal: AbortSignal): Promise<boolean> {
    const cameMs = this.#options.ageMs();
    for (;;) {
      const verdict = this.#floor.judge(position, { cameMs, nowMs: this.#options.ageMs() });
      if (verdict !== "stale") return verdict === "accepted";
      await this.refresh(signal);
    }
  }

  /**
   * Reads the manifest, together with whoever does so already. Throws a SuraftError: `corrupt` naming
   * the object, what the store's failure means; or the signal's reason.
   */
  async refresh(signal: AbortSignal): Promise<void> {
    this.#underWay ??= this.#read().finally(() => (this.#underWay = undefined));
    await orAborted(this.#underWay, signal);
  }

  async #read(): Promise<void> {
    const known = this.manifest.number;
    const read = await this.#options.read();
    if (read.manifest.number < known) {
      throw corruptObject(manifestName(known), "it has vanished from the store");
    }
    this.note(read);
  }
}
