/**
 * Which segments count: the one rule by which every node reaches one log (PROTOCOL.md section 3).
 *
 * Invariant: terms increase along valid claims, so there is one epoch per term in the log.
 * Invariant: the indexes of valid entries are dense.
 */

import { sameEpoch } from "./types.js";
import type { Epoch, Position, Predecessor, Segment } from "./types.js";

/** What a walk has come to: enough to judge the next position. */
export interface WalkState {
  /** The next position to judge; everything below is known. */
  readonly tail: Position;
  /** The current epoch, `E`; undefined before the first claim. */
  readonly epoch: Epoch | undefined;
  /** The term of the last valid claim; where there is none above the floor, the floor's. */
  readonly term: number;
  /** `K` of the last valid claim. */
  readonly window: number;
  /** The last valid segment, `P`. */
  readonly last: Predecessor | undefined;
  /** The index of the next entry, `N`. */
  readonly nextIndex: number;
  /** The timestamp of the last valid entry. */
  readonly timestampMs: number;
  /** What all valid segments below the tail take in the store, in bytes. */
  readonly sizeBytes: number;
}

/** Where every walk of an untrimmed log begins. */
export const logStart: WalkState = {
  tail: 0,
  epoch: undefined,
  term: 0,
  window: 1,
  last: undefined,
  nextIndex: 1,
  timestampMs: 0,
  sizeBytes: 0,
};

/** Whether two walks have come to the same. */
export function sameWalk(a: WalkState, b: WalkState): boolean {
  return (
    a.tail === b.tail &&
    sameEpoch(a.epoch, b.epoch) &&
    a.term === b.term &&
    a.window === b.window &&
    a.last?.position === b.last?.position &&
    a.last?.checksum === b.last?.checksum &&
    a.nextIndex === b.nextIndex &&
    a.timestampMs === b.timestampMs &&
    a.sizeBytes === b.sizeBytes
  );
}

/** `corrupt`: a segment that belongs to the chain contradicts it; nothing above can be trusted. */
export type Verdict = "valid" | "void" | "corrupt";

/** Judges the segment that stands at the walk's tail. */
export function judge(state: WalkState, segment: Segment, clusterId: string): Verdict {
  if (segment.clusterId !== clusterId) return "void";
  if (segment.type === "claim") return segment.epoch.term > state.term ? "valid" : "void";
  if (!sameEpoch(segment.epoch, state.epoch)) return "void";
  const { last } = state;
  if (
    last === undefined ||
    segment.previous.position !== last.position ||
    segment.previous.checksum !== last.checksum
  ) {
    return "void";
  }
  if (segment.firstIndex !== state.nextIndex || segment.timestampMs < state.timestampMs) {
    return "corrupt";
  }
  return "valid";
}

/** The walk one position on, the segment at its tail having been judged. */
export function advance(state: WalkState, segment: Segment, verdict: "valid" | "void"): WalkState {
  const tail = state.tail + 1;
  if (verdict === "void") return { ...state, tail };
  const last = { position: segment.position, checksum: segment.checksum };
  const sizeBytes = state.sizeBytes + segment.sizeBytes;
  if (segment.type === "claim") {
    const { epoch, window } = segment;
    return { ...state, tail, last, epoch, window, term: epoch.term, sizeBytes };
  }
  return {
    ...state,
    tail,
    last,
    nextIndex: segment.firstIndex + segment.entryCount,
    timestampMs: segment.timestampMs,
    sizeBytes,
  };
}
