/** A plot as data: some of a table's columns over another. */

import type { Row } from "./report.js";

export interface Axis {
  /** With its unit. */
  readonly label: string;
  readonly scale: "linear" | "log";
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  /** Its file's name, without an ending. */
  readonly name: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export interface ColumnsToPlot extends Omit<Plot, "series"> {
  readonly over: string;
  readonly columns: readonly string[];
}

/** A series for each of the columns that has a number in any row. */
export function plotColumns(rows: readonly Row[], { over, columns, ...plot }: ColumnsToPlot): Plot {
  const series = columns.map((column) => ({ name: column, points: points(rows, over, column) }));
  return { ...plot, series: series.filter((of) => of.points.length > 0) };
}

function points(rows: readonly Row[], over: string, column: string): Series["points"] {
  return rows.flatMap((row) => {
    const [x, y] = [row[over], row[column]];
    const isPoint = typeof x === "number" && typeof y === "number" && Number.isFinite(y);
    return isPoint ? [[x, y] as const] : [];
  });
}
