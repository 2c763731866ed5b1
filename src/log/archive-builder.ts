/**
 * Makes an archive of segments in the store: reads them, walks them, and writes them into one object.
 *
 * Invariant: at most the archive and what is read ahead are in memory, and the event loop has its turn
 * between segments.
 */

import { settle } from "../store/settle.js";
import { ArchiveWriter } from "./archive-writer.js";
import { objectName } from "./names.js";
import type { ArchiveRef, ObjectId } from "../core/manifest.js";
import type { WalkState } from "../core/walk.js";
import type { SettleOptions } from "../store/settle.js";
import type { Store } from "../store/store.js";
import type { LogHistory } from "./log-history.js";

export interface ArchivePlan {
  readonly clusterId: string;
  readonly id: ObjectId;
  readonly from: WalkState;
  /** The walk at the archive's end, unless it is full before. */
  readonly to: WalkState;
  readonly bytesMax: number;
}

/** An archive that stands, and the walk at its end. */
export interface BuiltArchive {
  readonly archive: ArchiveRef;
  readonly end: WalkState;
}

/** A try to create an archive may take a millisecond more for each so many bytes. */
const bytesPerMs = 1024;

/**
 * Undefined if the archive is not known to stand. Throws a SuraftError: `corrupt` naming the segment,
 * `unavailable`, or what the store's failure means; or the signal's reason.
 */
export async function buildArchive(
  store: Store,
  history: LogHistory,
  plan: ArchivePlan,
  options: SettleOptions & { readonly requestMsMax: number },
): Promise<BuiltArchive | undefined> {
  const { id, from, to } = plan;
  const writer = new ArchiveWriter(plan);
  let isFull = false;
  for await (const segment of history.valid(from, to, options.signal)) {
    isFull = !writer.hasRoom(segment);
    if (isFull) break;
    writer.add(segment);
  }
  if (!isFull) writer.passTo(to.tail);
  const { bytes, covers } = writer.finish();
  const requestMsMax = options.requestMsMax + bytes.length / bytesPerMs;
  const name = objectName({ type: "archive", id });
  const settled = await settle(store, name, bytes, { ...options, requestMsMax });
  return settled.type === "mine" ? { archive: { id, ...covers }, end: writer.walk } : undefined;
}
