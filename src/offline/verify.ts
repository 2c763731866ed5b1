/**
 * Looks through a whole log in its store, with no node: every object, every checksum, and every rule of
 * `src/log/README.md` and PROTOCOL.md sections 3 and 7 to 10 that can be seen from outside.
 *
 * It goes on behind damage. Nodes may be at work meanwhile: what they delete is not missing, and what
 * they add is looked at up to where the log ended when it began.
 *
 * Invariant: memory does not grow with the log: segments pass by, and of what is found a bounded part
 * is kept.
 */

import { isCorrupt } from "../log/store-failure.js";
import { manifestName, parseSegmentName, segmentName, segmentPrefix } from "../log/names.js";
import { ArchiveMissing, checkArchive, loseArchive } from "./archive-check.js";
import { Findings } from "./findings.js";
import { Leftovers } from "./leftovers.js";
import { checkManifests } from "./manifests.js";
import { checkOrphans, checkSnapshot } from "./named-objects.js";
import { SegmentCheck } from "./segment-check.js";
import { Source } from "./source.js";
import { ToldStates } from "./told-states.js";
import { VerifiedWalk } from "./verified-walk.js";
import { reportOf } from "./verify-report.js";
import type { ManifestView } from "../core/manifest.js";
import type { Position } from "../core/types.js";
import type { Store } from "../store/store.js";
import type { VerifyContext } from "./verify-context.js";
import type { VerifyReport } from "./verify-report.js";

export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Gets under way at once. 32 by default. */
  readonly width?: number;
  /** What gets under way may bring, in bytes, beyond one object. 64 MiB by default. */
  readonly bytesMax?: number;
  /** So many findings are kept of damage, and as many others. 1,000 by default. */
  readonly findingsMax?: number;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  /** The first position that was not looked at. */
  readonly position: Position;
  /** About where the log ends. */
  readonly endPosition: Position;
  readonly bytes: number;
}

/**
 * Verifies the log in a store. What is wrong with the log is in the report. Throws a SuraftError where the
 * store does not answer, or holds no log: `unavailable`, `invalid`, `forbidden`; or the signal's reason.
 */
export async function verifyLog(store: Store, options: VerifyOptions): Promise<VerifyReport> {
  const { signal, width = 32, bytesMax = 64 * 1024 * 1024, findingsMax = 1000 } = options;
  const source = new Source(store, signal);
  const findings = new Findings(findingsMax);
  const told = new ToldStates();
  const { manifest, count } = await checkManifests(source, findings, told);
  if (manifest === undefined) {
    const reason = "there is no manifest that can be read: nothing in the log can be judged";
    findings.add("missing", { object: manifestName(0), reason });
    return reportOf({ store, source, findings, manifests: count });
  }
  const walk = new VerifiedWalk(manifest.clusterId, findings);
  const leftovers = new Leftovers({ source, findings, width, bytesMax });
  const endPosition = await endOf(source);
  let bytes = 0;
  const progressed = (more: number): void => {
    bytes += more;
    options.onProgress?.({ position: walk.tail, endPosition, bytes });
  };
  const context: VerifyContext = {
    source,
    clusterId: manifest.clusterId,
    findings,
    walk,
    told,
    leftovers,
    width,
    bytesMax,
    progressed,
    ledgers: { read: 0, recomputed: 0 },
  };
  try {
    await walkAll(context, endPosition);
    for (const snapshot of manifest.snapshots) await checkSnapshot(context, snapshot);
    await checkOrphans(context);
  } catch (error) {
    // A manifest that was written meanwhile.
    if (!isCorrupt(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    findings.add("damaged", { object: manifestName(source.manifest.number), reason });
  } finally {
    await leftovers.close();
  }
  walk.end();
  checkTrim(context, manifest);
  const snapshots = manifest.snapshots.length;
  return reportOf({ store, source, findings, manifests: count, snapshots, context });
}

/** The walk, from the log's beginning to its tail. */
async function walkAll(context: VerifyContext, endPosition: Position): Promise<void> {
  const { source, walk, told } = context;
  const segments = new SegmentCheck(context, endPosition);
  for (;;) {
    if (walk.tail < source.manifest.floor.tail && !(await walkBelow(context))) continue;
    if ((await segments.run()) === "tail") return;
    told.add(await source.refresh());
  }
}

/** The walk below the floor: archives, and what was trimmed. False if another manifest counts by now. */
async function walkBelow(context: VerifyContext): Promise<boolean> {
  const { source, walk, told, leftovers, findings } = context;
  const { manifest } = source;
  const { floor, firstIndex, archives } = manifest;
  walk.trimmedTo(firstIndex);
  await leftovers.begin(floor.tail);
  for (const archive of archives) {
    if (archive.endPosition <= walk.tail) continue;
    try {
      await checkArchive(context, archive);
    } catch (error) {
      if (!(error instanceof ArchiveMissing)) throw error;
      const { number } = source.manifest;
      const later = await source.refresh();
      told.add(later);
      if (later.archives.some(({ id }) => id.nonce === archive.id.nonce)) {
        const reason = "the manifest names it, and it is not there";
        loseArchive(walk, archive, { kind: "missing", reason });
      } else if (later.number !== number) return false;
    }
  }
  if (walk.tail < floor.tail) {
    if (walk.isSound && floor.nextIndex > firstIndex) {
      const reason = `no archive holds the positions ${walk.tail} to ${floor.tail - 1}`;
      const startIndex = Math.max(walk.walk.nextIndex, firstIndex);
      const lost = { startIndex, endIndex: floor.nextIndex };
      findings.add("missing", { object: manifestName(manifest.number), reason, lost });
      walk.lost.push(lost);
    }
    walk.jump(floor);
  }
  await leftovers.compareTo(floor.tail, undefined);
  return true;
}

/** A manifest, read before the walk, says that the log is trimmed only once the log says so. */
function checkTrim({ walk, findings }: VerifyContext, { firstIndex, number }: ManifestView): void {
  if (walk.ledger === undefined || firstIndex <= walk.ledger.firstIndex) return;
  const reason = `it is trimmed to ${firstIndex}, the log to ${walk.ledger.firstIndex}`;
  findings.add("contradiction", { object: manifestName(number), reason });
}

/** About where the log ends: behind the greatest position that is listed. */
async function endOf(source: Source): Promise<Position> {
  const isBelow = async (position: Position): Promise<boolean> => {
    const found = await source.firstFrom(segmentPrefix, segmentName(position));
    return found !== undefined && parseSegmentName(found.name) !== undefined;
  };
  let low = source.manifest.floor.tail;
  let step = 1024;
  while (await isBelow(low + step)) {
    low += step;
    step *= 2;
  }
  let high = low + step;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await isBelow(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
