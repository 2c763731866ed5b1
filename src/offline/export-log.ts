/**
 * Writes the entries of a log, or of a range of it, as a file that another store can take in.
 *
 * Invariant: an entry's bytes, index and timestamp are those of the log. Terms, producers and fences are
 * not in the file: they are of the cluster that wrote them.
 */

import { crc32c } from "../log/crc32c.js";
import { dropEntries, takeEntries } from "../log/entry-run.js";
import { entryRunOf } from "../log/segment-codec.js";
import { outOfRange } from "../log/log-reader.js";
import { walkLog } from "../log/store-segments.js";
import { encodePart } from "./export-codec.js";
import type { EntriesSegment } from "../core/types.js";
import type { Store } from "../store/store.js";
import type { ExportedRun } from "./export-codec.js";

export interface ExportOptions {
  readonly signal: AbortSignal;
  /** The first that was not trimmed by default. */
  readonly startIndex?: number;
  /** Before this one the export ends; behind the last entry by default. */
  readonly endIndex?: number;
}

/** Entries `[firstIndex, nextIndex)` were written. */
export interface Exported {
  readonly firstIndex: number;
  readonly nextIndex: number;
}

/**
 * The bytes of the file, part by part, and what they hold. Throws a SuraftError: `out_of_range` if the range is not all in the
 * log, `corrupt` naming the object, `invalid` if there is no log; or what the store's failure means.
 */
export async function* exportLog(
  store: Store,
  options: ExportOptions,
): AsyncGenerator<Uint8Array, Exported> {
  const { signal } = options;
  const { log, damage } = await walkLog(store, signal);
  const { startIndex = log.firstIndex } = options;
  if (startIndex < log.firstIndex) throw outOfRange(startIndex, log);
  if (options.endIndex === undefined && damage !== undefined) throw damage;
  const { endIndex = Math.max(startIndex, log.nextIndex) } = options;
  if (Math.max(startIndex, endIndex) > log.nextIndex) {
    if (damage !== undefined) throw damage;
    throw outOfRange(Math.max(startIndex, endIndex), log);
  }
  yield encodePart({ type: "header", firstIndex: startIndex });
  let nextIndex = startIndex;
  let runCount = 0;
  let entriesChecksum = 0;
  for await (const segment of log.segments({ startIndex, signal })) {
    const run = within(segment, nextIndex, endIndex);
    if (run === undefined) break;
    runCount++;
    nextIndex += run.run.entryCount;
    entriesChecksum = crc32c(run.run.bytes, entriesChecksum);
    yield encodePart({ type: "entries", ...run });
  }
  yield encodePart({ type: "trailer", nextIndex, runCount, entriesChecksum });
  return { firstIndex: startIndex, nextIndex };
}

/** What of a segment is in `[startIndex, endIndex)`. */
function within(
  segment: EntriesSegment,
  startIndex: number,
  endIndex: number,
): ExportedRun | undefined {
  const { firstIndex, entryCount, timestampMs } = segment;
  const skipped = Math.max(0, startIndex - firstIndex);
  const entriesMax = Math.min(firstIndex + entryCount, endIndex) - firstIndex - skipped;
  if (entriesMax <= 0) return undefined;
  const limits = { entriesMax, bytesMax: Number.POSITIVE_INFINITY };
  const run = takeEntries(dropEntries(entryRunOf(segment), skipped), limits);
  const keys = segment.keys
    .map(({ offset, key }) => ({ offset: offset - skipped, key }))
    .filter(({ offset }) => offset >= 0 && offset < run.entryCount);
  return { firstIndex: firstIndex + skipped, timestampMs, run, keys };
}
