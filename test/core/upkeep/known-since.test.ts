import { expect } from "chai";
import { KnownSince } from "../../../src/core/upkeep/known-since.js";

const graceMs = 100;

describe("what has been known for a grace (PROTOCOL 9)", () => {
  it("is nothing at first, and nothing before a grace has passed", () => {
    const known = new KnownSince();
    expect(known.ripe(1_000, graceMs)).to.equal(0);
    known.learn(7, 1_000);
    expect(known.ripe(1_099, graceMs)).to.equal(0);
    expect(known.nextRipeMs(1_099, graceMs)).to.equal(1_100);
    expect(known.ripe(1_100, graceMs)).to.equal(7);
    expect(known.nextRipeMs(1_100, graceMs)).to.equal(undefined);
  });

  it("is each value from when it was known, not from when a lesser one was", () => {
    const known = new KnownSince();
    known.learn(7, 0);
    known.learn(9, 60);
    known.learn(8, 70);
    known.learn(9, 90);
    expect(known.ripe(100, graceMs)).to.equal(7);
    expect(known.ripe(159, graceMs)).to.equal(7);
    expect(known.ripe(160, graceMs)).to.equal(9);
  });

  it("is never more than was known, however often it grows", () => {
    const known = new KnownSince();
    for (let value = 1; value <= 1_000; value++) known.learn(value, value);
    for (let nowMs = 100; nowMs <= 1_200; nowMs += 10) {
      expect(known.ripe(nowMs, graceMs)).to.be.at.most(nowMs - graceMs);
    }
    expect(known.ripe(1_100, graceMs)).to.equal(1_000);
  });

  it("goes on growing while more is learned all the time", () => {
    const known = new KnownSince();
    let ripe = 0;
    for (let nowMs = 1; nowMs <= 1_000; nowMs++) {
      known.learn(nowMs, nowMs);
      ripe = known.ripe(nowMs, graceMs);
    }
    expect(ripe).to.be.greaterThan(500);
  });
});
