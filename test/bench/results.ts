/** What a run leaves behind: its figures as JSON and its plots as SVG, in a directory of its own. */

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { drawSvg } from "./plot-svg.js";
import type { Report } from "./report.js";

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly store: string;
}

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    node: process.version,
    store: "file:// (a temporary local directory, fsync for each object)",
  };
}

/** `bench-results/` and the time: no run overwrites another's. */
export function defaultDirectory({ date }: Machine): string {
  return join("bench-results", date.slice(0, 19).replaceAll(":", "-"));
}

export class Results {
  readonly #directory: string;
  readonly #run: { readonly machine: Machine; readonly seconds: number };
  readonly #sections: Record<string, Omit<Report, "plots">> = {};

  constructor(directory: string, run: { readonly machine: Machine; readonly seconds: number }) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#run = run;
  }

  /** Written at once: a run that is broken off leaves what it has found. */
  add(section: string, { plots = [], ...figures }: Report): void {
    this.#sections[section] = figures;
    const json = JSON.stringify({ ...this.#run, sections: this.#sections }, undefined, 2);
    writeFileSync(join(this.#directory, "figures.json"), `${json}\n`);
    for (const plot of plots) {
      writeFileSync(join(this.#directory, `${section}-${plot.name}.svg`), drawSvg(plot));
    }
  }
}
