/**
 * What a node knows of the log: the prefix without a gap, walked, and what it has learned ahead.
 *
 * Invariant: the walk's tail and next index never move back.
 * Invariant: a position is learned once; what stands there never changes (PROTOCOL.md section 2).
 */

import { assert } from "./assert.js";
import { contradictory, damaged } from "./faults.js";
import { Ledger } from "./ledger/ledger.js";
import { ledgerBounds } from "./ledger/snapshot.js";
import { sameSegment } from "./types.js";
import { advance, judge, logStart } from "./walk.js";
import type { WalkState } from "./walk.js";
import type { Member, MemberList } from "./members.js";
import type { Fault } from "./protocol.js";
import type { Position, Segment } from "./types.js";

/** A segment that the walk has passed. */
export interface Passed {
  readonly segment: Segment;
  readonly valid: boolean;
}

export class KnownLog {
  readonly #clusterId: string;
  #ahead = new Map<Position, Segment>();
  /** Why what stands there cannot be read. */
  #damage = new Map<Position, string>();
  #walk: WalkState;
  readonly #founding: MemberList;
  #ledger: Ledger;

  constructor(
    clusterId: string,
    founding: readonly Member[],
    walk: WalkState = logStart,
    ledger: Ledger = new Ledger(ledgerBounds),
  ) {
    this.#clusterId = clusterId;
    this.#founding = { version: 0, members: founding };
    this.#walk = walk;
    this.#ledger = ledger;
  }

  get walk(): WalkState {
    return this.#walk;
  }

  /** What the segments below the tail have established. */
  get ledger(): Ledger {
    return this.#ledger;
  }

  /** The members, by what is known of the log. */
  get members(): MemberList {
    return this.#ledger.members ?? this.#founding;
  }

  /** The first unknown position, `w`. */
  get tail(): Position {
    return this.#walk.tail;
  }

  /** Begins anew at a later state of the same log. */
  restart(walk: WalkState, ledger: Ledger): void {
    assert(walk.tail > this.#walk.tail, "the walk's tail never moves back");
    assert(walk.nextIndex >= this.#walk.nextIndex, "the next index never moves back");
    this.#ahead = new Map();
    this.#damage = new Map();
    this.#walk = walk;
    this.#ledger = ledger;
  }

  /** Whether it is known what stands at a position. */
  knows(position: Position): boolean {
    return position < this.#walk.tail || this.#ahead.has(position) || this.#damage.has(position);
  }

  /** Notes what stands at a position at or above the tail; {@link next} walks over it. */
  learn(segment: Segment): void {
    assert(segment.position >= this.#walk.tail, "a passed position is not learned again");
    const known = this.#ahead.get(segment.position);
    assert(known === undefined || sameSegment(known, segment), "an object never changes");
    this.#ahead.set(segment.position, segment);
  }

  /** Notes that something stands at a position, and cannot be read. */
  learnDamage(position: Position, reason: string): void {
    assert(!this.knows(position), "damage is found where nothing is known");
    this.#damage.set(position, reason);
  }

  /** Walks one position on. Undefined at the first unknown position; a fault stays where it is. */
  next(): Passed | Fault | undefined {
    const { tail } = this.#walk;
    const reason = this.#damage.get(tail);
    if (reason !== undefined) return damaged(tail, reason);
    const segment = this.#ahead.get(tail);
    if (segment === undefined) return undefined;
    const verdict = judge(this.#walk, segment, this.#clusterId);
    if (verdict === "corrupt") return contradictory(tail);
    if (verdict === "valid" && segment.type === "entries" && !this.#ledger.apply(segment)) {
      return contradictory(tail);
    }
    this.#ahead.delete(segment.position);
    this.#walk = advance(this.#walk, segment, verdict);
    return { segment, valid: verdict === "valid" };
  }
}
