import { expect } from "chai";
import fc from "fast-check";
import { CatchUp } from "../../src/core/catch-up.js";
import { Election } from "../../src/core/election.js";
import { KnownLog } from "../../src/core/known-log.js";
import type { Context } from "../../src/core/context.js";
import type { CoreOptions } from "../../src/core/options.js";
import type { HeartbeatRequest, Message } from "../../src/core/protocol.js";
import type { Epoch, NodeId, Segment } from "../../src/core/types.js";
import { claim, clusterId, context, epoch, settings, membersNamed } from "./samples.js";

const { electionTicksMin, electionTicksMax } = settings;

/** The election of node a, its log and its store under the test's hand. */
class Voter {
  readonly context: Context;
  readonly log: KnownLog;
  readonly catchUp: CatchUp;
  readonly election: Election;

  constructor(changes: Partial<CoreOptions> = {}) {
    this.context = context(changes);
    this.log = new KnownLog(clusterId, this.context.options.members);
    this.catchUp = new CatchUp(this.context, this.log);
    this.election = new Election(this.context, this.log, this.catchUp);
  }

  /** Reads the log to its tail: these segments stand in it. */
  read(segments: readonly Segment[] = []): void {
    for (const segment of segments) this.log.learn(segment);
    while (this.log.next() !== undefined);
    this.catchUp.prove(this.context.nextRequest);
    this.context.newRequest();
    this.election.advance();
  }

  tick(count: number): void {
    for (let tick = 0; tick < count; tick++) {
      this.context.now++;
      this.election.tick();
    }
  }

  /** How many ticks pass until it stands. */
  ticksUntilItStands(): number {
    this.sent();
    for (let ticks = 1; ; ticks++) {
      this.tick(1);
      if (this.sent().some(({ message }) => message.type === "voteRequest")) return ticks;
    }
  }

  sent(): readonly { readonly to: NodeId; readonly message: Message }[] {
    return this.context.takeEffects().flatMap((effect) => (effect.type === "send" ? [effect] : []));
  }

  /** What it answers to a request for its vote; undefined if nothing. */
  answers(
    from: NodeId,
    term: number,
    preVote = false,
  ): { granted: boolean; term: number } | undefined {
    this.sent();
    this.election.voteRequest(from, { type: "voteRequest", term, preVote, transfer: false });
    const [reply] = this.sent();
    if (reply?.message.type !== "voteResponse") return undefined;
    expect(reply.message).to.include({ requestTerm: term, preVote, duplicate: false });
    return { granted: reply.message.granted, term: reply.message.term };
  }

  hears(heard: Epoch, leading = true): boolean {
    return this.election.heartbeat(heartbeat(heard, leading));
  }

  /** Another node's vote comes in; the term that is won by it, if it is. */
  isVotedFor(from: NodeId, requestTerm: number, preVote: boolean): number | undefined {
    this.election.voteResponse(from, {
      type: "voteResponse",
      term: 0,
      requestTerm,
      preVote,
      granted: true,
      duplicate: false,
    });
    return this.election.advance();
  }
}

function heartbeat(heard: Epoch, leading: boolean): HeartbeatRequest {
  const known = { tailPosition: 0, nextIndex: 1, greatestLease: undefined, replyWanted: true };
  return { type: "heartbeatRequest", epoch: heard, leading, ...known };
}

function voter(changes: Partial<CoreOptions> = {}, segments: readonly Segment[] = []): Voter {
  const made = new Voter(changes);
  made.read(segments);
  return made;
}

const granted = (term: number): object => ({ granted: true, term });
const refused = (term: number): object => ({ granted: false, term });

