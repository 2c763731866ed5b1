/**
 * States of the walk that upkeep has seen or read of: places where a floor may be put, an archive
 * may end, and a reader may begin.
 *
 * Invariant: they rise, and there are at most `marksMax`; one log has one state at a position.
 */

import { sameWalk } from "../walk.js";
import type { Position } from "../types.js";
import type { WalkState } from "../walk.js";

/** Every other one goes when there would be more. */
export const marksMax = 128;

export class Marks {
  #states: readonly WalkState[] = [];
  /** Two that were seen here stand at least so far apart. */
  #spacing: number;

  constructor(spacing: number) {
    this.#spacing = Math.max(1, spacing);
  }

  get states(): readonly WalkState[] {
    return this.#states;
  }

  /** The walk has come to a state. */
  saw(state: WalkState): void {
    const last = this.#states.at(-1);
    if (state.tail < (last?.tail ?? 0) + this.#spacing) return;
    this.#states = [...this.#states, state];
    if (this.#states.length <= marksMax) return;
    this.#states = thinned(this.#states);
    this.#spacing *= 2;
  }

  /**
   * A manifest tells of others. What lies below its floor is needed no more. Returns whether they are
   * states of the same log, as far as is known here.
   */
  read(states: readonly WalkState[], floor: Position): boolean {
    const known = new Map(this.#states.map((state) => [state.tail, state]));
    for (const state of states) {
      if (!this.agrees(state)) return false;
      known.set(state.tail, state);
    }
    const all = [...known.values()].filter(({ tail }) => tail > floor);
    all.sort((a, b) => a.tail - b.tail);
    this.#states = all;
    while (this.#states.length > marksMax) this.#states = thinned(this.#states);
    return true;
  }

  /** Whether a state is what is known at its position, or none is known there. */
  agrees(state: WalkState): boolean {
    const own = this.#states.find(({ tail }) => tail === state.tail);
    return own === undefined || sameWalk(own, state);
  }
}

/** Without every other one; the last stays. */
function thinned(states: readonly WalkState[]): readonly WalkState[] {
  return states.filter((_, at) => (states.length - 1 - at) % 2 === 0);
}
