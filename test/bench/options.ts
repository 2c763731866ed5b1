/** What the command line asks of a run. */

import { parseArgs } from "node:util";
import type { ListPrices } from "./section.js";
import { furtherSections, mainSections } from "./sections.js";

export interface Options {
  /** Sections by name, in the order in which they run. */
  readonly names: readonly string[];
  readonly seconds: number;
  readonly long: boolean;
  readonly profile: boolean;
  /** Undefined: a directory of the run's own. */
  readonly results: string | undefined;
  readonly prices: ListPrices;
}

/** Google Cloud Storage, standard class, one region, in US dollars. */
const defaultPrices: ListPrices = { classA: 0.005, classB: 0.0004 };

const mainNames = Object.keys(mainSections);
const furtherNames = Object.keys(furtherSections);

export const usage = `npm run bench -- [options]
  --only NAME        one section; may be repeated
                     by default: ${mainNames.join(", ")}
                     and by name or with --long: ${furtherNames.join(", ")}
  --seconds S        how long each load is measured (default 1)
  --long             all sections, and in them the loads that take minutes
  --profile          write CPU profiles of the nodes too, beside the results
  --results DIR      where figures and plots go (default bench-results/ and the time)
  --price-class-a P  what 1,000 creates or lists cost (default ${defaultPrices.classA}, in dollars)
  --price-class-b P  what 1,000 gets cost (default ${defaultPrices.classB})
`;

/** Undefined where the arguments make no sense. */
export function parseOptions(): Options | "help" | undefined {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        seconds: { type: "string", default: "1" },
        long: { type: "boolean", default: false },
        profile: { type: "boolean", default: false },
        results: { type: "string" },
        "price-class-a": { type: "string", default: String(defaultPrices.classA) },
        "price-class-b": { type: "string", default: String(defaultPrices.classB) },
      },
    });
    if (values.help) return "help";
    const { only, long, profile, results } = values;
    const seconds = Number(values.seconds);
    const prices = {
      classA: Number(values["price-class-a"]),
      classB: Number(values["price-class-b"]),
    };
    const known = [...mainNames, ...furtherNames];
    if (!(seconds > 0 && prices.classA >= 0 && prices.classB >= 0)) return undefined;
    if (only.some((name) => !known.includes(name))) return undefined;
    const all = long ? known : mainNames;
    return { names: only.length > 0 ? only : all, seconds, long, profile, results, prices };
  } catch {
    return undefined;
  }
}
