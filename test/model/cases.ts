/** What is to be explored, what is expected of it, and whether that came true. */

import { models } from "./configurations.js";
import type { Exploration, Task } from "./checker.js";

export interface Case {
  readonly name: string;
  readonly task: Task;
  readonly expected: Expected;
}

/** `breaks`: a property whose name begins so. `reaches`: what the model says is never reached. */
type Expected =
  | { readonly type: "holds" }
  | { readonly type: "breaks"; readonly property: string }
  | { readonly type: "reaches" };

export interface Outcome {
  readonly fine: boolean;
  readonly verdict: string;
}

const everyDay = { memoryMiBMax: 1800, secondsMax: 600 };
const longRun = { memoryMiBMax: 6000, secondsMax: 3600 };

/** The cases whose names contain a text. */
export function casesOf(choice: {
  readonly only: string;
  readonly long: boolean;
}): readonly Case[] {
  const cases = models.flatMap(({ name: model, configurations, controls, witnesses }) => [
    ...configurations
      .filter(({ long }) => long !== true || choice.long)
      .map(({ name, defines, hashed = false, long }) => ({
        name: `${model}: ${name}`,
        task: { model, defines, shortest: false, hashed, ...(long === true ? longRun : everyDay) },
        expected: { type: "holds" } as const,
      })),
    ...controls.map(({ name, defines, breaks }) => ({
      name: `${model}, wrong: ${name}`,
      task: { model, defines, shortest: true, hashed: false, ...everyDay },
      expected: { type: "breaks", property: breaks } as const,
    })),
    ...witnesses.map(({ name, defines }) => ({
      name: `${model}, reached: ${name}`,
      task: { model, defines, shortest: true, hashed: false, ...everyDay },
      expected: { type: "reaches" } as const,
    })),
  ]);
  return cases.filter(({ name }) => name.includes(choice.only));
}

export function judge({ expected, task }: Case, found: Exploration): Outcome {
  const property = found.playback?.property ?? "a property without a name";
  if (!found.violated && !found.complete) return { fine: false, verdict: "INCOMPLETE" };
  switch (expected.type) {
    case "holds":
      if (found.violated) return { fine: false, verdict: `BROKEN: ${property}` };
      return { fine: true, verdict: task.hashed ? "holds (states hashed)" : "holds" };
    case "breaks":
      if (!found.violated) return { fine: false, verdict: "NOT CAUGHT" };
      if (property.startsWith(expected.property))
        return { fine: true, verdict: `broken: ${property}` };
      return { fine: false, verdict: `NOT "${expected.property}", BUT: ${property}` };
    case "reaches":
      if (!found.violated) return { fine: false, verdict: "NOT REACHED" };
      if (property.startsWith("never: ")) return { fine: true, verdict: "reached" };
      return { fine: false, verdict: `BROKEN: ${property}` };
  }
}
