/** What a section found, and how it is printed. */

export type Cell = string | number;

/** Cells by their columns' names, which carry the units. Every row has the same columns. */
export type Row = Readonly<Record<string, Cell>>;

export interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
  /** What one must know to read the figures, and what was aimed at. */
  readonly notes: readonly string[];
}

/** A table for people. Text is aligned to the left, numbers to the right. */
export function formatReport({ title, rows, notes }: Report): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => formatCell(row[column] ?? "")));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...lines.map((cells) => cells[index]?.length ?? 0)),
  );
  const numeric = columns.map((column) => typeof rows[0]?.[column] === "number");
  const pad = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    return numeric[index] === true ? text.padStart(width) : text.padEnd(width);
  };
  return [
    title,
    columns.map(pad).join("  "),
    widths.map((width) => "-".repeat(width)).join("  "),
    ...lines.map((cells) => cells.map(pad).join("  ").trimEnd()),
    ...notes.map((note) => `  ${note}`),
  ].join("\n");
}

/** Three digits that mean something are enough for a noisy machine. */
function formatCell(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "-";
  if (Math.abs(cell) >= 100 || Number.isInteger(cell)) {
    return Math.round(cell).toLocaleString("en");
  }
  return cell.toFixed(Math.abs(cell) >= 10 ? 1 : 2);
}
