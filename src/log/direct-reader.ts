/**
 * Reads the log straight from the store, with no node: for tests, and to look into a bucket.
 *
 * Invariant: linearizable. The walk has no gap from its beginning to the position that it ends at,
 * and that position was found absent by a get sent after the read began (PROTOCOL.md section 5).
 */

import { advance, judge, logStart } from "../core/walk.js";
import { SuraftError } from "../errors.js";
import { readManifest } from "./manifest.js";
import { segmentName } from "./names.js";
import { decodeSegment } from "./segment-codec.js";
import { corruptObject, storeFailure } from "./store-failure.js";
import type { EntriesSegment, Position, Segment } from "../core/types.js";
import type { Store } from "../store/store.js";

export interface DirectReadOptions {
  /** 1 by default. The first segment may begin before it. */
  readonly startIndex?: number;
  readonly signal: AbortSignal;
}

/** How many gets are under way at once. */
const width = 8;

/**
 * The segments of entries that count, from the one that holds `startIndex` to the tail. Throws a
 * SuraftError: `corrupt` naming the object, `invalid` if the store holds no cluster, or what the
 * store's failure means; or the signal's reason.
 */
export async function* readLogDirectly(
  store: Store,
  options: DirectReadOptions,
): AsyncGenerator<EntriesSegment, void> {
  const { startIndex = logStart.nextIndex, signal } = options;
  const manifest = await readManifest(store, signal);
  if (manifest.type === "absent") {
    throw new SuraftError("invalid", `there is no cluster in ${store.url}`);
  }
  const { clusterId } = manifest.manifest;
  let walk = logStart;
  for await (const segment of objects(store, signal)) {
    const verdict = judge(walk, segment, clusterId);
    if (verdict === "corrupt") {
      const reason = "it contradicts the segment that it follows";
      throw corruptObject(segmentName(segment.position), reason);
    }
    walk = advance(walk, segment, verdict);
    if (verdict === "void" || segment.type === "claim") continue;
    if (segment.entryCount > 0 && walk.nextIndex > startIndex) yield segment;
  }
}

/** The objects from the log's beginning to the first position where nothing exists. */
async function* objects(store: Store, signal: AbortSignal): AsyncGenerator<Segment, void> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const asked: Promise<Segment | undefined>[] = [];
  try {
    for (let next = logStart.tail; ;) {
      for (; asked.length < width; next++) {
        const segment = look(store, next, either);
        // A failure is met when its turn comes, if it comes.
        segment.catch(() => undefined);
        asked.push(segment);
      }
      const segment = await asked.shift();
      if (segment === undefined) return;
      yield segment;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
  }
}

async function look(
  store: Store,
  position: Position,
  signal: AbortSignal,
): Promise<Segment | undefined> {
  const name = segmentName(position);
  const result = await store.get(name, { signal }).catch((error: unknown) => {
    throw storeFailure(error, name);
  });
  if (result.type === "absent") return undefined;
  const decoded = decodeSegment(result.bytes, position);
  if (decoded.type === "corrupt") throw corruptObject(name, decoded.reason);
  return decoded.segment;
}
