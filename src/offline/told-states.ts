/**
 * States of the walk that manifests tell: floors, marks, checkpoints. A walk over the segments has to
 * come to each of them; behind damage it can go on at the next one.
 *
 * Invariant: what several manifests tell alike is kept once.
 */

import { sameWalk } from "../core/walk.js";
import { manifestName } from "../log/names.js";
import type { ManifestView, ObjectRef } from "../core/manifest.js";
import type { Position } from "../core/types.js";
import type { WalkState } from "../core/walk.js";

export interface ToldState {
  readonly walk: WalkState;
  /** The manifest that tells it. */
  readonly object: string;
  /** For people. */
  readonly what: "floor" | "mark" | "checkpoint";
  /** What had been established there. */
  readonly ledger: ObjectRef | undefined;
}

export class ToldStates {
  readonly #states = new Map<Position, ToldState[]>();
  /** The positions, rising. */
  #order: Position[] | undefined;
  #end: Position = 0;

  add({ number, floor, marks, checkpoint }: ManifestView): void {
    const object = manifestName(number);
    if (floor.tail > 0) this.#put({ walk: floor, object, what: "floor", ledger: undefined });
    for (const walk of marks) this.#put({ walk, object, what: "mark", ledger: undefined });
    if (checkpoint === undefined) return;
    const { walk, ledger } = checkpoint;
    this.#put({ walk, object, what: "checkpoint", ledger });
  }

  /** Every position below exists, or existed: some manifest's writer had walked over it. */
  get end(): Position {
    return this.#end;
  }

  /** Those at a position. */
  at(position: Position): readonly ToldState[] {
    return this.#states.get(position) ?? [];
  }

  /** The first above a position. */
  above(position: Position): ToldState | undefined {
    const order = (this.#order ??= [...this.#states.keys()].toSorted((a, b) => a - b));
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((order[middle] ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    const next = order[low];
    return next === undefined ? undefined : this.at(next)[0];
  }

  #put(state: ToldState): void {
    const { walk, ledger } = state;
    this.#end = Math.max(this.#end, walk.tail);
    const known = this.#states.get(walk.tail);
    if (known === undefined) {
      this.#states.set(walk.tail, [state]);
      this.#order = undefined;
      return;
    }
    const isSame = (other: ToldState): boolean =>
      sameWalk(other.walk, walk) &&
      (ledger === undefined || other.ledger?.id.nonce === ledger.id.nonce);
    if (!known.some(isSame)) known.push(state);
  }
}
