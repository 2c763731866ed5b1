import { expect } from "chai";
import { CatchUp } from "../../src/core/catch-up.js";
import { KnownLog } from "../../src/core/known-log.js";
import { Reads } from "../../src/core/reads.js";
import type { Context } from "../../src/core/context.js";
import type { Effect, Message } from "../../src/core/protocol.js";
import { clusterId, context, log, settings, membersNamed } from "./samples.js";

const leader = { leader: "b", busy: false };
const nobody = { leader: undefined, busy: false };
const busy = { leader: "a", busy: true };

/** The reads of node a. */
class Readers {
  readonly context: Context = context();
  readonly log = new KnownLog(clusterId, membersNamed("a", "b", "c"));
  readonly catchUp = new CatchUp(this.context, this.log);
  readonly reads = new Reads(this.context, this.log, this.catchUp);

  begin(...readIds: readonly number[]): void {
    for (const readId of readIds) this.reads.begin({ type: "local", readId });
  }

  pump(state: Parameters<Reads["pump"]>[0]): readonly Effect[] {
    this.reads.pump(state);
    this.catchUp.pump();
    return this.context.takeEffects();
  }

  /** What it asks its leader. */
  question(): number {
    const [effect] = this.pump(leader);
    if (effect?.type !== "send" || effect.message.type !== "barrierRequest") {
      throw new Error("the leader is asked");
    }
    return effect.message.barrier;
  }

  /** The log is read so far. */
  learn(length: number): void {
    for (const segment of log(length)) {
      if (!this.log.knows(segment.position)) this.log.learn(segment);
    }
    while (this.log.next() !== undefined);
  }

  /** The look at the tail, sent just now, finds nothing. */
  lookFindsNothing(): void {
    const request = this.context.nextRequest - 1;
    this.catchUp.absent({ request, position: this.log.tail, atTick: 0, ageMs: 0 });
  }
}

