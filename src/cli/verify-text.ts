/** What `suraft verify` says, for people. */

import { styled, groupDigits, countOf, escapeControls } from "./terminal.js";
import type { Finding, FindingKind, IndexRange } from "../offline/findings.js";
import type { VerifyReport } from "../offline/verify-report.js";

/** So many findings of each kind are shown, unless all are wanted. */
const shownMax = 20;

export interface VerifyTextOptions {
  readonly all: boolean;
  readonly elapsedMs: number;
}

export function describeReport(report: VerifyReport, options: VerifyTextOptions): string {
  const lines = [
    ...summaryLines(report, options),
    "",
    ...findingLines(report, options, true),
    ...findingLines(report, options, false),
    verdictLine(report),
  ];
  return `${lines.join("\n")}\n`;
}

function summaryLines(report: VerifyReport, { elapsedMs }: VerifyTextOptions): string[] {
  const { counts } = report;
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const rate = groupDigits(Math.round(counts.segments / seconds));
  const megabytes = (counts.bytes / 1e6).toFixed(1);
  const { checkpoints, checkpointsRecomputed: recomputed } = counts;
  const rows: readonly (readonly [string, string])[] = [
    ["store", report.store],
    ["cluster", report.clusterId ?? "unknown"],
    [
      "manifests",
      `${groupDigits(counts.manifests)}; judged by ${String(report.manifest ?? "none")}`,
    ],
    [
      "positions",
      `${groupDigits(report.tailPosition)}, of them ${groupDigits(report.floorPosition)} below the floor`,
    ],
    [
      "segments",
      `${groupDigits(counts.segments)} read: ${countOf(counts.claims, "claim")}, ` +
        `${groupDigits(counts.entrySegments)} of entries; ${countOf(counts.voids, "void")}`,
    ],
    [
      "entries",
      `${groupDigits(counts.entries)}, ${countOf(counts.records, "record")}, ` +
        `${groupDigits(counts.keyedEntries)} with keys`,
    ],
    ["archives", groupDigits(counts.archives)],
    [
      "checkpoints",
      `${groupDigits(checkpoints)} read, ${groupDigits(recomputed)} recomputed from the log`,
    ],
    ["snapshots", groupDigits(counts.snapshots)],
    [
      "took",
      `${seconds.toFixed(1)} s, ${rate} segments/s, ${megabytes} MB, ` +
        `${countOf(counts.requests, "request")}`,
    ],
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)} ${value}`);
}

function findingLines(
  { findings, counts }: VerifyReport,
  { all }: VerifyTextOptions,
  isDamage: boolean,
): string[] {
  const kinds = new Set(
    findings.filter((finding) => finding.isDamage === isDamage).map(({ kind }) => kind),
  );
  const colour = isDamage ? "red" : "yellow";
  return [...kinds].flatMap((kind) => {
    const found = findings.filter((finding) => finding.kind === kind);
    const shown = all ? found : found.slice(0, shownMax);
    const left = found.length - shown.length;
    return [
      styled(process.stdout, colour, `${titles[kind]}: ${groupDigits(counts.found[kind])}`),
      ...shown.map(findingLine),
      ...(left > 0 ? [`  and ${groupDigits(left)} more (--all)`] : []),
      "",
    ];
  });
}

const titles: Readonly<Record<FindingKind, string>> = {
  damaged: "damaged objects",
  missing: "missing objects",
  contradiction: "contradictions",
  void: "voids (segments that do not count)",
  foreign: "another cluster's segments",
  gap: "gaps behind the end",
  ghost: "not needed any more (below the floor; a leader deletes them)",
  orphan: "orphans (no manifest names them)",
  oldManifest: "old manifests",
  unknownName: "objects that suraft does not know",
};

function findingLine({ object, lastObject, reason, lost }: Finding): string {
  const to = lastObject === undefined ? "" : ` to ${lastObject}`;
  const entries = lost === undefined ? "" : `; lost: ${describeRange(lost)}`;
  return escapeControls(`  ${object}${to}: ${reason}${entries}`);
}

function describeRange({ startIndex, endIndex }: IndexRange): string {
  if (endIndex === undefined) return `entries from ${startIndex} on, nobody can tell how many`;
  return endIndex - startIndex === 1
    ? `entry ${startIndex}`
    : `entries ${startIndex} to ${endIndex - 1}`;
}

function verdictLine(report: VerifyReport): string {
  const { readableEntries, firstIndex, nextIndex, isDamaged } = report;
  const entries = nextIndex - firstIndex;
  const readable =
    `${groupDigits(readableEntries)} of ${countOf(entries, "entry", "entries")} can be read` +
    (entries > 0 ? ` (${firstIndex} to ${nextIndex - 1})` : "");
  return isDamaged
    ? `${styled(process.stdout, "red", "DAMAGED")}: ${readable}`
    : `${styled(process.stdout, "green", "whole")}: ${readable}`;
}
