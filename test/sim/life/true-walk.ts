/**
 * The state of the walk at any position of the true log, as a checkpoint or a floor must have it: written
 * from PROTOCOL.md sections 3 and 10.
 */

import type { Epoch, Segment } from "../../../src/core/types.js";
import type { WalkState } from "../../../src/core/walk.js";
import type { TrueLog } from "../true-log.js";

/** Behind a valid segment. */
interface State {
  readonly segment: Segment;
  readonly epoch: Epoch;
  readonly window: number;
  readonly nextIndex: number;
  readonly timestampMs: number;
  readonly sizeBytes: number;
  readonly trimmedIndex: number;
}

export class TrueWalk {
  readonly #log: TrueLog;
  readonly #states: State[] = [];

  constructor(log: TrueLog) {
    this.#log = log;
  }

  /** The greatest index that the log below a position says it is trimmed to. */
  trimmedAt(position: number): number {
    return this.#before(position)?.trimmedIndex ?? 1;
  }

  /** How many segments below a position count. */
  validBelow(position: number): number {
    return this.#countBelow(position);
  }

  /** What is wrong with a state that somebody has written; undefined if it is the truth. */
  flawOf(walk: WalkState): string | undefined {
    if (walk.tail > this.#log.tail) return `its tail ${walk.tail} is beyond the log's`;
    const state = this.#before(walk.tail);
    const { segment } = state ?? {};
    const truth = {
      nonce: state?.epoch.nonce,
      term: state?.epoch.term ?? 0,
      window: state?.window ?? 1,
      last: segment?.position,
      checksum: segment?.checksum,
      nextIndex: state?.nextIndex ?? 1,
      timestampMs: state?.timestampMs ?? 0,
      sizeBytes: state?.sizeBytes ?? 0,
    };
    const { epoch, term, window, last, nextIndex, timestampMs, sizeBytes } = walk;
    const told = {
      nonce: epoch?.nonce,
      term,
      window,
      last: last?.position,
      checksum: last?.checksum,
      nextIndex,
      timestampMs,
      sizeBytes,
    };
    for (const [name, value] of Object.entries(truth)) {
      const said = told[name as keyof typeof told];
      if (said !== value) return `${name} at ${walk.tail} is ${value}, not ${said}`;
    }
    return undefined;
  }

  #before(position: number): State | undefined {
    return this.#states[this.#countBelow(position) - 1];
  }

  #countBelow(position: number): number {
    this.#catchUp();
    let low = 0;
    let high = this.#states.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#states[middle]?.segment.position ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #catchUp(): void {
    for (let at = this.#states.length; at < this.#log.valid.length; at++) {
      const valid = this.#log.valid[at];
      if (valid === undefined) return;
      this.#states.push(stateBehind(this.#states[at - 1], valid.segment, valid.nextIndex));
    }
  }
}

function stateBehind(before: State | undefined, segment: Segment, nextIndex: number): State {
  const sizeBytes = (before?.sizeBytes ?? 0) + segment.sizeBytes;
  const { epoch } = segment;
  const timestampMs = segment.type === "claim" ? (before?.timestampMs ?? 0) : segment.timestampMs;
  const window = segment.type === "claim" ? segment.window : (before?.window ?? 1);
  let trimmedIndex = before?.trimmedIndex ?? 1;
  for (const record of segment.type === "claim" ? [] : segment.records) {
    if (record.type === "trimmed") trimmedIndex = Math.max(trimmedIndex, record.firstIndex);
  }
  return { segment, epoch, window, nextIndex, timestampMs, sizeBytes, trimmedIndex };
}
