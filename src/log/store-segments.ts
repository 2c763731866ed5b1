/** The segments of a log, one after the other, straight from its store. */

import { SuraftError } from "../errors.js";
import { joinSignals } from "../store/abort.js";
import { StoreLog } from "./store-log.js";
import type { EntriesSegment } from "../core/types.js";
import type { LogReader } from "./log-reader.js";
import type { Store } from "../store/store.js";

export interface StoreSegmentsOptions {
  /** The first that was not trimmed by default. The first segment may begin before it. */
  readonly startIndex?: number;
  readonly signal: AbortSignal;
}

const bounds = {
  cacheBytesMax: 32 * 1024 * 1024,
  requestTimeoutMs: 10_000,
  timeoutMs: 60_000,
};

/**
 * The segments that count and have entries, from the one that holds `startIndex` to the tail, which is
 * proven after this began; none from an index at the tail or beyond. Throws a SuraftError: `corrupt`
 * naming the object, once all before it was given, `out_of_range` if the index was trimmed, `invalid`
 * if the store holds no cluster, or what the store's failure means; or the signal's reason.
 */
export async function* storeSegments(
  store: Store,
  options: StoreSegmentsOptions,
): AsyncGenerator<EntriesSegment, void> {
  const ended = new AbortController();
  const { signal, leave } = joinSignals([options.signal, ended.signal]);
  try {
    const storeLog = await StoreLog.open({ store, signal, ...bounds });
    yield* walked(storeLog, options.startIndex, signal);
  } finally {
    ended.abort(new Error("nobody reads the log any more"));
    leave();
  }
}

/** A log as far as it could be walked, to the tail or to the damage that is named. */
export interface WalkedLog {
  readonly log: LogReader;
  readonly damage: SuraftError | undefined;
}

/**
 * Walks to the tail first, which shows where the log begins and ends: a trim may stand anywhere. Throws as
 * {@link storeSegments}, but for `corrupt`. The signal ends reading, too.
 */
export async function walkLog(store: Store, signal: AbortSignal): Promise<WalkedLog> {
  const storeLog = await StoreLog.open({ store, signal, ...bounds });
  const { log } = storeLog;
  const proof = storeLog.begin();
  try {
    while (!proof.isProven) await storeLog.walkOn(proof, signal);
    return { log, damage: undefined };
  } catch (error) {
    if (error instanceof SuraftError && error.kind === "corrupt") return { log, damage: error };
    throw error;
  }
}

async function* walked(
  storeLog: StoreLog,
  startIndex: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<EntriesSegment, void> {
  const { log } = storeLog;
  const proof = storeLog.begin();
  let next = startIndex ?? log.firstIndex;
  let failure: { readonly error: unknown } | undefined;
  for (;;) {
    const isOver = proof.isProven || failure !== undefined;
    // The walk may have come to a trim.
    if (startIndex === undefined) next = Math.max(next, log.firstIndex);
    if (next < log.nextIndex) {
      for await (const segment of log.segments({ startIndex: next, signal })) {
        next = segment.firstIndex + segment.entryCount;
        yield segment;
      }
    }
    if (failure !== undefined) throw failure.error;
    if (isOver) return;
    await storeLog.walkOn(proof, signal).catch((error: unknown) => (failure = { error }));
  }
}
