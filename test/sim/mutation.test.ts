import { readFileSync } from "node:fs";

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

  it("are those that README.md tells of, for each rule", () => {
    const text = readFileSync(new URL("../../../test/sim/README.md", import.meta.url), "utf8");
    const table = text.split("| rule ")[1]?.split("\n\n")[0] ?? "";
    const rows = table.split("\n").slice(2);
    const names = new Set(mutants.map(({ name }) => name));
    for (const row of rows) {
      const bugs = row.split("|")[3]?.trim().split("; ") ?? [];
      expect(bugs.filter((bug) => !names.has(bug))).to.deep.equal([]);
    }
    // Sixteen are marked in PROTOCOL.md; that of acceptance (9) takes two rows.
    expect(rows).to.have.length(17);
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
