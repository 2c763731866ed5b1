import { expect } from "chai";

import { faultKindNames, faultKinds, makePlan } from "./plan.js";

describe("the plan of faults", () => {
  const hour = { seed: 7, durationMs: 3_600_000, kinds: faultKindNames };

  it("follows from the seed", () => {
    expect(makePlan(hour)).to.deep.equal(makePlan(hour));
    expect(makePlan(hour)).to.not.deep.equal(makePlan({ ...hour, seed: 8 }));
  });

  it("has all kinds in an hour, each within its bounds, and ends in time", () => {
    const plan = makePlan(hour);
    expect(new Set(plan.map(({ kind }) => kind)).size).to.equal(faultKindNames.length);
    for (const { kind, atMs, lastsMs } of plan) {
      const { min, max } = faultKinds[kind].lastsMs;
      expect(lastsMs).to.be.within(min, max);
      expect(atMs).to.be.within(0, hour.durationMs - 1000);
    }
  });

  it("has only the kinds that it is given", () => {
    const kinds = new Set(makePlan({ ...hour, kinds: ["kill", "clock"] }).map(({ kind }) => kind));
    expect([...kinds].toSorted()).to.deep.equal(["clock", "kill"]);
    expect(makePlan({ ...hour, kinds: [] })).to.deep.equal([]);
  });
});
