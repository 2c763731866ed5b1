import { expect } from "chai";
import { Core } from "../../src/core/core.js";
import type { CoreOptions } from "../../src/core/options.js";
import type { Effect, GetOutcome, Input, Message, Sender } from "../../src/core/protocol.js";
import type { Segment } from "../../src/core/types.js";
import { append, claim, entries, epoch, options, settings, membersNamed } from "./samples.js";

/** Node a, over a store that the test speaks for. */
class Node {
  readonly core: Core;
  readonly effects: Effect[] = [];

  constructor(changes: Partial<CoreOptions> = {}) {
    this.core = new Core(options(changes));
  }

  step(input: Input): readonly Effect[] {
    return this.core.step(input, 0);
  }

  tick(count = 1): readonly Effect[] {
    const effects: Effect[] = [];
    for (let tick = 0; tick < count; tick++) effects.push(...this.step({ type: "tick" }));
    return effects;
  }

  got(request: number, outcome: GetOutcome): readonly Effect[] {
    return this.step({ type: "getResult", request, outcome });
  }

  hears(from: string, message: Message, incarnation = `${from}1`): readonly Effect[] {
    const sender: Sender = { nodeId: from, incarnation };
    return this.step({ type: "message", sender, message });
  }
}

/** A node of a cluster of one that leads: its claim, request 3, stands at 0. */
function leading(changes: Partial<CoreOptions> = {}): Node {
  const node = new Node({ members: membersNamed("a"), ...changes });
  node.tick();
  node.got(1, { type: "absent" });
  node.tick();
  node.got(2, { type: "absent" });
  node.step({ type: "createResult", request: 3, outcome: "created" });
  expect(node.core.view.role).to.equal("leader");
  return node;
}

/** A follower that has read an empty log. */
function following(): Node {
  const node = new Node();
  node.tick();
  node.got(1, { type: "absent" });
  return node;
}

function heartbeat(leaderId: string, term: number, tailPosition: number): Message {
  const known = { nextIndex: 1, greatestLease: undefined, replyWanted: true, leading: true };
  return { type: "heartbeatRequest", epoch: epoch(term, leaderId), tailPosition, ...known };
}

describe("a core's messages (PROTOCOL 6)", () => {
  it("believes no term that elections cannot have come to", () => {
    const node = following();
    const far = 2 ** 53 - 2;
    node.hears("b", heartbeat("b", far, 0));
    node.hears("b", { type: "voteRequest", term: far, preVote: false, transfer: false });
    node.hears("b", { type: "heartbeatResponse", term: far, tailPosition: 0, duplicate: false });
    expect(node.core.view.term).to.equal(0);
    node.hears("b", heartbeat("b", 1000, 0));
    expect(node.core.view.term).to.equal(1000);
  });

  it("says nothing to itself", () => {
    const node = following();
    const vote = { type: "voteRequest", term: 5, preVote: false, transfer: false } as const;
    expect(node.hears("a", vote)).to.deep.equal([]);
    expect(node.hears("a", { type: "barrierRequest", barrier: 1 })).to.deep.equal([]);
    expect(node.core.view.term).to.equal(0);
  });

  it("votes for strangers: they may have read of a list that it has not read yet", () => {
    const node = following();
    node.hears("x", { type: "voteRequest", term: 5, preVote: false, transfer: false });
    expect(node.core.view.term).to.equal(5);
  });

  it("follows nobody on another's word", () => {
    const node = following();
    expect(node.hears("c", heartbeat("b", 1, 3))).to.deep.equal([]);
    expect(node.core.view.leaderId).to.equal(undefined);
  });

  it("answers a heartbeat only where an answer is wanted, or it refuses", () => {
    const node = following();
    const quiet = { ...heartbeat("b", 2, 0), replyWanted: false } as Message;
    expect(node.hears("b", quiet).filter(({ type }) => type === "send")).to.deep.equal([]);
    const stale = { ...heartbeat("c", 1, 0), replyWanted: false } as Message;
    expect(node.hears("c", stale)).to.deep.equal([
      {
        type: "send",
        to: "c",
        message: { type: "heartbeatResponse", term: 2, tailPosition: 0, duplicate: false },
      },
    ]);
  });

  it("reads no further ahead of its tail than its bound, whatever a leader says", () => {
    const node = following();
    const gets = node
      .hears("b", heartbeat("b", 1, Number.MAX_SAFE_INTEGER))
      .flatMap((effect) => (effect.type === "get" ? [effect.position] : []));
    expect(gets).to.deep.equal(Array.from({ length: settings.readAhead }, (_, index) => index));
  });
});

describe("a core's faults (PROTOCOL 2, 3)", () => {
  function faultOn(outcome: GetOutcome): object | undefined {
    const node = following();
    node.hears("b", heartbeat("b", 1, 2));
    node.got(2, { type: "found", segment: claim() });
    node.got(3, outcome);
    return node.core.view.fault;
  }

  it("stops at a segment that contradicts the one it follows", () => {
    const segment: Segment = entries({ firstIndex: 2 });
    expect(faultOn({ type: "found", segment })).to.include({ kind: "corrupt", position: 1 });
  });

  it("stops at a segment that was written for another position", () => {
    const segment: Segment = entries({ position: 2 });
    expect(faultOn({ type: "found", segment })).to.include({ kind: "corrupt", position: 1 });
  });

  it("goes on over a void", () => {
    const segment: Segment = entries({ epoch: epoch(9) });
    expect(faultOn({ type: "found", segment })).to.equal(undefined);
  });

  it("takes nothing in afterwards, and answers nobody", () => {
    const node = following();
    node.hears("b", heartbeat("b", 1, 1));
    node.got(2, { type: "corrupt", reason: "damaged" });
    const appends = [append()];
    expect(node.step({ type: "append", appends, nowMs: 0 })).to.deep.equal([
      { type: "returned", appends, reason: "notLeader" },
    ]);
    expect(node.step({ type: "read", readId: 1 })).to.deep.equal([
      { type: "readFailed", readIds: [1] },
    ]);
    expect(
      node.hears("c", { type: "voteRequest", term: 9, preVote: false, transfer: false }),
    ).to.deep.equal([]);
    expect(node.tick(1000)).to.deep.equal([]);
    expect(node.step({ type: "stop" })).to.deep.equal([{ type: "stopped" }]);
  });
});

