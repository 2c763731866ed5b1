/** A figure that was aimed at, beside the one that a run got. */

import { formatCell } from "./cell.js";

export interface Aim {
  /** Of what, and under which load. */
  readonly what: string;
  readonly bound: "at least" | "at most";
  readonly aim: number;
  /** What the figure is: `of the no-op's rate`, `ms`. */
  readonly unit: string;
  /** Not finite: the run was too short to tell. */
  readonly got: number;
}

export function atLeast(aim: Omit<Aim, "bound">): Aim {
  return { ...aim, bound: "at least" };
}

export function atMost(aim: Omit<Aim, "bound">): Aim {
  return { ...aim, bound: "at most" };
}

function verdict({ bound, aim, got }: Aim): "met" | "missed" | "not known" {
  if (!Number.isFinite(got)) return "not known";
  return (bound === "at least" ? got >= aim : got <= aim) ? "met" : "missed";
}

export function formatAim(aim: Aim): string {
  const { what, bound, unit } = aim;
  const figures = `${bound} ${formatCell(aim.aim)} ${unit}, got ${formatCell(aim.got)}`;
  return `${what}: ${figures}: ${verdict(aim)}`;
}
