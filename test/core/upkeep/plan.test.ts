import { expect } from "chai";
import { nextChange } from "../../../src/core/upkeep/plan.js";
import type { PlanBasis } from "../../../src/core/upkeep/plan.js";
import type { WalkState } from "../../../src/core/walk.js";
import {
  archiveRef,
  checkpointRef,
  manifest,
  upkeepLog,
  upkeepSettings,
  walkState,
} from "../samples.js";

/** One entry a segment, of a hundred bytes: position, index and size go together. */
function at(tail: number): WalkState {
  return walkState({ tail, nextIndex: tail, sizeBytes: 100 * tail });
}

function basis(changes: Partial<PlanBasis>): PlanBasis {
  return {
    manifest: manifest(),
    log: upkeepLog(at(50)),
    marks: [],
    settings: upkeepSettings,
    ...changes,
  };
}

describe("the next manifest (PROTOCOL 10)", () => {
  it("has nothing to say of a log that has hardly grown", () => {
    expect(nextChange(basis({}))).to.equal(undefined);
    const known = manifest({ checkpoint: checkpointRef(at(15)) });
    expect(nextChange(basis({ manifest: known }))).to.equal(undefined);
  });

  it("has a checkpoint once the log has grown by enough segments", () => {
    expect(nextChange(basis({ log: upkeepLog(at(100)) }))).to.deep.equal({ type: "checkpoint" });
    const known = manifest({ floor: at(100), checkpoint: checkpointRef(at(100)) });
    expect(nextChange(basis({ manifest: known, log: upkeepLog(at(199)) }))).to.equal(undefined);
  });

  it("puts the floor at the last mark below a trim, never above it", () => {
    const known = manifest({ checkpoint: checkpointRef(at(40)) });
    const marks = [at(10), at(20), at(30)];
    const change = nextChange(basis({ manifest: known, marks, log: upkeepLog(at(50), 29) }));
    const expected = { type: "trim", floor: at(20), firstIndex: 29, checkpoint: false };
    expect(change).to.deep.equal(expected);
  });

  it("asks for a checkpoint where a trim goes beyond the last one", () => {
    const known = manifest({ checkpoint: checkpointRef(at(40)) });
    const change = nextChange(basis({ manifest: known, log: upkeepLog(at(50), 50) }));
    const expected = { type: "trim", floor: at(50), firstIndex: 50, checkpoint: true };
    expect(change).to.deep.equal(expected);
  });

  it("puts no floor beyond what this node holds of the log, whatever others have written", () => {
    const known = manifest({ checkpoint: checkpointRef(at(80)), marks: [at(60)] });
    const change = nextChange(
      basis({ manifest: known, marks: [at(60)], log: upkeepLog(at(50), 100) }),
    );
    expect(change).to.deep.include({ type: "trim", floor: at(50) });
  });

  it("lets archives go that a trim has emptied, also where the floor stays", () => {
    const archives = [archiveRef(at(0), at(10)), archiveRef(at(10), at(20))];
    const known = manifest({ floor: at(20), checkpoint: checkpointRef(at(35)), archives });
    const change = nextChange(basis({ manifest: known, log: upkeepLog(at(50), 12) }));
    expect(change).to.deep.include({ type: "trim", floor: at(20), firstIndex: 12 });
    expect(nextChange(basis({ manifest: known, log: upkeepLog(at(50), 9) }))).to.equal(undefined);
  });

  it("says nothing from behind the floor", () => {
    const known = manifest({ floor: at(60), checkpoint: checkpointRef(at(60)) });
    expect(nextChange(basis({ manifest: known, log: upkeepLog(at(50), 500) }))).to.equal(undefined);
  });

  it("archives from the floor up to a mark at or below the checkpoint, once it is worth it", () => {
    const known = (tail: number) => manifest({ checkpoint: checkpointRef(at(tail)) });
    const marks = [at(9), at(19), at(29)];
    expect(nextChange(basis({ manifest: known(9), marks }))).to.equal(undefined);
    const change = nextChange(basis({ manifest: known(25), marks }));
    expect(change).to.deep.equal({ type: "archive", from: manifest().floor, to: at(25) });
  });

  it("leaves the last segments to those who follow, and makes no archive too large", () => {
    const known = manifest({ checkpoint: checkpointRef(at(95)) });
    const marks = [at(20), at(40), at(45), at(60), at(90)];
    const log = upkeepLog(at(99));
    const change = (changes: object) =>
      nextChange(
        basis({ manifest: known, marks, log, settings: { ...upkeepSettings, ...changes } }),
      );
    expect(change({})).to.deep.include({ to: at(45) });
    expect(change({ archiveBytesMax: 4_000 })).to.deep.include({ to: at(40) });
    expect(change({ archiveBytesMax: 1_000 }), "its host ends it earlier").to.deep.include({
      to: at(20),
    });
    expect(change({ keptSegments: 60 })).to.deep.include({ to: at(20) });
  });
});
