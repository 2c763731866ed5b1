import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { casesOf, judge } from "./cases.js";
import { readPlayback, readSearch } from "./checker-output.js";
import { modelDirectory } from "./checker.js";
import { models } from "./configurations.js";

/** The words by which a model's files leave rules out. */
function switchesOf(model: string): readonly string[] {
  const files = readdirSync(modelDirectory).filter((name) => name.startsWith(model));
  const text = files.map((name) => readFileSync(join(modelDirectory, name), "utf8")).join("\n");
  const conditions = text.match(/^#(?:if|elif).*$/gm) ?? [];
  const words = conditions.flatMap((line) => line.match(/\b(?:NO|WRONG|NEVER)_[A-Z_]+\b/g) ?? []);
  return [...new Set(words)].sort();
}

const summary = `
State-vector 108 byte, depth reached 71, errors: 0
  2165513 states, stored
  7917103 transitions (= stored+matched)

Stats on memory usage (in Megabytes):
  380.910	total actual memory usage
`;

describe("the models", () => {
  for (const { name, controls, witnesses } of models) {
    it(`${name}: each rule that can be left out is a control, and the reverse`, () => {
      const used = [...controls, ...witnesses]
        .flatMap(({ defines }) => defines)
        .filter((define) => /^(NO|WRONG|NEVER)_/.test(define));
      expect([...new Set(used)].sort()).to.deep.equal(switchesOf(name));
    });
  }

  it("have names of their own", () => {
    const names = casesOf({ only: "", long: true }).map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
  });
});

describe("the checker's output", () => {
  it("is a whole search only with a summary and no bound reached", () => {
    expect(readSearch(summary)).to.deep.equal({
      states: 2_165_513,
      depth: 71,
      memoryMiB: 380.91,
      violated: false,
      complete: true,
    });
    const cut = [
      "error: max search depth too small",
      "Warning: Search not completed",
      "pan: reached -DMEMLIM bound",
    ];
    for (const line of cut) expect(readSearch(`${line}\n${summary}`).complete).to.equal(false);
    expect(readSearch("").complete).to.equal(false);
    expect(readSearch(summary.replace("errors: 0", "errors: 1"))).to.include({
      violated: true,
      complete: false,
    });
  });

  it("is played back as steps and the property that broke", () => {
    const played = "\nA: claims\n\nstore: it stands\nbroken: 1: it is in the log\nspin: x.pml:3\n";
    expect(readPlayback(played)).to.deep.equal({
      property: "1: it is in the log",
      steps: ["A: claims", "store: it stands"],
    });
  });

  it("fails a broken model, an incomplete search, a control that holds or breaks otherwise", () => {
    const holds = { ...readSearch(summary), seconds: 1, playback: undefined };
    const breaks = {
      ...holds,
      violated: true,
      complete: false,
      playback: { property: "2: walks agree", steps: [] },
    };
    const task = exampleTask();
    const configuration = { name: "", task, expected: { type: "holds" } } as const;
    const control = { name: "", task, expected: { type: "breaks", property: "2:" } } as const;
    const other = { name: "", task, expected: { type: "breaks", property: "1:" } } as const;
    const witness = { name: "", task, expected: { type: "reaches" } } as const;
    expect(judge(configuration, holds).fine).to.equal(true);
    expect(judge(configuration, breaks).fine).to.equal(false);
    expect(judge(configuration, { ...holds, complete: false }).fine).to.equal(false);
    expect(judge(control, breaks).fine).to.equal(true);
    expect(judge(control, holds).fine).to.equal(false);
    expect(judge(other, breaks).fine).to.equal(false);
    expect(judge(witness, holds).fine).to.equal(false);
    expect(judge(witness, breaks).fine).to.equal(false);
  });
});

function exampleTask() {
  return {
    model: "commit",
    defines: [],
    shortest: false,
    hashed: false,
    memoryMiBMax: 100,
    secondsMax: 1,
  };
}
