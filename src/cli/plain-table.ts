/** Tables without borders, as `ls -l` has them. */

import Table from "cli-table3";
import { styled } from "./terminal.js";

const noBorders = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"].flatMap((side) => [
    [side, ""],
    [`${side}-mid`, ""],
    [`${side}-left`, ""],
    [`${side}-right`, ""],
  ]),
);

/** A column's title, and whether it holds numbers. */
export type Column = readonly [title: string, align: "left" | "right"];

/** The rows under their titles, line by line. */
export function plainTable(columns: readonly Column[], rows: readonly string[][]): string[] {
  const table = new Table({
    chars: { ...noBorders, "left-mid": "", "mid-mid": "", "right-mid": "", middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    colAligns: columns.map(([, align]) => align),
    head: columns.map(([title]) => styled(process.stdout, "dim", title)),
  });
  table.push(...rows);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}
