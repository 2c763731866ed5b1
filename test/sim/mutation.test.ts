import { expect } from "chai";

import { judgeMutant, plant } from "./mutation.js";
import type { Mutant } from "./mutant.js";
import { mutants } from "./mutants.js";

function named(part: string): Mutant {
  const found = mutants.find(({ name }) => name.includes(part));
  if (found === undefined) throw new Error(`no mutant is named ${part}`);
  return found;
}

describe("the planted bugs", () => {
  it("each change text that stands once in the core", () => {
    for (const mutant of mutants) expect(plant(mutant).size, mutant.name).to.be.greaterThan(0);
    expect(mutants.length).to.be.at.least(20);
  });

  it("are found: one in what is sent, one in what is read", async () => {
    expect((await judgeMutant(named("past the window"))).violation?.rule).to.equal("window");
    expect((await judgeMutant(named("reads from memory"))).violation?.rule).to.equal("stale-read");
  });

  it("are not found where there is none", async () => {
    const none: Mutant = { name: "none", section: "", edits: [], seedsMax: 2 };
    expect((await judgeMutant(none)).violation).to.equal(undefined);
  });
});
