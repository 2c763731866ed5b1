import { expect } from "chai";
import { HistoryFloor } from "../../src/core/history-floor.js";

const graceMs = 1_000;

describe("answers about the past (PROTOCOL 9)", () => {
  it("count within half a grace after a read that showed the floor at or below them", () => {
    const floor = new HistoryFloor(graceMs, 10, 0);
    expect(floor.judge(10, { cameMs: 400, nowMs: 499 })).to.equal("accepted");
    expect(floor.judge(10, { cameMs: 400, nowMs: 500 })).to.equal("stale");
  });

  it("count whatever their age once a read that began after they came shows so", () => {
    const floor = new HistoryFloor(graceMs, 10, 0);
    floor.known(10, 900);
    expect(floor.judge(10, { cameMs: 899, nowMs: 5_000 })).to.equal("accepted");
    expect(floor.judge(10, { cameMs: 900, nowMs: 5_000 }), "it may have begun before").to.equal(
      "stale",
    );
  });

  it("are dropped below the floor, however young", () => {
    const floor = new HistoryFloor(graceMs, 10, 0);
    expect(floor.judge(9, { cameMs: 1, nowMs: 1 })).to.equal("gone");
    floor.known(20, 5);
    expect(floor.judge(19, { cameMs: 6, nowMs: 6 })).to.equal("gone");
    expect(floor.judge(20, { cameMs: 6, nowMs: 6 })).to.equal("accepted");
  });

  it("are judged by the latest read, in whatever order reads end", () => {
    const floor = new HistoryFloor(graceMs, 0, 0);
    floor.known(20, 600);
    floor.known(10, 300);
    expect(floor.judge(15, { cameMs: 700, nowMs: 700 })).to.equal("gone");
    expect(floor.judge(20, { cameMs: 700, nowMs: 1_099 })).to.equal("accepted");
  });
});
