import { expect } from "chai";
import { Sent } from "../../src/core/sent.js";
import type { Context } from "../../src/core/context.js";
import type { CreateOutcome } from "../../src/core/protocol.js";
import { context, entries, settings } from "./samples.js";

describe("one sent segment (PROTOCOL 2)", () => {
  function send(): { sent: Sent; shared: Context } {
    const shared = context();
    const sent = new Sent(shared, entries({ position: 3 }), []);
    sent.send();
    shared.takeEffects();
    return { sent, shared };
  }

  function wait(shared: Context, sent: Sent, ticks: number): readonly string[] {
    for (let tick = 0; tick < ticks; tick++) {
      shared.now++;
      sent.tick();
    }
    return shared.takeEffects().map(({ type }) => type);
  }

  it("repeats the same segment once the store may be asked again, and not before", () => {
    for (const outcome of ["unknown", "refused"] as const) {
      const { sent, shared } = send();
      expect(sent.answered(outcome)).to.equal(undefined);
      expect(wait(shared, sent, settings.repeatTicks - 1)).to.deep.equal([]);
      shared.now++;
      const request = sent.tick();
      expect(shared.takeEffects()).to.deep.equal([
        { type: "create", request, segment: sent.segment },
      ]);
    }
  });

  it("sends no second request while one is under way", () => {
    const { sent, shared } = send();
    expect(wait(shared, sent, 100)).to.deep.equal([]);
    sent.answered("exists");
    expect(wait(shared, sent, 100)).to.deep.equal(["get"]);
  });

  it("reads back at once what exists, and again what had no answer", () => {
    const { sent, shared } = send();
    const request = sent.answered("exists");
    expect(shared.takeEffects()).to.deep.equal([{ type: "get", request, position: 3 }]);
    sent.readBackFailed();
    expect(wait(shared, sent, settings.repeatTicks - 1)).to.deep.equal([]);
    expect(wait(shared, sent, 1)).to.deep.equal(["get"]);
  });

  it("asks nothing more once it is known what stands", () => {
    const { sent, shared } = send();
    sent.answered("unknown");
    sent.settle();
    expect(sent.known).to.equal(true);
    expect(wait(shared, sent, 100)).to.deep.equal([]);
  });

  interface Row {
    readonly fact: string;
    readonly outcomes: readonly Exclude<CreateOutcome, "created">[];
    /** Whether a create is sent again after the last outcome. */
    readonly again?: boolean;
    readonly certain: boolean;
  }

  const rows: readonly Row[] = [
    { fact: "a create under way", outcomes: [], certain: false },
    { fact: "one refused try", outcomes: ["refused"], certain: true },
    { fact: "refused tries only", outcomes: ["refused", "refused"], certain: true },
    { fact: "a try after a refused one", outcomes: ["refused"], again: true, certain: false },
    { fact: "an unknown try", outcomes: ["unknown"], certain: false },
    {
      fact: "a refused try after an unknown one",
      outcomes: ["unknown", "refused"],
      certain: false,
    },
    {
      fact: "an unknown try after a refused one",
      outcomes: ["refused", "unknown"],
      certain: false,
    },
    { fact: "a name that exists", outcomes: ["exists"], certain: false },
  ];
  for (const { fact, outcomes, again = false, certain } of rows) {
    it(`${certain ? "is certain" : "is not certain"} of ${fact} (PROTOCOL 4.6)`, () => {
      const { sent, shared } = send();
      outcomes.forEach((outcome, index) => {
        sent.answered(outcome);
        const isLast = index === outcomes.length - 1;
        if (!isLast || again) wait(shared, sent, settings.repeatTicks);
      });
      expect(sent.certainlyNotStored).to.equal(certain);
    });
  }

  it("is not certain of a read-back that failed", () => {
    const { sent } = send();
    sent.answered("exists");
    sent.readBackFailed();
    expect(sent.certainlyNotStored).to.equal(false);
  });
});
