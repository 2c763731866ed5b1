import { expect } from "chai";
import { SuraftError } from "../../src/errors.js";
import { disagreements, Journal, type Attempt, type ReadEntry } from "./journal.js";

const error = new SuraftError("unavailable", "no leader");

/** Three attempts: one acknowledged at 1, one unknown, one refused. */
function written(): readonly [Journal, Attempt, Attempt, Attempt] {
  const journal = new Journal();
  const [first, second, third] = ["a", "b", "c"].map((text) => journal.begin(Buffer.from(text)));
  if (first === undefined || second === undefined || third === undefined) throw new Error("three");
  first.outcome = { type: "acknowledged", index: 1, term: 1 };
  second.outcome = { type: "unknown", error };
  third.outcome = { type: "refused", error };
  return [journal, first, second, third];
}

function entry(index: number, attempt: Attempt): ReadEntry {
  return { index, payload: attempt.payload, attempt: attempt.number };
}

describe("the judge of logs", () => {
  it("accepts what was acknowledged, with or without what is unknown", () => {
    const [{ attempts }, first, second] = written();
    expect(disagreements([entry(1, first)], attempts)).to.deep.equal([]);
    expect(disagreements([entry(1, first), entry(2, second)], attempts)).to.deep.equal([]);
  });

  it("finds each way to be wrong", () => {
    const [journal, first, second, third] = written();
    const { attempts } = journal;
    const wrong: readonly (readonly [readonly ReadEntry[], RegExp])[] = [
      [[], /attempt 0 was acknowledged at 1 but is not in the log/],
      [[entry(1, second), entry(2, first)], /attempt 0 was acknowledged at 1 but stands at 2/],
      [[entry(1, first), entry(2, first)], /attempt 0 stands at 1 and at 2/],
      [[entry(1, first), entry(2, second), entry(3, second)], /attempt 1 stands at 2 and at 3/],
      [[entry(1, first), entry(2, third)], /attempt 2 was refused/],
      [[entry(1, first), entry(3, second)], /index 3 stands where 2 belongs/],
      [[{ ...entry(1, first), payload: Buffer.from("x") }], /other bytes/],
      [[entry(1, first), { ...entry(2, second), attempt: undefined }], /never appended/],
      [[entry(1, first), { ...entry(2, second), attempt: 7 }], /never appended/],
    ];
    for (const [log, complaint] of wrong) {
      expect(disagreements(log, attempts).join("\n")).to.match(complaint);
    }
    const session = journal.newSession();
    const [fourth, fifth] = [
      journal.begin(Buffer.from("d"), session),
      journal.begin(Buffer.from("e"), session),
    ];
    fourth.outcome = { type: "unknown", error };
    fifth.outcome = { type: "unknown", error };
    const reordered = [entry(1, first), entry(2, fifth), entry(3, fourth)];
    expect(disagreements(reordered, attempts).join()).to.match(/attempt 3 at 3 stands behind 4/);
    journal.begin(Buffer.from("f"));
    expect(disagreements([entry(1, first)], attempts)).to.match(/attempt 5 was never answered/);
  });
});
