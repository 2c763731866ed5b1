/** Archives of written logs, for tests. */

import fc from "fast-check";

import { advance, judge, logStart } from "../../src/core/walk.js";
import { ArchiveWriter } from "../../src/log/archive-writer.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { objectName, segmentName } from "../../src/log/names.js";
import type { ArchiveRef, ManifestView } from "../../src/core/manifest.js";
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
  const nonce = from.tail.toString(16).padStart(32, "a");
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

export interface ArchivedOptions {
  /** Where the archives end; the last is the floor. */
  readonly cuts: readonly number[];
  readonly marks?: readonly number[];
  /** Entries below are trimmed; archives that hold none of the others are dropped. */
  readonly firstIndex?: number;
  readonly chunkBytes?: number;
  readonly number?: number;
}

/**
 * What upkeep makes of a log: its segments below the floor are in archives and deleted. Returns the
 * manifest that says so, which is not stored.
 */
export function archiveLog(written: WrittenLog, options: ArchivedOptions): ManifestView {
  const { cuts, marks = [], firstIndex = 1, chunkBytes = 300, number = 1 } = options;
  const { committed, store, walk } = written;
  const states = statesOf(committed, logStart, walk.tail);
  const stateAt = (position: number): WalkState => states[position] ?? logStart;
  const archives = cuts.map((to, place) => {
    const from = stateAt(cuts[place - 1] ?? 0);
    return archiveOf(committed, { from, to, chunkBytes, manifest: number });
  });
  const named = archives.filter(({ ref }) => ref.nextIndex > firstIndex);
  for (const { ref, bytes } of named) {
    store.objects.create(objectName({ type: "archive", id: ref.id }), bytes);
  }
  const floor = stateAt(cuts.at(-1) ?? 0);
  for (let position = 0; position < floor.tail; position++) {
    store.objects.delete(segmentName(position));
  }
  const ledger = { id: { manifest: number, nonce: "c".repeat(32) }, sizeBytes: 1, checksum: 1 };
  return {
    ...foundingManifest([{ nodeId: "node-1", address: "x:1" }]),
    clusterId,
    number,
    floor,
    firstIndex,
    marks: marks.filter((position) => position > floor.tail).map(stateAt),
    checkpoint: floor.tail === 0 ? undefined : { walk, ledger },
    archives: named.map(({ ref }) => ref),
  };
}

/** A small log with all that a log has. */
export const sampleLog = new WrittenLog()
  .claim()
  .write("one", "two")
  .void()
  .write("three")
  .claim()
  .write("four".repeat(50))
  .void();
