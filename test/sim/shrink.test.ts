import { expect } from "chai";

import { Core } from "../../src/core/core.js";
import type { Effect, Input, ProducerOutcome } from "../../src/core/protocol.js";
import { makePlan, reducedPlan } from "./plan.js";
import { run } from "./run.js";
import { replayCommand, shrink } from "./shrink.js";
import type { AnyCore, MakeCore } from "./any-core.js";

/** A core that takes every unanswered create for one that did nothing. */
class ForgetfulCore implements AnyCore {
  readonly members = { version: 0, members: [] };
  readonly #core: Core;

  constructor(options: ConstructorParameters<typeof Core>[0]) {
    this.#core = new Core(options);
  }

  get walk() {
    return this.#core.walk;
  }

  get view() {
    return this.#core.view;
  }

  get ledger() {
    return this.#core.ledger;
  }

  outcomeOf(producerId: number, sequence: number): ProducerOutcome {
    return this.#core.outcomeOf(producerId, sequence);
  }

  step(input: Input, ageMs: number): readonly Effect[] {
    const forgets = input.type === "createResult" && input.outcome === "unknown";
    return this.#core.step(forgets ? { ...input, outcome: "refused" } : input, ageMs);
  }
}

const makeCore: MakeCore = (options) => new ForgetfulCore(options);

describe("shrinking", () => {
  it("finds a shorter run that breaks the same rule, and the command that replays it", () => {
    const short = { untilMs: 20_000 };
    const plan = (seed: number) => reducedPlan(makePlan(seed), short);
    const fails = (seed: number) => run({ plan: plan(seed), makeCore }).violation !== undefined;
    const seeds = Array.from({ length: 60 }, (_, index) => index + 1);
    const seed = seeds.find((one) => plan(one).faults.length > 5 && fails(one));
    if (seed === undefined) throw new Error("no seed finds the bug");
    const failed = run({ plan: plan(seed), makeCore });
    const shrunk = shrink({ seed, makeCore, failed, reductions: short, runsMax: 20 });
    const again = run({ plan: reducedPlan(makePlan(seed), shrunk.reductions), makeCore });
    expect(again).to.deep.equal(shrunk.result);
    expect(again.violation?.rule).to.equal(failed.violation?.rule);
    expect(shrunk.reductions.keep?.length).to.be.lessThan(makePlan(seed).faults.length);
    expect(replayCommand(seed, shrunk.reductions)).to.include(`--seed ${seed} --trace --keep`);
  }).timeout(60_000);
});
