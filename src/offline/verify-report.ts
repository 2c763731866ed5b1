/** What a verification says in the end. */

import { noCounts } from "./verified-walk.js";
import type { Store } from "../store/store.js";
import type { Finding, Findings, FindingKind, IndexRange } from "./findings.js";
import type { Source } from "./source.js";
import type { WalkCounts } from "./verified-walk.js";
import type { VerifyContext } from "./verify-context.js";

export interface VerifyReport {
  readonly store: string;
  readonly clusterId: string | undefined;
  /** The manifest that the log was judged by. */
  readonly manifest: number | undefined;
  /** Whether anything is damaged. */
  readonly isDamaged: boolean;
  /** Entries that a reader can have are in `[firstIndex, nextIndex)`, but for those in `lost`. */
  readonly firstIndex: number;
  readonly nextIndex: number;
  readonly readableEntries: number;
  /** In order. The last one may be open: nobody can tell how many entries there were. */
  readonly lost: readonly IndexRange[];
  readonly floorPosition: number;
  readonly tailPosition: number;
  readonly counts: VerifyCounts;
  readonly findings: readonly Finding[];
  /** How many findings were not kept. They are counted. */
  readonly findingsOmitted: number;
}

export interface VerifyCounts extends WalkCounts {
  readonly manifests: number;
  readonly archives: number;
  readonly snapshots: number;
  /** Checkpoints whose ledger was read. */
  readonly checkpoints: number;
  /** Of them, those that the segments below were seen to establish. */
  readonly checkpointsRecomputed: number;
  /** Gets and listings. */
  readonly requests: number;
  /** Objects of each kind of finding. */
  readonly found: Readonly<Record<FindingKind, number>>;
}

export interface ReportParts {
  readonly store: Store;
  readonly source: Source;
  readonly findings: Findings;
  readonly manifests: number;
  readonly snapshots?: number;
  /** Absent where no manifest could be read. */
  readonly context?: VerifyContext;
}

const kinds: readonly FindingKind[] = [
  "damaged",
  "missing",
  "contradiction",
  "void",
  "foreign",
  "gap",
  "ghost",
  "orphan",
  "oldManifest",
  "unknownName",
];

export function reportOf(parts: ReportParts): VerifyReport {
  const { store, source, findings, manifests, snapshots = 0, context } = parts;
  const walk = context?.walk;
  const manifest = context?.source.manifest;
  const nextIndex = walk?.walk.nextIndex ?? 1;
  const firstIndex = Math.max(manifest?.firstIndex ?? 1, walk?.ledger?.firstIndex ?? 1);
  const lost = (walk?.lost ?? []).flatMap((range) => within(range, firstIndex));
  const lostEntries = lost.reduce((sum, { startIndex, endIndex }) => {
    return sum + Math.max(0, (endIndex ?? nextIndex) - startIndex);
  }, 0);
  const found = Object.fromEntries(kinds.map((kind) => [kind, findings.count(kind)]));
  return {
    store: store.url,
    clusterId: manifest?.clusterId,
    manifest: manifest?.number,
    isDamaged: findings.isDamaged,
    firstIndex,
    nextIndex,
    readableEntries: Math.max(0, nextIndex - firstIndex - lostEntries),
    lost,
    floorPosition: manifest?.floor.tail ?? 0,
    tailPosition: walk?.tail ?? 0,
    counts: {
      ...(walk?.counts ?? noCounts),
      manifests,
      archives: manifest?.archives.length ?? 0,
      snapshots,
      checkpoints: context?.ledgers.read ?? 0,
      checkpointsRecomputed: context?.ledgers.recomputed ?? 0,
      requests: source.requests,
      found: found as Record<FindingKind, number>,
    },
    findings: findings.kept,
    findingsOmitted: findings.omitted,
  };
}

/** What of a range is not trimmed. */
function within({ startIndex, endIndex }: IndexRange, firstIndex: number): IndexRange[] {
  if (endIndex !== undefined && endIndex <= firstIndex) return [];
  return [{ startIndex: Math.max(startIndex, firstIndex), endIndex }];
}
