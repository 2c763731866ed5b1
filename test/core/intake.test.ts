import { expect } from "chai";
import fc from "fast-check";
import { CatchUp } from "../../src/core/catch-up.js";
import { Intake } from "../../src/core/intake.js";
import { KnownLog } from "../../src/core/known-log.js";
import { Sent } from "../../src/core/sent.js";
import type { Effect } from "../../src/core/protocol.js";
import type { Append, AppendOptions } from "../../src/core/types.js";
import { clusterId, context, entries, membersNamed } from "./samples.js";

interface Numbered extends Append {
  readonly number: number;
}

const streams = [{ name: "s" }, { name: "t" }] as const;

const someStep = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("push" as const),
      stream: fc.constantFrom(undefined, ...streams),
      ahead: fc.constantFrom(undefined, undefined, undefined, 0, 1, 2),
      sizeBytes: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("take", "commit", "prove") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("die" as const), keep: fc.nat(3) }) },
);

type Step = typeof someStep extends fc.Arbitrary<infer T> ? T : never;

/** A leader's intake, and the chain of the batches that were taken of it. */
class Bench {
  readonly context = context();
  readonly log = new KnownLog(clusterId, membersNamed("a", "b", "c"));
  readonly catchUp = new CatchUp(this.context, this.log);
  readonly intake = new Intake(this.context, this.log, this.catchUp);
  readonly committed: Numbered[] = [];
  readonly effects: Effect[] = [];
  chain: Sent[] = [];
  nextIndex = 1;
  pushed = 0;

  step(step: Step): void {
    if (step.type === "push") this.#push(step);
    else if (step.type === "take") this.take();
    else if (step.type === "commit") this.commit();
    else if (step.type === "die") this.#die(step.keep);
    else this.prove();
  }

  /** Expects the index that comes after so many entries more. */
  #push(step: Step & { readonly type: "push" }): void {
    const { stream, ahead, sizeBytes } = step;
    if (stream !== undefined && this.#refused.has(stream)) return;
    const options: AppendOptions | undefined =
      ahead === undefined ? undefined : { expectedNextIndex: this.#endIndex + ahead };
    const append: Numbered = {
      number: this.pushed++,
      entryCount: 1,
      sizeBytes,
      ...(stream && { stream }),
      ...(options && { options }),
    };
    this.intake.push(append);
  }

  /** Its host gives nothing more of a stream once it was refused. */
  get #refused(): ReadonlySet<object | undefined> {
    return new Set(
      this.effects.map((effect) => (effect.type === "answered" ? effect.append.stream : undefined)),
    );
  }

  get #endIndex(): number {
    return this.chain.reduce((index, { appends }) => index + appends.length, this.nextIndex);
  }

  take(): void {
    if (!this.intake.hasQueued) return this.#pump();
    const firstIndex = this.#endIndex;
    const batch = this.intake.take(firstIndex, this.chain.at(-1));
    if (batch !== undefined) {
      const { appends, entryCount, records, keys } = batch;
      const segment = entries({ firstIndex, entryCount, records, keys });
      const sent = new Sent(this.context, segment, appends);
      sent.send();
      this.chain.push(sent);
      this.intake.sent(sent);
    }
    this.#pump();
  }

  commit(): void {
    const first = this.chain.shift();
    if (first === undefined || first.segment.type === "claim") return;
    this.log.ledger.apply(first.segment);
    this.intake.committed(first.segment);
    first.committed = true;
    this.nextIndex += first.segment.entryCount;
    this.committed.push(...(first.appends as readonly Numbered[]));
    this.catchUp.prove(first.firstRequest);
    this.#pump();
  }

  #die(keep: number): void {
    const dead = this.chain.splice(keep);
    for (const sent of dead) sent.dead = true;
    this.intake.takeBack(dead, this.chain);
    this.#pump();
  }

  prove(): void {
    this.catchUp.prove(this.context.newRequest());
    this.#pump();
  }

  #pump(): void {
    this.intake.pump(this.chain.length > 0 || this.intake.hasQueued);
    const told = this.context.takeEffects();
    this.effects.push(...told.filter(({ type }) => type === "answered" || type === "returned"));
  }

  end(): void {
    for (let rounds = 0; !this.intake.isEmpty || this.chain.length > 0; rounds++) {
      this.take();
      this.commit();
      this.prove();
      expect(rounds).to.be.lessThan(1000);
    }
  }

  /** Numbers of appends by what became of them, in the order in which that became known. */
  get told() {
    const answered: Numbered[] = [];
    const returned: Numbered[] = [];
    for (const effect of this.effects) {
      if (effect.type === "answered") answered.push(effect.append as Numbered);
      if (effect.type === "returned") returned.push(...(effect.appends as readonly Numbered[]));
    }
    return { answered, returned };
  }
}

describe("what a leader takes in (PROTOCOL 4.3, 8)", () => {
  it("is committed, answered or returned, each once and in order, whatever dies", () => {
    const sums = { committed: 0, answered: 0, returned: 0 };
    fc.assert(
      fc.property(fc.array(someStep, { maxLength: 80, size: "max" }), (steps) => {
        const bench = new Bench();
        for (const step of steps) bench.step(step);
        bench.end();
        const { committed } = bench;
        const { answered, returned } = bench.told;
        const all = [...committed, ...answered, ...returned].map(({ number }) => number);
        expect(all.toSorted((a, b) => a - b)).to.deep.equal(all.map((_, number) => number));
        expect(all).to.have.lengthOf(bench.pushed);
        expect(committed.map(({ number }) => number)).to.deep.equal(
          committed.map(({ number }) => number).toSorted((a, b) => a - b),
        );
        for (const stream of streams) {
          const refused = answered.find((append) => append.stream === stream)?.number ?? Infinity;
          const made = committed.filter((append) => append.stream === stream);
          const back = returned.filter((append) => append.stream === stream);
          expect(made.every(({ number }) => number < refused)).to.equal(true);
          expect(back.every(({ number }) => number > refused)).to.equal(true);
        }
        expect(returned.every(({ stream }) => stream !== undefined)).to.equal(true);
        expect(bench.intake.sizeBytes).to.equal(0);
        sums.committed += committed.length;
        sums.answered += answered.length;
        sums.returned += returned.length;
      }),
      { numRuns: 300 },
    );
    for (const [what, sum] of Object.entries(sums)) expect(sum, what).to.be.greaterThan(100);
  });

  it("gives no verdict before its basis is committed, however late the proof", () => {
    const bench = new Bench();
    bench.step({ type: "push", stream: undefined, ahead: undefined, sizeBytes: 1 });
    bench.take();
    bench.step({ type: "push", stream: undefined, ahead: 1, sizeBytes: 1 });
    bench.take();
    bench.prove();
    expect(bench.told.answered).to.deep.equal([]);
    bench.commit();
    expect(bench.told.answered).to.have.lengthOf(1);
  });

  it("gives no verdict by a proof from before it was judged", () => {
    const bench = new Bench();
    bench.prove();
    bench.step({ type: "push", stream: undefined, ahead: 1, sizeBytes: 1 });
    bench.take();
    expect(bench.told.answered).to.deep.equal([]);
    bench.prove();
    expect(bench.told.answered).to.have.lengthOf(1);
  });
});
