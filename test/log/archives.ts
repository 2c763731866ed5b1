/** Archives of written logs, for tests. */

import fc from "fast-check";

import { advance, judge } from "../../src/core/walk.js";
import { ArchiveWriter } from "../../src/log/archive-writer.js";
import type { ArchiveRef } from "../../src/core/manifest.js";
import type { Segment } from "../../src/core/types.js";
import type { WalkState } from "../../src/core/walk.js";
import { clusterId, WrittenLog } from "./written-log.js";

export interface Archive {
  readonly ref: ArchiveRef;
  readonly bytes: Uint8Array;
  readonly end: WalkState;
}

export interface ArchiveOptions {
  readonly from: WalkState;
  /** Up to this position. */
  readonly to: number;
  readonly chunkBytes?: number;
  /** The number in its name. */
  readonly manifest?: number;
}

/** An archive of committed segments. */
export function archiveOf(committed: readonly Segment[], options: ArchiveOptions): Archive {
  const { from, to, chunkBytes = 300, manifest = 1 } = options;
  const writer = new ArchiveWriter({ clusterId, from, bytesMax: 2 ** 20, chunkBytes });
  for (const segment of committed) {
    if (segment.position >= from.tail && segment.position < to) writer.add(segment);
  }
  writer.passTo(to);
  const { bytes, covers } = writer.finish();
  const nonce = manifest.toString(16).padStart(32, "a");
  return { ref: { id: { manifest, nonce }, ...covers }, bytes, end: writer.walk };
}

/** The state of a walk at each position of a log, from its first to its tail. */
export function statesOf(committed: readonly Segment[], from: WalkState, tail: number) {
  const states = [from];
  const bySegment = new Map(committed.map((segment) => [segment.position, segment]));
  for (let walk = from; walk.tail < tail;) {
    const segment = bySegment.get(walk.tail);
    const counts = segment !== undefined && judge(walk, segment, clusterId) === "valid";
    walk = counts ? advance(walk, segment, "valid") : { ...walk, tail: walk.tail + 1 };
    states.push(walk);
  }
  return states;
}

/** What leaders may have done. */
export const arbitraryDeeds = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.constant("claim" as const) },
    { weight: 2, arbitrary: fc.constant("void" as const) },
    {
      weight: 6,
      arbitrary: fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 4 }),
    },
  ),
  { minLength: 1, maxLength: 40 },
);

export function logOf(deeds: readonly ("claim" | "void" | readonly string[])[]): WrittenLog {
  const written = new WrittenLog();
  for (const deed of deeds) {
    if (deed === "claim" || written.walk.epoch === undefined) written.claim();
    if (deed === "void") written.void();
    else if (deed !== "claim") written.write(...deed);
  }
  return written;
}
