/** The table of `suraft members`. */

import type { ChangedMembers, Member } from "../client/types.js";
import { plainTable, type Column } from "./plain-table.js";

const columns: readonly Column[] = [
  ["NODE", "left"],
  ["ADDRESS", "left"],
  ["ROLE", "left"],
  ["PRIORITY", "right"],
];

/** The members, ready to print. */
export function membersTable({ version, members }: ChangedMembers): string {
  const lines = plainTable(columns, members.map(rowOf));
  return `${[...lines, "", `version ${version} of the list`].join("\n")}\n`;
}

function rowOf({ nodeId, address, voter, priority }: Member): string[] {
  const role = !voter ? "learner" : priority === 0 ? "voter, never leads" : "voter";
  return [nodeId, address, role, voter ? String(priority) : "-"];
}
