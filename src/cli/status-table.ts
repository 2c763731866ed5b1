/** The table of `suraft status`: a row for each node, and below it what is the same for all. */

import type { NodeView } from "../client/types.js";
import { plainTable, type Column } from "./plain-table.js";
import { groupDigits, styled } from "./terminal.js";
import { formatDuration } from "./time.js";

/** A node's view, or why there is none. */
export type NodeReport =
  | ({ readonly reachable: true } & NodeView)
  | {
      readonly reachable: false;
      readonly nodeId: string;
      readonly address: string;
      readonly reason: string;
    };

const columns: readonly Column[] = [
  ["NODE", "left"],
  ["ADDRESS", "left"],
  ["ROLE", "left"],
  ["TERM", "right"],
  ["FIRST", "right"],
  ["LAST", "right"],
  ["POSITION", "right"],
  ["UPTIME", "right"],
  ["STATE", "left"],
];

/** The table and its notes, ready to print. */
export function describeCluster(reports: readonly NodeReport[]): string {
  const lines = plainTable(columns, reports.map(rowOf));
  return `${[...lines, "", ...notesOf(reports)].join("\n")}\n`;
}

function rowOf(report: NodeReport): string[] {
  if (!report.reachable) {
    const state = styled(process.stdout, "red", "no answer");
    return [report.nodeId, report.address, "-", "-", "-", "-", "-", "-", state];
  }
  const role =
    report.role === "leader" ? styled(process.stdout, "green", report.role) : report.role;
  const state = report.serving ? "serving" : styled(process.stdout, "yellow", "not serving");
  return [
    report.nodeId,
    report.address,
    role,
    String(report.term),
    groupDigits(report.firstIndex),
    groupDigits(report.commitIndex),
    groupDigits(report.tailPosition),
    formatDuration(report.uptimeMs),
    state,
  ];
}

function notesOf(reports: readonly NodeReport[]): string[] {
  const views = reports.filter((report) => report.reachable);
  const notes = views
    .filter((view) => !view.serving)
    .map((view) => `${view.nodeId} does not serve: ${view.notServingReason}`);
  for (const report of reports) {
    if (!report.reachable) {
      notes.push(`${report.nodeId}: ${report.reason}`);
    }
  }
  const leading = views.filter((view) => view.role === "leader");
  if (leading.length === 0) {
    notes.push("no node leads now");
  }
  const clusters = new Set(views.map((view) => view.clusterId));
  const versions = [...new Set(views.map((view) => view.version))].join(", ");
  const stores = [...new Set(views.map((view) => view.store))].join(", ");
  notes.push(`cluster ${[...clusters].join(", ")}, suraft ${versions}`, `store ${stores}`);
  if (clusters.size > 1) {
    notes.push("the nodes belong to different clusters: check their stores and members");
  }
  return notes;
}