describe("linearizable reads (PROTOCOL 5)", () => {
  it("are proven by a look that was sent after they began", () => {
    const node = new Readers();
    node.begin(1);
    expect(node.pump(nobody)).to.deep.equal([{ type: "get", request: 1, position: 0 }]);
    node.begin(2);
    node.lookFindsNothing();
    expect(node.pump(nobody)).to.deep.include({ type: "readReady", readIds: [1] });
  });

  it("are proven by a create first sent after they began, without a look", () => {
    const node = new Readers();
    const before = node.context.newRequest();
    node.begin(1);
    const after = node.context.newRequest();
    expect(node.pump(busy)).to.deep.equal([]);
    node.catchUp.prove(before);
    expect(node.pump(busy)).to.deep.equal([]);
    node.catchUp.prove(after);
    expect(node.pump(busy)).to.deep.equal([{ type: "readReady", readIds: [1] }]);
  });

  it("wait on a follower until it holds the log so far", () => {
    const node = new Readers();
    node.begin(1, 2);
    node.reads.answered(node.question(), 3);
    expect(node.pump(leader)).to.deep.equal([
      { type: "get", request: 1, position: 0 },
      { type: "get", request: 2, position: 1 },
      { type: "get", request: 3, position: 2 },
    ]);
    node.learn(2);
    expect(node.pump(leader)).to.deep.equal([]);
    node.learn(3);
    expect(node.pump(leader)).to.deep.equal([{ type: "readReady", readIds: [1, 2] }]);
  });

  it("share one question; those that come later share the next", () => {
    const node = new Readers();
    node.begin(1);
    const first = node.question();
    node.begin(2, 3);
    expect(node.pump(leader)).to.deep.equal([]);
    node.reads.answered(first, 0);
    const effects = node.pump(leader);
    const ready = effects.filter(({ type }) => type === "readReady");
    expect(ready).to.deep.equal([{ type: "readReady", readIds: [1] }]);
    expect(effects.filter(({ type }) => type === "send")).to.have.lengthOf(1);
  });

  it("take no answer to another question than the one that is open", () => {
    const node = new Readers();
    node.begin(1);
    const barrier = node.question();
    node.reads.answered(barrier - 1, 0);
    node.reads.answered(barrier + 1, 0);
    expect(node.pump(leader)).to.deep.equal([]);
    node.reads.answered(barrier, 0);
    expect(node.pump(leader)).to.deep.equal([{ type: "readReady", readIds: [1] }]);
    node.begin(2);
    node.reads.answered(barrier, 0);
    expect(node.pump(leader).map(({ type }) => type)).to.deep.equal(["send"]);
  });

  it("number their questions differently in each process", () => {
    const numbers = [0.25, 0.5].map((share) => {
      const shared = context({ random: () => share });
      const known = new KnownLog(clusterId, membersNamed("a", "b", "c"));
      const reads = new Reads(shared, known, new CatchUp(shared, known));
      reads.begin({ type: "local", readId: 1 });
      reads.pump(leader);
      const [effect] = shared.takeEffects();
      return effect?.type === "send" ? barrierOf(effect.message) : undefined;
    });
    expect(new Set(numbers).size).to.equal(2);
    for (const number of numbers) expect(Number.isSafeInteger(number)).to.equal(true);
  });

  it("look for themselves when the leader is silent, or has no proof", () => {
    for (const isSilent of [true, false]) {
      const node = new Readers();
      node.begin(1);
      const barrier = node.question();
      if (isSilent) node.context.now += settings.electionTicksMin;
      else node.reads.answered(barrier, undefined);
      expect(node.pump(leader)).to.deep.equal([{ type: "get", request: 1, position: 0 }]);
      node.lookFindsNothing();
      expect(node.pump(leader)).to.deep.equal([{ type: "readReady", readIds: [1] }]);
      node.begin(2);
      expect(
        node.pump(leader).map(({ type }) => type),
        "asked again",
      ).to.deep.equal(["send"]);
    }
  });

  it("are answered as they began, those first that asked the leader in vain", () => {
    const node = new Readers();
    const begun = node.context.newRequest();
    node.begin(1);
    const barrier = node.question();
    const between = node.context.newRequest();
    node.begin(2);
    node.reads.answered(barrier, undefined);
    node.catchUp.prove(begun);
    expect(node.pump(nobody).map(({ type }) => type)).to.deep.equal(["get"]);
    node.catchUp.prove(between);
    expect(node.pump(nobody)).to.deep.equal([{ type: "readReady", readIds: [1] }]);
  });

  it("ask the leader again after a look, even if the next reader is there already", () => {
    const node = new Readers();
    node.begin(1);
    node.reads.answered(node.question(), undefined);
    node.pump(leader);
    node.begin(2);
    node.pump(leader);
    node.lookFindsNothing();
    const sent = node.pump(leader).filter(({ type }) => type === "send");
    expect(sent).to.have.lengthOf(1);
  });

  it("give a follower's question the tail of the moment of the proof", () => {
    const node = new Readers();
    node.reads.begin({ type: "follower", nodeId: "c", barrier: 7 });
    node.pump({ leader: "a", busy: false });
    node.learn(2);
    node.catchUp.prove(node.context.newRequest());
    expect(node.pump({ leader: "a", busy: false })).to.deep.include({
      type: "send",
      to: "c",
      message: { type: "barrierResponse", barrier: 7, tailPosition: 2 },
    });
  });

  it("are not answered once the reader has gone, wherever they waited", () => {
    const node = new Readers();
    node.begin(1, 2, 3);
    node.reads.cancel(1);
    const barrier = node.question();
    node.reads.cancel(2);
    node.reads.answered(barrier, 1);
    node.pump(leader);
    node.reads.cancel(3);
    node.learn(1);
    expect(node.pump(leader)).to.deep.equal([]);
  });

  it("all fail at a fault, wherever they wait", () => {
    const node = new Readers();
    node.begin(1);
    node.reads.answered(node.question(), 9);
    node.begin(2);
    node.question();
    node.begin(3);
    node.context.takeEffects();
    node.reads.failAll();
    expect(node.context.takeEffects()).to.deep.equal([{ type: "readFailed", readIds: [3, 2, 1] }]);
    node.reads.failAll();
    expect(node.context.takeEffects()).to.deep.equal([]);
  });
});

function barrierOf(message: Message): number | undefined {
  return message.type === "barrierRequest" ? message.barrier : undefined;
}
