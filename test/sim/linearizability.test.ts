import { expect } from "chai";

import type { Answer, ProducerOutcome, Refusal } from "../../src/core/protocol.js";
import { digestOf, emptyDigest } from "./digest.js";
import { formatHistory, parseHistory, type HistoryEvent } from "./history.js";
import { checkHistory } from "./linearizability.js";
import { Violation } from "./violation.js";

const process = "n1.1";

function appends(op: number, entries = 1): Invoke {
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

type Invoke = HistoryEvent & { readonly type: "invoke"; readonly call: "append" };

function opens(op: number): HistoryEvent {
  return { ...appends(op, 0), options: { control: { type: "open" } } };
}

function opened(op: number, firstIndex: number, openedId: number): HistoryEvent {
  return { type: "appended", t: 0, op, firstIndex, openedId };
}

/** An append of producer 1. */
function numbered(op: number, sequence: number): HistoryEvent {
  const producer = { producerId: 1, sequence, checksum: 0 };
  return { ...appends(op), options: { producer } };
}

function answered(op: number, answer: Answer): HistoryEvent {
  return { type: "answered", t: 0, op, answer };
}

function refusal(told: Refusal): Answer {
  return { type: "refused", refusal: told };
}

function repeatOf(firstIndex: number): Answer {
  return { type: "repeat", standing: { firstIndex, entryCount: 1, term: 1, timestampMs: 1 } };
}

function asksOutcome(op: number, sequence: number): HistoryEvent {
  return { type: "invoke", t: 0, op, process, call: "outcome", producerId: 1, sequence };
}

function outcome(op: number, told: ProducerOutcome): HistoryEvent {
  return { type: "outcome", t: 0, op, outcome: told };
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

  it("finds a read that saw half of what stands at one index", () => {
    const open: HistoryEvent = { ...appends(2, 0), options: { control: { type: "open" } } };
    const seen = [appends(1), appended(1, 1), open, opened(2, 2, 1), reads(3), saw(3, 2, 1)];
    expect(broken(...seen, log(1, 1), log(2, 2, 0))).to.equal("linearizability");
    const whole = [...seen.slice(0, -1), saw(3, 2, 1, 2)];
    expect(broken(...whole, log(1, 1), log(2, 2, 0))).to.equal("none");
  });

  it("accepts a refusal that was true while it was asked, and finds one that was not", () => {
    const asks: HistoryEvent = { ...appends(9), options: { expectedNextIndex: 7 } };
    const refused = (nextIndex: number) =>
      answered(9, refusal({ type: "indexMismatch", nextIndex }));
    const logged = [log(1, 1), log(2, 2)];
    const during = [appends(1), appended(1, 1), asks, appends(2), appended(2, 2)];
    expect(broken(...during, refused(2), ...logged)).to.equal("none");
    expect(broken(...during, refused(3), ...logged)).to.equal("none");
    expect(broken(...during, refused(1), ...logged)).to.equal("false-refusal");
    // Not the append that begins after the refusal.
    const early = [appends(1), appended(1, 1), asks, refused(3), appends(2), appended(2, 2)];
    expect(broken(...early, ...logged)).to.equal("false-refusal");
  });

  it("finds a refusal that contradicts what was read before it, or a read after it", () => {
    const asks: HistoryEvent = { ...appends(9), options: { expectedNextIndex: 7 } };
    const refused = (nextIndex: number) =>
      answered(9, refusal({ type: "indexMismatch", nextIndex }));
    const before = [appends(1), reads(2), saw(2, 2, 1), asks, refused(1)];
    expect(broken(...before, log(1, 1))).to.equal("false-refusal");
    const after = [appends(1), asks, refused(2), reads(3), saw(3, 1)];
    expect(broken(...after, log(1, 1))).to.equal("linearizability");
  });

  it("finds a repeat of what does not stand, and a number that stands twice", () => {
    const first = numbered(2, 1);
    const events = [opens(1), opened(1, 1, 1), first, appended(2, 1), numbered(3, 1)];
    const standing = { firstIndex: 1, entryCount: 1, term: 5, timestampMs: 7 };
    const logged = [log(1, 1, 0), log(2, 1)];
    const repeats = (told: typeof standing) => answered(3, { type: "repeat", standing: told });
    expect(broken(...events, repeats(standing), ...logged)).to.equal("none");
    expect(broken(...events, repeats({ ...standing, firstIndex: 2 }), ...logged)).to.equal(
      "false-repeat",
    );
    expect(broken(...events, ...logged, log(3, 2))).to.equal("number-twice");
    const made = [...events, repeats(standing), ...logged, log(3, 2)];
    expect(broken(...made)).to.equal("number-twice");
    const other = [opens(1), opened(1, 1, 1), numbered(2, 1), answered(2, repeatOf(1))];
    expect(broken(...other, log(1, 1, 0))).to.equal("false-repeat");
  });

  it("finds an append in the log that was refused, or that its condition forbids", () => {
    const asks: HistoryEvent = { ...appends(1), options: { expectedNextIndex: 2 } };
    const refused = answered(1, refusal({ type: "indexMismatch", nextIndex: 1 }));
    expect(broken(asks, refused)).to.equal("none");
    expect(broken(asks, log(1, 1))).to.equal("condition-ignored");
    const fits: HistoryEvent = { ...appends(1), options: { expectedNextIndex: 1 } };
    expect(broken(fits, refused, log(1, 1))).to.equal("failed-in-log");
  });

  it("finds an outcome that was never so", () => {
    const events = [opens(1), opened(1, 1, 1), asksOutcome(3, 1)];
    const undecided: HistoryEvent = outcome(3, { type: "undecided", lastSequence: 0 });
    expect(broken(...events, undecided, log(1, 1, 0))).to.equal("none");
    const decided = [opens(1), opened(1, 1, 1), numbered(2, 1), appended(2, 1), asksOutcome(3, 1)];
    const logged = [log(1, 1, 0), log(2, 1)];
    expect(broken(...decided, undecided, ...logged)).to.equal("false-outcome");
    const standing = { firstIndex: 1, entryCount: 1, term: 1, timestampMs: 1 };
    const committed = outcome(3, { type: "committed", standing });
    expect(broken(...decided, committed, ...logged)).to.equal("none");
    expect(broken(...decided, outcome(3, { type: "producerUnknown" }), ...logged)).to.equal(
      "false-outcome",
    );
  });

  it("reads back what it writes, and names a line that is no JSON", () => {
    const events = [appends(1), appended(1, 1), log(1, 1)];
    const lines = formatHistory(events).split("\n");
    expect([...parseHistory(lines)]).to.deep.equal(events);
    expect(() => [...parseHistory([lines[0] ?? "", "no"])]).to.throw("line 2 is not JSON");
    expect(() => [...parseHistory(["{}"])]).to.throw("line 1 is no event");
  });
});
