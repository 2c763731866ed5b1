/**
 * What the next manifest would change, computed from the one before it and from what this node holds
 * of the log (PROTOCOL.md section 10). One kind of change at a time.
 *
 * Invariant: a floor is a state of this node's own walk, or one at most as far; never beyond its `w`.
 * Invariant: below a floor that a trim has raised every entry's index is below a committed trim.
 */

import type { ManifestView } from "../manifest.js";
import type { WalkState } from "../walk.js";
import type { UpkeepLog, UpkeepSettings } from "./protocol.js";

export type Change =
  /** The log was trimmed: the floor goes up, archives leave the list. */
  | {
      readonly type: "trim";
      readonly floor: WalkState;
      readonly firstIndex: number;
      /** Whether the floor lies beyond the checkpoint. */
      readonly checkpoint: boolean;
    }
  | { readonly type: "checkpoint" }
  /** The segments from the floor up to a state, or to one before it, become one object. */
  | { readonly type: "archive"; readonly from: WalkState; readonly to: WalkState };

/** What a change is computed from. */
export interface PlanBasis {
  readonly manifest: ManifestView;
  readonly log: UpkeepLog;
  /** States of the log, rising. */
  readonly marks: readonly WalkState[];
  readonly settings: UpkeepSettings;
}

/** The next change; undefined while there is nothing to do. */
export function nextChange(basis: PlanBasis): Change | undefined {
  // Behind the floor a node knows nothing that a manifest may say.
  if (basis.log.walk.tail < basis.manifest.floor.tail) return undefined;
  return trim(basis) ?? checkpoint(basis) ?? archive(basis);
}

function trim({ manifest, log, marks, settings }: PlanBasis): Change | undefined {
  const firstIndex = Math.max(manifest.firstIndex, log.ledger.firstIndex);
  const { walk } = log;
  const places = [...marks, manifest.checkpoint?.walk, walk].filter(
    (state) => state !== undefined && state.nextIndex <= firstIndex && state.tail <= walk.tail,
  );
  const floor = places.reduce<WalkState>(
    (most, state) => (state !== undefined && state.tail > most.tail ? state : most),
    manifest.floor,
  );
  const raisedBy = floor.tail - manifest.floor.tail;
  const drops = manifest.archives.some(({ nextIndex }) => nextIndex <= firstIndex);
  // Segments without entries, above a trim, are not worth a manifest each.
  const worth = firstIndex > manifest.firstIndex ? 1 : settings.checkpointSegments;
  if (raisedBy < worth && !drops) return undefined;
  const beyond = floor.tail > (manifest.checkpoint?.walk.tail ?? 0);
  return { type: "trim", floor, firstIndex, checkpoint: beyond };
}

function checkpoint({ manifest, log, settings }: PlanBasis): Change | undefined {
  const since = manifest.checkpoint?.walk.tail ?? 0;
  return log.walk.tail - since >= settings.checkpointSegments ? { type: "checkpoint" } : undefined;
}

function archive({ manifest, log, marks, settings }: PlanBasis): Change | undefined {
  const { floor: from, checkpoint: last } = manifest;
  if (last === undefined) return undefined;
  const { archiveBytesMin, archiveSegmentsMin, archiveBytesMax, keptSegments } = settings;
  const end = Math.min(last.walk.tail, log.walk.tail - keptSegments);
  const places = [...marks, last.walk].filter(({ tail }) => tail > from.tail && tail <= end);
  const furthest = places.reduce((most, state) => (state.tail > most.tail ? state : most), from);
  const isDue =
    furthest.sizeBytes - from.sizeBytes >= archiveBytesMin ||
    furthest.tail - from.tail >= archiveSegmentsMin;
  if (!isDue) return undefined;
  const fitting = places.filter(({ sizeBytes }) => sizeBytes - from.sizeBytes <= archiveBytesMax);
  const to = (fitting.length > 0 ? fitting : places).reduce((best, state) => {
    const better = fitting.length > 0 ? state.tail > best.tail : state.tail < best.tail;
    return better ? state : best;
  });
  return { type: "archive", from, to };
}
