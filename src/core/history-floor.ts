/**
 * Whether an answer about a position below the walk's tail counts: of the log's past, which may be
 * deleted at any time (PROTOCOL.md section 9). For whoever reads history.
 *
 * Invariant: an answer counts if it is processed within half a grace after the send of a manifest read
 * that showed the floor at or below the position, or if such a read began after it came.
 */

import type { Position } from "./types.js";

/** When an answer is judged, by the age clock. */
export interface AnswerAge {
  /** When it came. */
  readonly cameMs: number;
  readonly nowMs: number;
}

/**
 * - `accepted`: it counts;
 * - `stale`: read the manifest, the read begun now, and judge again;
 * - `gone`: drop it: the archive has the position, or it was trimmed.
 */
export type AgeVerdict = "accepted" | "stale" | "gone";

export class HistoryFloor {
  readonly #graceMs: number;
  #position: Position = 0;
  #readBeganMs: number;

  /** A manifest read, sent no sooner than at this age, has shown the floor. */
  constructor(graceMs: number, floor: Position, readBeganMs: number) {
    this.#graceMs = graceMs;
    this.#position = floor;
    this.#readBeganMs = readBeganMs;
  }

  /** Another one has; it may have begun before others that are known already. */
  known(floor: Position, readBeganMs: number): void {
    // The floor never goes down: what the later read has shown, no earlier one contradicts.
    this.#position = Math.max(this.#position, floor);
    this.#readBeganMs = Math.max(this.#readBeganMs, readBeganMs);
  }

  judge(position: Position, { cameMs, nowMs }: AnswerAge): AgeVerdict {
    if (position < this.#position) return "gone";
    const isYoung = nowMs - this.#readBeganMs < this.#graceMs / 2;
    return isYoung || this.#readBeganMs > cameMs ? "accepted" : "stale";
  }
}