describe("the election timeout (PROTOCOL 6)", () => {
  it("lies between its bounds, whatever the dice say, and is drawn anew each time", () => {
    const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(dice, { minLength: 1, maxLength: 5 }), (throws) => {
        let thrown = 0;
        const node = voter({ random: () => throws[thrown++ % throws.length] ?? 0 });
        for (let round = 0; round < 10; round++) {
          const before = thrown;
          const ticks = node.ticksUntilItStands();
          expect(ticks).to.be.within(electionTicksMin, electionTicksMax - 1);
          expect(thrown).to.be.greaterThan(before);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("takes all values between its bounds", () => {
    const seen = new Set<number>();
    for (let share = 0; share < 1; share += 0.01) {
      seen.add(voter({ random: () => share }).ticksUntilItStands());
    }
    const all = electionTicksMax - electionTicksMin;
    expect([...seen].toSorted((a, b) => a - b)).to.deep.equal(
      Array.from({ length: all }, (_, index) => electionTicksMin + index),
    );
  });

  it("begins again with each heartbeat and each vote", () => {
    const node = voter();
    node.tick(electionTicksMin - 1);
    node.hears(epoch(1, "b"));
    node.tick(electionTicksMin - 1);
    expect(node.sent()).to.deep.equal([]);
    node.tick(1);
    expect(node.sent()).to.have.lengthOf(2);
    node.answers("b", 2);
    expect(node.ticksUntilItStands()).to.equal(electionTicksMin);
  });

  it("does not begin again with a vote refused", () => {
    const node = voter();
    node.tick(electionTicksMin - 1);
    expect(node.answers("b", 0)).to.deep.equal(refused(0));
    expect(node.ticksUntilItStands()).to.equal(1);
  });

  it("is no reason for a node that is no voter to stand", () => {
    const node = voter({ nodeId: "learner" });
    node.tick(10 * electionTicksMax);
    expect(node.sent()).to.deep.equal([]);
  });

  it("makes such a node look ever more rarely whether it has become one", () => {
    const node = voter({ nodeId: "learner" });
    const looks: number[] = [];
    for (let tick = 1; tick <= 40 * electionTicksMax; tick++) {
      node.tick(1);
      node.catchUp.pump();
      const [get] = node.context.takeEffects();
      if (get?.type !== "get") continue;
      looks.push(tick);
      node.catchUp.take(get.request);
      node.catchUp.prove(get.request);
    }
    const pauses = looks.slice(1).map((tick, at) => tick - (looks[at] ?? 0));
    expect(pauses.length).to.be.within(3, 6);
    expect(pauses).to.deep.equal(pauses.toSorted((a, b) => a - b));
  });
});

describe("votes (PROTOCOL 6)", () => {
  it("are not given before the log has been read to its tail", () => {
    const node = new Voter();
    expect(node.answers("b", 9)).to.equal(undefined);
    node.tick(10 * electionTicksMax);
    expect(node.election.stage).to.equal("starting");
    node.read();
    expect(node.answers("b", 9)).to.deep.equal(granted(9));
  });

  it("are given once in a term, and again to the same candidate", () => {
    const node = voter();
    expect(node.answers("b", 1)).to.deep.equal(granted(1));
    expect(node.answers("c", 1)).to.deep.equal(refused(1));
    expect(node.answers("b", 1)).to.deep.equal(granted(1));
    expect(node.answers("c", 2)).to.deep.equal(granted(2));
    expect(node.answers("b", 1)).to.deep.equal(refused(2));
  });

  it("are not given, in its term, to a leader that was followed: it has started again", () => {
    const node = voter();
    node.hears(epoch(3, "b"), false);
    node.context.now += electionTicksMin;
    expect(node.answers("b", 3)).to.deep.equal(refused(3));
    expect(node.answers("b", 4)).to.deep.equal(granted(4));
  });

  it("are not given by a candidate in its own term", () => {
    const node = voter();
    node.ticksUntilItStands();
    node.read();
    expect(node.isVotedFor("b", 1, true)).to.equal(undefined);
    expect(node.answers("c", 1)).to.deep.equal(refused(1));
    expect(node.answers("c", 2)).to.deep.equal(granted(2));
    expect(node.election.stage).to.equal("follower");
  });

  it("are promised to any number of candidates, which binds nobody", () => {
    const node = voter();
    expect(node.answers("b", 1, true)).to.deep.equal(granted(0));
    expect(node.answers("c", 1, true)).to.deep.equal(granted(0));
    expect(node.answers("c", 1)).to.deep.equal(granted(1));
    expect(node.answers("b", 1, true), "spent").to.deep.equal(refused(1));
  });

  it("are refused up to the term of the log's last claim: nobody can claim there any more", () => {
    const node = voter({}, [claim({ epoch: epoch(7, "b") })]);
    expect(node.answers("c", 6)).to.deep.equal(refused(7));
    expect(node.answers("c", 7)).to.deep.equal(refused(7));
    expect(node.answers("c", 8)).to.deep.equal(granted(8));
  });

  it("are refused while a leader was heard within the minimum timeout; the term stays", () => {
    const node = voter();
    node.hears(epoch(3, "b"));
    node.context.now += electionTicksMin - 1;
    for (const preVote of [true, false]) {
      expect(node.answers("c", 9, preVote)).to.deep.equal(refused(3));
    }
    expect(node.election.term).to.equal(3);
    node.context.now += 1;
    expect(node.answers("c", 9)).to.deep.equal(granted(9));
  });

  it("are refused by a node that heard a leader while it was starting", () => {
    const node = new Voter();
    node.hears(epoch(3, "b"));
    node.read();
    expect(node.election.leaderId).to.equal("b");
    expect(node.answers("c", 9, true)).to.deep.equal(refused(3));
  });

  it("are refused by who has been elected", () => {
    const node = voter({ members: membersNamed("a") });
    node.tick(1);
    node.catchUp.prove(node.context.nextRequest);
    expect(node.election.advance()).to.equal(1);
    expect(node.answers("c", 9)).to.deep.equal(refused(1));
  });
});

describe("a candidate (PROTOCOL 6)", () => {
  it("stands for the term after the log's and the greatest that it has seen", () => {
    const node = voter({}, [claim({ epoch: epoch(4, "b") })]);
    node.election.sawTerm(2);
    expect(node.ticksUntilItStands()).to.equal(electionTicksMin);
    node.read();
    expect(node.isVotedFor("b", 5, true)).to.equal(undefined);
    expect(node.election.term).to.equal(5);

    node.election.sawTerm(8);
    expect(node.election.stage, "a greater term ends the candidacy").to.equal("follower");
    node.ticksUntilItStands();
    node.read();
    node.isVotedFor("b", 9, true);
    expect(node.election.term).to.equal(9);
  });

  it("asks for votes in earnest only once its look at the tail is answered", () => {
    const node = voter();
    node.ticksUntilItStands();
    expect(node.isVotedFor("b", 1, true)).to.equal(undefined);
    expect(node.sent()).to.deep.equal([]);
    node.read();
    expect(node.sent().map(({ message }) => message)).to.deep.equal(
      Array.from({ length: 2 }, () => ({
        type: "voteRequest",
        term: 1,
        preVote: false,
        transfer: false,
      })),
    );
  });

  it("waits for the same look when its timeout ends before a slow store answers", () => {
    const node = voter();
    node.ticksUntilItStands();
    const look = node.context.nextRequest;
    node.context.newRequest();
    node.ticksUntilItStands();
    node.catchUp.prove(look);
    expect(node.isVotedFor("b", 1, true)).to.equal(undefined);
    expect(node.sent().map(({ message }) => message)).to.deep.include({
      type: "voteRequest",
      term: 1,
      preVote: false,
      transfer: false,
    });
  });

  const quorums = [
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ] as const;
  for (const [size, quorum] of quorums) {
    it(`needs ${quorum} of ${size} votes, its own among them`, () => {
      const members = Array.from({ length: size }, (_, index) => "abcdefg".charAt(index));
      const node = voter({ members: membersNamed(...members) });
      node.ticksUntilItStands();
      node.read();
      for (const from of members.slice(1)) node.isVotedFor(from, 1, true);
      const won = members.slice(1).findIndex((from) => node.isVotedFor(from, 1, false) === 1);
      expect(won + 2).to.equal(quorum);
    });
  }

  it("counts a voter once, and neither strangers nor answers to other questions", () => {
    const node = voter({ members: membersNamed("a", "b", "c", "d", "e") });
    node.ticksUntilItStands();
    node.read();
    node.isVotedFor("b", 1, true);
    node.isVotedFor("c", 1, true);
    expect(node.isVotedFor("b", 1, false)).to.equal(undefined);
    expect(node.isVotedFor("b", 1, false), "the same voter").to.equal(undefined);
    expect(node.isVotedFor("c", 1, true), "a pre-vote").to.equal(undefined);
    expect(node.isVotedFor("c", 0, false), "another term").to.equal(undefined);
    expect(node.isVotedFor("x", 1, false), "a stranger").to.equal(undefined);
    expect(node.isVotedFor("c", 1, false)).to.equal(1);
  });

  it("gives up when a voter has seen a greater term, and stands in the next one", () => {
    const node = voter();
    node.ticksUntilItStands();
    node.election.voteResponse("b", {
      type: "voteResponse",
      term: 6,
      requestTerm: 1,
      preVote: true,
      granted: false,
      duplicate: false,
    });
    expect(node.election.stage).to.equal("follower");
    node.ticksUntilItStands();
    node.read();
    node.isVotedFor("b", 7, true);
    expect(node.election.term).to.equal(7);
  });

  it("gives up for a leader of its own term, or of a greater one", () => {
    for (const term of [1, 2]) {
      const node = voter();
      node.ticksUntilItStands();
      node.read();
      node.isVotedFor("b", 1, true);
      expect(node.hears(epoch(term, "c"), false)).to.equal(true);
      expect(node.isVotedFor("b", 1, false)).to.equal(undefined);
      expect(node.election.stage).to.equal("follower");
    }
  });
});

describe("following (PROTOCOL 6)", () => {
  it("refuses a leader of a lesser term", () => {
    const node = voter();
    node.answers("c", 5);
    expect(node.hears(epoch(4, "b"))).to.equal(false);
    expect(node.hears(epoch(5, "c"))).to.equal(true);
  });

  it("knows a leader only once that leads: while it claims, nothing can be appended there", () => {
    const node = voter();
    node.hears(epoch(1, "b"), false);
    expect(node.election.leaderId).to.equal(undefined);
    node.hears(epoch(1, "b"), true);
    expect(node.election.leaderId).to.equal("b");
    node.ticksUntilItStands();
    expect(node.election.leaderId, "not heard any more").to.equal(undefined);
  });

  it("prefers, in one term, who leads to who claims, and otherwise the first heard", () => {
    const node = voter();
    node.hears(epoch(1, "b"), false);
    expect(node.hears(epoch(1, "c"), false), "another claimant").to.equal(false);
    expect(node.hears(epoch(1, "c"), true), "the leader").to.equal(true);
    expect(node.hears(epoch(1, "b"), false), "who lost").to.equal(false);
    expect(node.election.leaderId).to.equal("c");
  });

  it("does not begin, for who was elected, with another of the same term: the store decides", () => {
    const node = voter({ members: membersNamed("a") });
    node.tick(1);
    node.catchUp.prove(node.context.nextRequest);
    expect(node.election.advance()).to.equal(1);
    expect(node.hears(epoch(1, "b"), true)).to.equal(false);
    expect(node.election.stage).to.equal("elected");
    expect(node.hears(epoch(2, "b"), true)).to.equal(true);
  });

  it("prefers, in one term, the epoch that stands in the log to any other", () => {
    const node = voter();
    node.hears(epoch(1, "b"), false);
    node.read([claim({ epoch: epoch(1, "c") })]);
    expect(node.hears(epoch(1, "b"), false)).to.equal(false);
    expect(node.hears(epoch(1, "c"), false)).to.equal(true);
  });
});

describe("a node that an operator has lead (PROTOCOL 6)", () => {
  it("stands again, in a greater term, where its request for votes is refused", () => {
    const node = voter();
    node.election.force();
    node.election.voteResponse("b", {
      type: "voteResponse",
      term: 9,
      requestTerm: 1,
      preVote: false,
      granted: false,
      duplicate: false,
    });
    expect(node.election.stage).to.equal("candidate");
    node.read();
    expect([node.election.stage, node.election.term]).to.deep.equal(["elected", 10]);
  });
});
