/** One figure or word of a table, and how it is printed. */

export type Cell = string | number;

/** Three digits that mean something are enough for a noisy machine. */
export function formatCell(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "-";
  const size = Math.abs(cell);
  if (size >= 100 || Number.isInteger(cell)) return Math.round(cell).toLocaleString("en");
  if (size >= 10) return cell.toFixed(1);
  return size >= 0.1 ? cell.toFixed(2) : cell.toPrecision(2);
}
