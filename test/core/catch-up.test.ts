import { expect } from "chai";
import { CatchUp } from "../../src/core/catch-up.js";
import type { Context } from "../../src/core/context.js";
import { KnownLog } from "../../src/core/known-log.js";
import type { RequestId } from "../../src/core/protocol.js";
import { clusterId, context, log, settings, membersNamed } from "./samples.js";

/** A reader over a log of a given length. */
class Reader {
  readonly context: Context = context();
  readonly log = new KnownLog(clusterId, membersNamed("a", "b", "c"));
  readonly catchUp = new CatchUp(this.context, this.log);
  readonly open = new Map<RequestId, number>();

  /** Pumps, and returns the positions asked for. */
  pump(): readonly number[] {
    this.catchUp.pump();
    const positions: number[] = [];
    for (const effect of this.context.takeEffects()) {
      if (effect.type !== "get") throw new Error(`a reader only gets, not ${effect.type}`);
      this.open.set(effect.request, effect.position);
      positions.push(effect.position);
    }
    return positions;
  }

  /** Answers the oldest open request for a position. */
  answer(position: number, length: number): void {
    const [request] = [...this.open].find(([, asked]) => asked === position) ?? [];
    if (request === undefined) throw new Error(`nobody asks for ${position}`);
    this.open.delete(request);
    const look = this.catchUp.take(request) ?? expect.fail();
    expect(look.position).to.equal(position);
    const segment = log(length)[position];
    if (segment === undefined) {
      this.catchUp.absent(look);
      return;
    }
    this.catchUp.found();
    if (!this.log.knows(position)) this.log.learn(segment);
    while (this.log.next() !== undefined);
  }
}

describe("catching up (PROTOCOL 3, 5)", () => {
  it("asks for nothing unless something is wanted", () => {
    expect(new Reader().pump()).to.deep.equal([]);
  });

  it("reads what is said to exist, within the read-ahead, each position once", () => {
    const reader = new Reader();
    reader.catchUp.demand(100);
    expect(reader.pump()).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(reader.pump()).to.deep.equal([]);
    for (const position of [3, 2, 1]) reader.answer(position, 100);
    expect(reader.pump()).to.deep.equal([]);
    reader.answer(0, 100);
    expect(reader.pump()).to.deep.equal([8, 9, 10, 11]);
  });

  it("doubles its stride while it finds segments, and asks for few positions past the tail", () => {
    const reader = new Reader();
    reader.catchUp.wantProof(reader.context.nextRequest);
    expect(reader.pump()).to.deep.equal([0]);
    reader.answer(0, 3);
    expect(reader.pump()).to.deep.equal([1, 2]);
    reader.answer(1, 3);
    expect(reader.pump()).to.deep.equal([3, 4, 5]);
    reader.answer(2, 3);
    reader.answer(3, 3);
    expect(reader.catchUp.proof).to.equal(4);
    expect(reader.pump()).to.deep.equal([]);
  });

  it("begins each search with one get, however much was read before", () => {
    const reader = new Reader();
    reader.catchUp.demand(8);
    reader.pump();
    for (let position = 0; position < 8; position++) reader.answer(position, 8);
    reader.catchUp.wantProof(reader.context.nextRequest);
    expect(reader.pump()).to.deep.equal([8]);
  });

  it("takes absence for proof only at the tail", () => {
    const reader = new Reader();
    reader.catchUp.demand(3);
    reader.catchUp.wantProof(reader.context.nextRequest);
    expect(reader.pump()).to.deep.equal([0, 1, 2]);
    reader.answer(2, 2);
    expect(reader.catchUp.proof).to.equal(0);
    reader.answer(0, 2);
    reader.answer(1, 2);
    expect(reader.pump()).to.deep.equal([2, 3, 4, 5]);
    // While the look is under way the tail moves past it: by now the name may have been freed.
    reader.log.learn(log(3)[2] ?? expect.fail());
    reader.log.next();
    reader.answer(2, 2);
    expect(reader.catchUp.proof).to.equal(0);
    reader.answer(3, 3);
    expect(reader.catchUp.proof).to.equal(5);
  });

  it("proves nothing to those that came after a look was sent; one more look serves them all", () => {
    const reader = new Reader();
    reader.catchUp.wantProof(1);
    expect(reader.pump()).to.deep.equal([0]);
    for (let reads = 0; reads < 1000; reads++) {
      reader.catchUp.wantProof(reader.context.nextRequest);
      expect(reader.pump()).to.deep.equal([]);
    }
    reader.answer(0, 0);
    expect(reader.catchUp.proof).to.equal(1);
    expect(reader.pump()).to.deep.equal([0]);
    reader.answer(0, 0);
    expect(reader.catchUp.proof).to.equal(2);
    expect(reader.pump()).to.deep.equal([]);
  });

  it("does not wait for ever for a look that is stuck", () => {
    const reader = new Reader();
    reader.catchUp.wantProof(1);
    reader.pump();
    reader.context.now += settings.repeatTicks;
    expect(reader.pump(), "it would prove all that was wanted").to.deep.equal([]);
    reader.catchUp.wantProof(reader.context.nextRequest);
    expect(reader.pump()).to.deep.equal([0]);
  });

  it("forgets a demand that a later get refutes, but not for an earlier one", () => {
    const reader = new Reader();
    reader.catchUp.wantProof(1);
    reader.pump();
    reader.catchUp.demand(1);
    reader.answer(0, 0);
    expect(reader.pump(), "sent again after the demand").to.deep.equal([0]);
    reader.answer(0, 0);
    expect(reader.pump()).to.deep.equal([]);
  });

  it("asks a store that is unavailable again, later", () => {
    const reader = new Reader();
    reader.catchUp.demand(2);
    const [request] = [...(reader.pump(), reader.open.keys())];
    reader.catchUp.take(request ?? expect.fail());
    reader.catchUp.unavailable();
    expect(reader.pump()).to.deep.equal([]);
    reader.context.now += settings.repeatTicks - 1;
    expect(reader.pump()).to.deep.equal([]);
    reader.context.now += 1;
    expect(reader.pump()).to.deep.equal([0]);
  });
});
