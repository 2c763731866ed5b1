/**
 * Snapshots of the application's state machine that wait to be named by a manifest.
 *
 * Any node names what it was given, whether it leads or not: only the manifest's rules count.
 *
 * Invariant: a snapshot is named only by a manifest up to its objects' number: until that number is
 * reached no deleter takes them for unnamed, and afterwards no manifest that names them can come to be.
 * Invariant: next indexes of snapshots rise from manifest to manifest; the newest is never dropped.
 * Invariant: "named" is said only of what a manifest read has shown.
 */

import type { UpkeepContext } from "./context.js";
import type { SnapshotNamed } from "./protocol.js";
import type { ManifestView, SnapshotRef } from "../manifest.js";

interface Naming {
  readonly naming: number;
  readonly snapshot: SnapshotRef;
  /** Whether a manifest that names it was ever sent. */
  sent: boolean;
}

type Unnamed = Extract<SnapshotNamed, { type: "unnamed" }>;

export class Namings {
  readonly #context: UpkeepContext;
  #waiting: Naming[] = [];

  constructor(context: UpkeepContext) {
    this.#context = context;
  }

  /** Whether some wait. */
  get wait(): boolean {
    return this.#waiting.length > 0;
  }

  add(naming: number, snapshot: SnapshotRef): void {
    this.#waiting.push({ naming, snapshot, sent: false });
  }

  forget(naming: number): void {
    this.#waiting = this.#waiting.filter((one) => one.naming !== naming);
  }

  /**
   * A manifest is the greatest. Answers what it decides, and returns what the next manifest is to list
   * for the oldest that still waits; undefined if none does.
   */
  decide({ snapshots, number }: ManifestView): readonly SnapshotRef[] | undefined {
    const newest = snapshots.at(-1);
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { snapshot } = first;
      if (first.sent && snapshots.some((one) => isSame(one, snapshot))) {
        this.#answer(first, { type: "named" });
      } else if (newest !== undefined && newest.nextIndex >= snapshot.nextIndex) {
        this.#refuse(first, { type: "covered", newest });
      } else if (snapshot.parts.some(({ id }) => id.manifest <= number)) {
        this.#refuse(first, { type: "late" });
      } else {
        first.sent = true;
        const { snapshotsKept } = this.#context.options.settings;
        return [...snapshots, snapshot].slice(-snapshotsKept);
      }
    }
    return undefined;
  }

  /** The manifest is damaged: nothing can be named. */
  damaged(reason: string): void {
    for (const naming of this.#waiting) this.#refuse(naming, { type: "damaged", reason });
  }

  #refuse(naming: Naming, reason: Unnamed["reason"]): void {
    this.#answer(naming, { type: "unnamed", reason, unsent: !naming.sent });
  }

  #answer({ naming }: Naming, outcome: SnapshotNamed): void {
    this.forget(naming);
    this.#context.emit({ type: "snapshotNamed", naming, outcome });
  }
}

/** There is one snapshot at an index, and one name belongs to one snapshot; an empty one has none. */
function isSame(one: SnapshotRef, other: SnapshotRef): boolean {
  return one.nextIndex === other.nextIndex && one.parts[0]?.id.nonce === other.parts[0]?.id.nonce;
}