describe("a core's leadership (PROTOCOL 4, 8)", () => {
  /** The creates among some effects: positions by request. */
  function requestsOf(effects: readonly Effect[]): ReadonlyMap<number, number> {
    return new Map(
      effects.flatMap((effect) =>
        effect.type === "create" ? [[effect.request, effect.segment.position]] : [],
      ),
    );
  }

  function created(effects: readonly Effect[]): Segment {
    const [effect] = effects.filter(({ type }) => type === "create");
    if (effect?.type !== "create") throw new Error("a segment is created");
    return effect.segment;
  }

  it("gives timestamps that never decrease, though its clock does", () => {
    const node = leading();
    const times = [5000, 3000, 6000].map((nowMs) => {
      const segment = created(node.step({ type: "append", appends: [append()], nowMs }));
      return segment.type === "entries" ? segment.timestampMs : undefined;
    });
    expect(times).to.deep.equal([5000, 5000, 6000]);
  });

  it("draws a nonce for each candidacy that it wins", () => {
    let drawn = 0;
    const node = leading({ nonce: () => `nonce-${drawn++}` });
    expect(drawn).to.equal(1);
    node.step({ type: "append", appends: [append()], nowMs: 0 });
    node.tick(settings.storeTimeoutTicks + 1);
    expect(node.core.view.role).to.equal("follower");
    const looks = node
      .tick(settings.electionTicksMax)
      .flatMap((effect) => (effect.type === "get" ? [effect.request] : []));
    for (const request of looks) node.got(request, { type: "absent" });
    expect(drawn).to.equal(2);
  });

  it("never writes as far as K past the prefix that it knows, nor one position twice", () => {
    const node = leading({ settings: { ...settings, window: 3 } });
    const positions: number[] = [];
    const note = (effects: readonly Effect[]): void => {
      for (const effect of effects) {
        if (effect.type !== "create") continue;
        expect(effect.segment.position).to.be.lessThan(node.core.walk.tail + 3);
        positions.push(effect.segment.position);
      }
    };
    for (let round = 0; round < 6; round++) {
      note(node.step({ type: "append", appends: [append(60)], nowMs: 0 }));
    }
    expect(positions).to.deep.equal([1, 2, 3]);
    // Requests 4, 5 and 6 carry them; the first to be known is the last.
    for (const request of [6, 5, 4, 9, 7, 8]) {
      note(node.step({ type: "createResult", request, outcome: "created" }));
    }
    expect(positions).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(node.core.walk.tail).to.equal(7);
  });

  it("is not ended by another cluster's claim, which is void", () => {
    const node = leading();
    node.step({ type: "append", appends: [append()], nowMs: 0 });
    node.step({ type: "createResult", request: 4, outcome: "exists" });
    const segment = claim({ position: 1, epoch: epoch(9, "b"), clusterId: "another" });
    const sent = created(node.got(5, { type: "found", segment }));
    expect(sent).to.include({ position: 2, firstIndex: 1 });
    expect(node.core.view.role).to.equal("leader");
  });

  it("fills a wide gap below its claim a part at a time", () => {
    const node = new Node({ members: membersNamed("a") });
    node.tick();
    node.got(1, { type: "found", segment: claim({ epoch: epoch(1, "b"), window: 200 }) });
    for (const request of [2, 3]) node.got(request, { type: "absent" });
    node.tick();
    node.got(4, { type: "absent" });
    // The claim at 1 is lost to the old leader; the next are at 2 and, 200 ahead, at 202.
    node.step({ type: "createResult", request: 5, outcome: "exists" });
    const old = entries({ epoch: epoch(1, "b") });
    const claims = requestsOf(node.got(6, { type: "found", segment: old }));
    expect([...claims.values()]).to.deep.equal([2, 202]);
    const open = new Map(claims);
    const answer = (request: number): void => {
      open.delete(request);
      const input = { type: "createResult", request, outcome: "created" } as const;
      for (const [next, position] of requestsOf(node.step(input))) open.set(next, position);
      expect(open.size).to.be.at.most(64);
    };
    answer([...claims.keys()][1] ?? 0);
    expect(open.size).to.equal(64);
    while (open.size > 0) answer(Math.max(...open.keys()));
    expect(node.core.view.role).to.equal("leader");
    expect(node.core.walk.tail).to.equal(203);
  });

  it("says what the queue holds, and nothing of what was sent", () => {
    const node = leading({ settings: { ...settings, window: 1 } });
    expect(node.core.queuedBytes).to.equal(0);
    for (const bytes of [10, 20, 30]) {
      node.step({ type: "append", appends: [append(bytes)], nowMs: 0 });
    }
    expect(node.core.queuedBytes).to.equal(50);
  });
});
