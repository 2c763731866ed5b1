/** What a section found, and how it is printed. */

import { formatAim, type Aim } from "./aim.js";
import { formatCell, type Cell } from "./cell.js";
import type { Plot } from "./plot.js";

/** Cells by their columns' names, which carry the units. Every row has the same columns. */
export type Row = Readonly<Record<string, Cell>>;

export interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
  /** What was aimed at, and what came of it. */
  readonly aims?: readonly Aim[];
  /** What one must know to read the figures. */
  readonly notes: readonly string[];
  readonly plots?: readonly Plot[];
}

/** A report for people: a table, its aims and its notes. */
export function formatReport({ title, rows, aims = [], notes }: Report): string {
  return [
    title,
    formatTable(rows),
    ...aims.map((aim) => `  aim: ${formatAim(aim)}`),
    ...notes.map((note) => `  ${note}`),
  ].join("\n");
}

/** Text is aligned to the left, numbers to the right. */
function formatTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => formatCell(row[column] ?? "")));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...lines.map((cells) => cells[index]?.length ?? 0)),
  );
  const numeric = columns.map((column) => rows.some((row) => typeof row[column] === "number"));
  const pad = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    return numeric[index] === true ? text.padStart(width) : text.padEnd(width);
  };
  return [
    columns.map(pad).join("  "),
    widths.map((width) => "-".repeat(width)).join("  "),
    ...lines.map((cells) => cells.map(pad).join("  ").trimEnd()),
  ].join("\n");
}
