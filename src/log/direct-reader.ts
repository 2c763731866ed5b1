/**
 * Reads the log straight from the store, with no node: for tests, and to look into a bucket.
 *
 * Invariant: linearizable. The walk has no gap from the floor to the position that it ends at, and
 * that position was found absent by a get sent after the read began (PROTOCOL.md section 5).
 */

import { advance, judge } from "../core/walk.js";
import { SuraftError } from "../errors.js";
import { AgeClock } from "./age-clock.js";
import { LogHistory } from "./log-history.js";
import { LogPast } from "./log-past.js";
import { outOfRange } from "./log-reader.js";
import { readManifest } from "./manifest.js";
import { segmentName } from "./names.js";
import { BelowFloor } from "./segment-fetcher.js";
import { decodeSegment } from "./segment-codec.js";
import { corruptObject, storeFailure } from "./store-failure.js";
import type { EntriesSegment, Position, Segment } from "../core/types.js";
import type { Store } from "../store/store.js";
import type { ManifestRead } from "./log-past.js";

export interface DirectReadOptions {
  /** The first that was not trimmed by default. The first segment may begin before it. */
  readonly startIndex?: number;
  readonly signal: AbortSignal;
}

/** How many gets are under way at once. */
const width = 8;

const requestTimeoutMs = 10_000;

/**
 * The segments that count and have entries, from the one that holds `startIndex` to the tail. Throws a
 * SuraftError: `corrupt` naming the object, `out_of_range` if the index was trimmed, `invalid` if
 * the store holds no cluster, or what the store's failure means; or the signal's reason.
 */
export async function* readLogDirectly(
  store: Store,
  options: DirectReadOptions,
): AsyncGenerator<EntriesSegment, void> {
  const { signal } = options;
  const clock = new AgeClock();
  const read = (): Promise<ManifestRead> => manifestOf(store, clock, signal);
  const past = new LogPast({ first: await read(), ageMs: () => clock.ageMs, read });
  let next = options.startIndex ?? past.manifest.firstIndex;
  for (;;) {
    try {
      for await (const segment of above(store, past, { index: next, signal })) {
        next = segment.firstIndex + segment.entryCount;
        yield segment;
      }
      return;
    } catch (error) {
      // What has been read, was right; the rest is in the archives by now.
      if (!(error instanceof BelowFloor)) throw error;
    }
  }
}

/** The segments from the one that holds an index on: from archives, then from above the floor. */
async function* above(
  store: Store,
  past: LogPast,
  { index, signal }: { readonly index: number; readonly signal: AbortSignal },
): AsyncGenerator<EntriesSegment, void> {
  const { clusterId, floor, firstIndex } = past.manifest;
  if (index < firstIndex) throw outOfRange(index, { firstIndex, nextIndex: floor.nextIndex });
  if (index < floor.nextIndex) {
    const history = new LogHistory({ store, clusterId, past, requestTimeoutMs, indexRowsMax: 2 });
    yield* history.read(index, floor, signal);
  }
  let walk = floor;
  for await (const segment of objects(store, past, { from: floor.tail, signal })) {
    const verdict = judge(walk, segment, clusterId);
    if (verdict === "corrupt") {
      const reason = "it contradicts the segment that it follows";
      throw corruptObject(segmentName(segment.position), reason);
    }
    walk = advance(walk, segment, verdict);
    if (verdict === "void" || segment.type === "claim" || segment.entryCount === 0) continue;
    if (walk.nextIndex > index) yield segment;
  }
}

async function manifestOf(
  store: Store,
  clock: AgeClock,
  signal: AbortSignal,
): Promise<ManifestRead> {
  const { ageMs } = clock;
  const found = await readManifest(store, signal);
  if (found.type === "absent") {
    throw new SuraftError("invalid", `there is no cluster in ${store.url}`);
  }
  return { manifest: found.manifest, ageMs };
}

/** The objects from a position to the first where nothing exists. */
async function* objects(
  store: Store,
  past: LogPast,
  { from, signal }: { readonly from: Position; readonly signal: AbortSignal },
): AsyncGenerator<Segment, void> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const asked: Promise<Segment | undefined>[] = [];
  try {
    for (let next = from; ;) {
      for (; asked.length < width; next++) {
        const segment = look(store, past, { position: next, signal: either });
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
  past: LogPast,
  { position, signal }: { readonly position: Position; readonly signal: AbortSignal },
): Promise<Segment | undefined> {
  const name = segmentName(position);
  const result = await store.get(name, { signal }).catch((error: unknown) => {
    throw storeFailure(error, name);
  });
  if (!(await past.accepts(position, signal))) throw new BelowFloor(name);
  if (result.type === "absent") return undefined;
  const decoded = decodeSegment(result.bytes, position);
  if (decoded.type === "corrupt") throw corruptObject(name, decoded.reason);
  return decoded.segment;
}
