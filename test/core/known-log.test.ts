import { expect } from "chai";
import { InvariantError } from "../../src/core/assert.js";
import { KnownLog } from "../../src/core/known-log.js";
import { claim, clusterId, entries, epoch, log, membersNamed } from "./samples.js";

describe("the known log (PROTOCOL 3)", () => {
  it("walks no further than the first unknown position", () => {
    const known = new KnownLog(clusterId, membersNamed("a", "b", "c"));
    const segments = log(4);
    for (const position of [3, 1]) known.learn(at(segments, position));
    expect(known.next()).to.equal(undefined);
    expect(known.tail).to.equal(0);

    known.learn(at(segments, 0));
    expect(known.next()).to.deep.equal({ segment: segments[0], valid: true });
    expect(known.next()).to.deep.equal({ segment: segments[1], valid: true });
    expect(known.next()).to.equal(undefined);
    expect(known.tail).to.equal(2);
    expect([0, 1, 2, 3].map((position) => known.knows(position))).to.deep.equal([
      true,
      true,
      false,
      true,
    ]);
  });

  it("passes voids, and says so", () => {
    const known = new KnownLog(clusterId, membersNamed("a", "b", "c"));
    const stray = entries({ epoch: epoch(7) });
    known.learn(claim());
    known.learn(stray);
    known.next();
    expect(known.next()).to.deep.equal({ segment: stray, valid: false });
    expect(known.walk).to.include({ tail: 2, nextIndex: 1, term: 1 });
  });

  it("stays before a segment that contradicts the chain", () => {
    const known = new KnownLog(clusterId, membersNamed("a", "b", "c"));
    known.learn(claim());
    known.learn(entries({ firstIndex: 2 }));
    known.next();
    expect(known.next()).to.include({ kind: "corrupt", position: 1 });
    expect(known.next()).to.include({ kind: "corrupt", position: 1 });
    expect(known.tail).to.equal(1);
  });

  it("comes to a damaged object only once it has walked all before it", () => {
    const known = new KnownLog(clusterId, membersNamed("a", "b", "c"));
    known.learnDamage(1, "the checksum does not match");
    expect(known.knows(1)).to.equal(true);
    expect(known.next()).to.equal(undefined);
    known.learn(claim());
    expect(known.next()).to.deep.include({ valid: true });
    const message = "the checksum does not match";
    expect(known.next()).to.deep.equal({ kind: "corrupt", message, position: 1 });
  });

  it("never lets an object change (PROTOCOL 2)", () => {
    const known = new KnownLog(clusterId, membersNamed("a", "b", "c"));
    known.learn(entries());
    known.learn(entries());
    expect(() => known.learn(entries({ checksum: 5 }))).to.throw(InvariantError);
    known.learn(claim());
    known.next();
    expect(() => known.learn(claim())).to.throw(InvariantError);
  });
});

function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no value at ${index}`);
  return value;
}
