import { expect } from "chai";

import { digestOf, emptyDigest } from "./digest.js";
import type { HistoryEvent } from "./history.js";
import { judgeHistory } from "./history-rules.js";

function appends(op: number, session?: number): HistoryEvent {
  const begin = { type: "invoke", t: 0, op, process: "n1.1", call: "append", entries: 1 } as const;
  return session === undefined ? begin : { ...begin, session };
}

function reads(op: number, process: string, level?: "local"): HistoryEvent {
  const begin = { type: "invoke", t: 0, op, process, call: "read" } as const;
  return level === undefined ? begin : { ...begin, level };
}

function follows(op: number): HistoryEvent {
  return { type: "invoke", t: 0, op, process: "n1.1", call: "follow" };
}

function appended(op: number, firstIndex: number, term = 1, timestampMs = 5): HistoryEvent {
  return { type: "appended", t: 0, op, firstIndex, term, timestampMs };
}

function log(op: number, firstIndex: number, term = 1, timestampMs = 5): HistoryEvent {
  return { type: "log", op, firstIndex, entries: 1, term, timestampMs };
}

function end(type: "read" | "saw", op: number, ...seen: number[]): HistoryEvent {
  const nextIndex = seen.length + 1;
  return { type, t: 0, op, nextIndex, digest: seen.reduce(digestOf, emptyDigest) };
}

const starts = (process: string): HistoryEvent => ({ type: "start", t: 0, process });

function broken(...events: HistoryEvent[]): readonly string[] {
  return judgeHistory(events).map(({ rule }) => rule);
}

describe("the rules of histories", () => {
  it("accept local reads that lag, and follows from anywhere to anywhere", () => {
    const events = [appends(1), appended(1, 1), reads(2, "n1.1", "local"), end("read", 2)];
    const followed = [follows(3), end("saw", 3), end("saw", 3, 1), log(1, 1)];
    expect(broken(...events, ...followed)).to.deep.equal([]);
  });

  it("find a local read or a follow that saw another log", () => {
    const began = [appends(1), reads(2, "n1.1", "local"), follows(3)];
    expect(broken(...began, end("read", 2, 7), log(1, 1))).to.deep.equal(["read-other"]);
    expect(broken(...began, end("saw", 3, 7), log(1, 1))).to.deep.equal(["read-other"]);
  });

  it("find a linearizable read that misses what a local read or a follow had seen", () => {
    for (const sighting of ["read", "saw"] as const) {
      const first = sighting === "read" ? reads(2, "n2.1", "local") : follows(2);
      const events = [appends(1), first, end(sighting, 2, 1), reads(3, "n1.1"), end("read", 3)];
      expect(broken(...events, log(1, 1))).to.deep.equal(["linearizability"]);
    }
  });

  it("find a follow that saw an append before it began", () => {
    const events = [follows(2), end("saw", 2, 1), appends(1), appended(1, 1), log(1, 1)];
    expect(broken(...events)).to.deep.equal(["linearizability"]);
  });

  it("find appends of a session out of order", () => {
    const events = [appends(1, 4), appends(2, 4), appends(3)];
    expect(broken(...events, log(3, 1), log(1, 2), log(2, 3))).to.deep.equal([]);
    expect(broken(...events, log(2, 1), log(1, 2))).to.deep.equal(["session-order"]);
  });

  it("find terms and times that fall, or are not what a client was told", () => {
    const events = [appends(1), appends(2)];
    expect(broken(...events, log(1, 1, 2), log(2, 2, 1))).to.deep.equal(["stamp-fell"]);
    expect(broken(...events, log(1, 1, 1, 6), log(2, 2, 1, 5))).to.deep.equal(["stamp-fell"]);
    expect(broken(...events, appended(1, 1, 2), log(1, 1, 1))).to.deep.equal(["stamp-other"]);
    expect(broken(...events, appended(1, 1, 1, 6), log(1, 1))).to.deep.equal(["stamp-other"]);
  });

  it("find a process that goes back, and let a new process begin anew", () => {
    const seen = [starts("n1.1"), appends(1), reads(2, "n1.1", "local"), end("read", 2, 1)];
    const back = [reads(3, "n1.1", "local"), end("read", 3), log(1, 1)];
    expect(broken(...seen, ...back)).to.deep.equal(["went-back"]);
    const again = [reads(3, "n1.2", "local"), end("read", 3), log(1, 1)];
    expect(broken(...seen, starts("n1.2"), ...again)).to.deep.equal([]);
    // Who answered is not known.
    const between = [reads(3, "n1.1", "local"), starts("n1.2"), end("read", 3), log(1, 1)];
    expect(broken(...seen, ...between)).to.deep.equal([]);
  });

  it("find a follow that goes back", () => {
    const events = [appends(1), follows(2), end("saw", 2, 1), end("saw", 2), log(1, 1)];
    expect(broken(...events)).to.deep.equal(["went-back"]);
  });

  it("pass on all that the recorder found broken", () => {
    const seen: HistoryEvent = { type: "broken", t: 0, rule: "liveness", text: "no leader" };
    expect(broken(seen, { type: "note", t: 0, text: "a fault" }, seen)).to.deep.equal([
      "liveness",
      "liveness",
    ]);
  });

  it("name each rule that is broken, once", () => {
    const events = [appends(1, 4), appends(2, 4), appended(1, 2, 3), appended(2, 1)];
    const wrong = [log(2, 1), log(1, 2, 1)];
    expect(broken(...events, ...wrong)).to.deep.equal(["session-order", "stamp-other"]);
  });
});
