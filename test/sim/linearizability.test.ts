import { expect } from "chai";

import { digestOf, emptyDigest } from "./digest.js";
import { formatHistory, parseHistory, type HistoryEvent } from "./history.js";
import { checkHistory } from "./linearizability.js";
import { Violation } from "./violation.js";

const process = "n1.1";

function appends(op: number, entries = 1): HistoryEvent {
  return { type: "invoke", t: 0, op, process, call: "append", entries };
}

function appended(op: number, firstIndex: number): HistoryEvent {
  return { type: "appended", t: 0, op, firstIndex };
}

function reads(op: number): HistoryEvent {
  return { type: "invoke", t: 0, op, process, call: "read" };
}

/** A read that saw these appends, and the index after them. */
function saw(op: number, nextIndex: number, ...seen: number[]): HistoryEvent {
  return { type: "read", t: 0, op, nextIndex, digest: seen.reduce(digestOf, emptyDigest) };
}

function log(op: number, firstIndex: number, entries = 1): HistoryEvent {
  return { type: "log", op, firstIndex, entries };
}

function broken(...events: HistoryEvent[]): string {
  try {
    checkHistory(events);
  } catch (error) {
    if (error instanceof Violation) return error.rule;
    throw error;
  }
  return "none";
}

describe("the judge of histories", () => {
  it("accepts concurrent operations in any order", () => {
    const events = [appends(1), appends(2), reads(3), appended(2, 1), saw(3, 2, 2), appended(1, 2)];
    expect(broken(...events, log(2, 1), log(1, 2))).to.equal("none");
  });

  it("accepts an append of unknown outcome that stands in the log, or does not", () => {
    const unknown: HistoryEvent = { type: "unknown", t: 0, op: 1, reason: "died" };
    expect(broken(appends(1), unknown, log(1, 1))).to.equal("none");
    expect(broken(appends(1), unknown)).to.equal("none");
  });

  it("finds an acknowledged append that is lost or moved", () => {
    expect(broken(appends(1), appended(1, 1))).to.equal("lost");
    expect(broken(appends(1), appends(2), appended(1, 1), log(2, 1), log(1, 2))).to.equal("moved");
  });

  it("finds a failed append in the log", () => {
    const failed: HistoryEvent = { type: "failed", t: 0, op: 1, reason: "notLeader" };
    expect(broken(appends(1), failed, log(1, 1))).to.equal("failed-in-log");
  });

  it("finds an append that stands twice, in part, or after a gap", () => {
    expect(broken(appends(1), log(1, 1), log(1, 2))).to.equal("log-doubled");
    expect(broken(appends(1, 2), log(1, 1, 1))).to.equal("log-torn");
    expect(broken(appends(1), log(1, 2))).to.equal("log-gap");
  });

  it("finds appends out of the order of real time", () => {
    const events = [appends(1), appended(1, 2), appends(2), appended(2, 1)];
    expect(broken(...events, log(2, 1), log(1, 2))).to.equal("linearizability");
  });

  it("finds a read that misses an append acknowledged before it began", () => {
    const events = [appends(1), appended(1, 1), reads(2), saw(2, 1)];
    expect(broken(...events, log(1, 1))).to.equal("linearizability");
  });

  it("finds a read that misses what an earlier read saw", () => {
    const events = [appends(1), reads(2), saw(2, 2, 1), reads(3), saw(3, 1)];
    expect(broken(...events, log(1, 1))).to.equal("linearizability");
  });

  it("finds a read that saw an append before it began", () => {
    const events = [reads(2), saw(2, 2, 1), appends(1), appended(1, 1)];
    expect(broken(...events, log(1, 1))).to.equal("linearizability");
  });

  it("finds a read that saw another log, or half an append", () => {
    expect(broken(appends(1), reads(2), saw(2, 2, 7), log(1, 1))).to.equal("read-other");
    expect(broken(appends(1, 2), reads(2), saw(2, 2, 1), log(1, 1, 2))).to.equal("read-torn");
  });

  it("reads back what it writes, and names a line that is no JSON", () => {
    const events = [appends(1), appended(1, 1), log(1, 1)];
    const lines = formatHistory(events).split("\n");
    expect([...parseHistory(lines)]).to.deep.equal(events);
    expect(() => [...parseHistory([lines[0] ?? "", "no"])]).to.throw("line 2 is not JSON");
    expect(() => [...parseHistory(["{}"])]).to.throw("line 1 is no event");
  });
});
