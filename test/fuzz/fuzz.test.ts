import { expect } from "chai";

import { freshInputs, runTarget } from "./fuzz-run.js";
import { Meter } from "./meter.js";
import { minimise } from "./minimise.js";
import { tellFailure } from "./report.js";
import { textTarget, workBase, type Target } from "./target.js";
import { targets } from "./targets.js";

/** The same inputs each time: `npm run fuzz` looks for new ones. */
const seed = 1;

/** The work that a batch of inputs takes, and what it may take. */
async function workOf(target: Target, meter: Meter): Promise<{ work: number; workMax: number }> {
  const inputs = freshInputs(target, seed);
  const open = await target.open();
  meter.reset();
  for (const bytes of inputs) await open.judge(bytes);
  const { work } = meter.read();
  await open.close?.();
  const sizes = inputs.reduce((total, bytes) => total + bytes.length, 0);
  return { work, workMax: workBase + target.workPerByte * sizes };
}

describe("whatever comes from outside", function () {
  this.timeout(60_000);

  for (const target of targets) {
    it(`is taken, or refused by a typed error: ${target.name}`, async () => {
      const report = await runTarget(target, { seed, runsMax: target.testRuns });
      const failures = report.failures.map((failure) => tellFailure(target.name, failure));
      expect(failures.join("\n")).to.equal("");
      expect(report.inputs).to.equal(target.testRuns);
      expect(report.accepted, "some inputs are taken").to.be.above(0);
    });
  }

  it("costs work that its size bounds", async () => {
    const meter = new Meter();
    try {
      for (const target of targets.filter(({ metered }) => metered)) {
        const { work, workMax } = await workOf(target, meter);
        expect(work, target.name).to.be.within(1, workMax);
      }
    } finally {
      meter.close();
    }
  });
});

describe("the fuzzer", () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);

  /** A decoder with a bug. */
  const broken = textTarget({
    name: "test/broken",
    valid: freshText(),
    tokens: ["#!"],
    judge: (text) => {
      if (text.includes("#!")) throw new TypeError("cannot read properties of undefined");
      return { accepted: true };
    },
  });

  function freshText() {
    const [first] = targets;
    if (first === undefined) throw new Error("there are targets");
    return first.valid.map((some) => `text of ${some.length} bytes`);
  }

  it("finds a bug, tells one from another, and makes its input small", async () => {
    const { failures } = await runTarget(broken, { seed, runsMax: 500 });
    expect(failures.map(({ signature }) => signature.split(" @ ")[0])).to.deep.equal([
      "TypeError: cannot read properties of undefined",
    ]);
    expect(Buffer.from(failures[0]?.input ?? []).toString()).to.equal("#!");
  });

  it("judges the same inputs for the same seed", () => {
    for (const target of targets) {
      expect(freshInputs(target, 7), target.name).to.deep.equal(freshInputs(target, 7));
    }
  });

  it("fails an input whose output is out of proportion", async () => {
    const judge = () => ({ accepted: true, output: "x".repeat(100_000) });
    const { failures } = await runTarget(
      { ...broken, open: () => ({ judge }) },
      { seed, runsMax: 3 },
    );
    expect(failures[0]?.signature).to.match(/^Broken: size: # bytes came of #/);
  });

  it("fails an input that costs too much", async () => {
    const meter = new Meter();
    const target = targets.find(({ name }) => name === "log/append");
    if (target === undefined) throw new Error("there is a target of appends");
    try {
      const workPerByte = -1_000;
      const costly = { ...target, workPerByte, testRuns: 1 };
      const { failures } = await runTarget(costly, { seed, runsMax: 16, meter });
      expect(failures[0]?.signature).to.match(/^Broken: work: # blocks ran/);
    } finally {
      meter.close();
    }
  });

  it("leaves out of an input all that it can", async () => {
    const small = await minimise(bytes("aaaaXbbbbYcccc"), async (some) => {
      const text = Buffer.from(some).toString();
      return text.includes("X") && text.includes("Y");
    });
    expect(Buffer.from(small).toString()).to.equal("XY");
  });
});
