import { expect } from "chai";
import { Marks, marksMax } from "../../../src/core/upkeep/marks.js";
import { walkState } from "../samples.js";
import type { WalkState } from "../../../src/core/walk.js";

function at(tail: number): WalkState {
  return walkState({ tail, nextIndex: tail });
}

function tails(marks: Marks): readonly number[] {
  return marks.states.map(({ tail }) => tail);
}

describe("marks", () => {
  it("are kept some way apart, of a walk that is seen now and then", () => {
    const marks = new Marks(10);
    for (const tail of [0, 4, 11, 15, 20, 21, 90]) marks.saw(at(tail));
    expect(tails(marks)).to.deep.equal([11, 21, 90]);
  });

  it("are few, however long the log: the last one stays", () => {
    const marks = new Marks(1);
    for (let tail = 1; tail <= 10_000; tail++) {
      marks.saw(at(tail));
      expect(marks.states.length).to.be.at.most(marksMax);
    }
    expect(tails(marks).at(-1)).to.be.greaterThan(9_800);
    expect(tails(marks)).to.deep.equal(tails(marks).toSorted((a, b) => a - b));
  });

  it("take in what a manifest tells, and let go of what lies below its floor", () => {
    const marks = new Marks(10);
    for (const tail of [10, 20, 30]) marks.saw(at(tail));
    expect(marks.read([at(15), at(20), at(40)], 10)).to.equal(true);
    expect(tails(marks)).to.deep.equal([15, 20, 30, 40]);
    marks.saw(at(45));
    expect(tails(marks), "it is behind what the manifest tells").to.deep.equal([15, 20, 30, 40]);
  });

  it("do not take in another log's", () => {
    const marks = new Marks(10);
    marks.saw(at(10));
    const other = walkState({ tail: 10, nextIndex: 11 });
    expect(marks.agrees(other)).to.equal(false);
    expect(marks.read([other], 0)).to.equal(false);
    expect(marks.agrees(walkState({ tail: 12 }))).to.equal(true);
  });
});
