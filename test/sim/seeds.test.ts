import { expect } from "chai";

import { Core } from "../../src/core/core.js";
import { formatHistory, type HistoryEvent } from "./history.js";
import { makePlan, reducedPlan, type Profile } from "./plan.js";
import { run } from "./run.js";
import type { MakeCore } from "./any-core.js";

const makeCore: MakeCore = (options) => new Core(options);

/** Slow stores need long runs; `npm run sim` makes them. */
const skipped: readonly Profile[] = ["slowStore"];

/** A seed's plan with faults for ten seconds. */
function shortPlan(seed: number) {
  return reducedPlan(makePlan(seed), { untilMs: 10_000 });
}

describe("a simulated run", () => {
  it("is the same twice, step by step, and differs from another seed's", () => {
    const tell = (seed: number) => {
      const lines: string[] = [];
      let history: readonly HistoryEvent[] = [];
      const result = run({
        plan: shortPlan(seed),
        makeCore,
        trace: (line) => lines.push(line),
        keepHistory: (events) => (history = events),
      });
      return { text: lines.join("\n"), history: formatHistory(history), result };
    };
    for (const seed of [10, 11]) {
      const first = tell(seed);
      expect(first.text.length).to.be.greaterThan(10_000);
      expect(tell(seed)).to.deep.equal(first);
      expect(tell(seed + 4).result.digest).not.to.equal(first.result.digest);
    }
    expect([10, 11].map((seed) => makePlan(seed).profile)).to.deep.equal(["mixed", "life"]);
  });

  it("keeps every rule on fifty fixed seeds", () => {
    const plans = Array.from({ length: 60 }, (_, index) => shortPlan(1_001 + index));
    const results = plans
      .filter(({ profile }) => !skipped.includes(profile))
      .slice(0, 50)
      .map((plan) => run({ plan, makeCore }));
    const failures = results.filter(({ violation }) => violation !== undefined);
    expect(failures).to.deep.equal([]);
    const sum = (of: (result: (typeof results)[number]) => number) =>
      results.reduce((total, result) => total + of(result), 0);
    expect(results).to.have.length(50);
    expect(sum((result) => result.appended)).to.be.greaterThan(1_000);
    expect(sum((result) => result.reads)).to.be.greaterThan(1_000);
    expect(sum((result) => result.elections)).to.be.greaterThan(100);
    expect(sum((result) => result.repeats)).to.be.greaterThan(100);
    expect(sum((result) => result.refusals)).to.be.greaterThan(100);
    expect(sum((result) => result.outcomes)).to.be.greaterThan(100);
  }).timeout(60_000);

  it("takes no number that was used before for a repeat, though its producer had expired meanwhile", () => {
    const { violation, repeats } = run({ plan: makePlan(1_795_725_617), makeCore });
    expect(violation).to.equal(undefined);
    expect(repeats).to.be.greaterThan(10);
  }).timeout(60_000);
});
