import { expect } from "chai";
import { PeerProcesses } from "../../src/core/peer-processes.js";
import type { Context } from "../../src/core/context.js";
import { context, settings } from "./samples.js";

const { electionTicksMin, electionTicksMax } = settings;

describe("two processes with one node id (PROTOCOL 6)", () => {
  class Peer {
    readonly context: Context = context();
    readonly processes = new PeerProcesses(this.context);

    /** Hears a process after some ticks; whether it is refused as the second. */
    refuses(incarnation: string, afterTicks: number): boolean {
      this.context.now += afterTicks;
      return this.processes.isSecond({ nodeId: "b", incarnation });
    }
  }

  it("takes a process that was started again at once", () => {
    const peer = new Peer();
    expect(peer.refuses("old", 0)).to.equal(false);
    for (let round = 0; round < 20; round++) expect(peer.refuses("new", 1)).to.equal(false);
  });

  it("refuses the second once the first was heard an election timeout after it came", () => {
    const peer = new Peer();
    peer.refuses("first", 0);
    peer.refuses("second", 1);
    expect(peer.refuses("first", electionTicksMin - 1)).to.equal(false);
    expect(peer.refuses("second", 0), "not yet").to.equal(false);
    expect(peer.refuses("first", 1)).to.equal(false);
    expect(peer.refuses("second", 0)).to.equal(true);
    expect(peer.refuses("first", 0), "the first is never refused").to.equal(false);
  });

  it("is not misled by words of the old process that were under way", () => {
    const peer = new Peer();
    peer.refuses("old", 0);
    peer.refuses("new", 1);
    peer.refuses("old", electionTicksMin - 1);
    for (let round = 0; round < 100; round++) expect(peer.refuses("new", 1)).to.equal(false);
  });

  it("takes the second for the first once the first is silent", () => {
    const peer = new Peer();
    peer.refuses("first", 0);
    peer.refuses("second", 1);
    peer.refuses("first", electionTicksMin);
    expect(peer.refuses("second", 2 * electionTicksMax - 1)).to.equal(true);
    expect(peer.refuses("second", 1)).to.equal(false);
    expect(peer.refuses("first", electionTicksMin), "now it is the newcomer").to.equal(false);
    expect(peer.refuses("second", electionTicksMin)).to.equal(false);
    expect(peer.refuses("first", 0)).to.equal(true);
  });

  it("answers what asks for an answer, and only that", () => {
    const peer = new Peer();
    peer.processes.refuse("b", { type: "voteRequest", term: 3, preVote: true, transfer: false });
    peer.processes.refuse("b", { type: "barrierRequest", barrier: 1 });
    peer.processes.refuse("b", { type: "barrierResponse", barrier: 1, tailPosition: 0 });
    expect(peer.context.takeEffects()).to.deep.equal([
      {
        type: "send",
        to: "b",
        message: {
          type: "voteResponse",
          term: 0,
          requestTerm: 3,
          preVote: true,
          granted: false,
          duplicate: true,
        },
      },
    ]);
  });
});
