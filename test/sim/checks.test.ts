import { expect } from "chai";

import { Bench, broken, claimAt, entriesAt, epochOf, IdleCore } from "./bad-logs.js";
import { makePlan } from "./plan.js";
import { run } from "./run.js";

describe("the judge of what is sent", () => {
  it("finds other bytes under a name already used", () => {
    const bench = new Bench();
    const claim = bench.claim();
    const [one, other] = [bench.append(), bench.append()];
    const options = { after: claim, firstIndex: 1 };
    bench.land(entriesAt(1, epochOf(1), { ...options, appends: [one] }));
    const rewritten = entriesAt(1, epochOf(1), { ...options, appends: [other] });
    expect(broken(() => bench.process.sent(rewritten, 9))).to.equal("one-content");
  });

  it("finds an epoch that two processes use", () => {
    const bench = new Bench();
    bench.claim();
    const second = bench.processOf(2, "n1");
    expect(broken(() => second.sent(claimAt(1, epochOf(1)), 0))).to.equal("epoch-owner");
  });

  it("finds a name that is created again too soon, or twice at once", () => {
    const bench = new Bench();
    const claim = bench.claim();
    expect(broken(() => bench.process.sent(claim, 2))).to.equal("repeat-pace");
    expect(broken(() => bench.process.sent(claim, 3))).to.equal("none");
    expect(broken(() => bench.process.sent(claim, 9))).to.equal("create-twice");
  });

  it("finds a batch beyond the window", () => {
    const bench = new Bench();
    const claim = bench.claim();
    const at = (position: number) =>
      entriesAt(position, epochOf(1), { after: claim, firstIndex: 1, appends: [bench.append()] });
    expect(broken(() => bench.process.sent(at(2), 0))).to.equal("none");
    expect(broken(() => bench.process.sent(at(3), 0))).to.equal("window");
  });

  it("finds a batch before the claim is committed, or with a gap below", () => {
    const bench = new Bench();
    const claim = claimAt(0, epochOf(1));
    const batch = (position: number) =>
      entriesAt(position, epochOf(1), { after: claim, firstIndex: 1, appends: [bench.append()] });
    bench.process.sent(claim, 0);
    expect(broken(() => bench.process.sent(batch(1), 0))).to.equal("lead-early");
    bench.run.log.landed(claim);
    bench.process.createAnswered(claim, "created");
    bench.process.sent(claimAt(2, epochOf(1)), 0);
    const above = new Bench();
    above.claim();
    above.process.sent(claimAt(3, epochOf(1)), 0);
    const early = entriesAt(1, epochOf(1), { after: claim, firstIndex: 1, appends: [] });
    expect(broken(() => above.process.sent(early, 0))).to.equal("fill-gap");
  });
});

describe("the judge of what is acknowledged", () => {
  it("finds an announcement that the true log does not hold", () => {
    const bench = new Bench();
    const claim = bench.claim();
    const append = bench.append();
    const batch = entriesAt(1, epochOf(1), { after: claim, firstIndex: 1, appends: [append] });
    bench.process.sent(batch, 0);
    expect(broken(() => bench.process.committed(batch, [append]))).to.equal("walk-disagrees");
    bench.run.log.landed(batch);
    expect(broken(() => bench.process.committed(batch, [append]))).to.equal("none");
  });

  it("finds a segment announced twice or left out", () => {
    const bench = new Bench();
    const claim = bench.claim();
    expect(broken(() => bench.process.committed(claim, []))).to.equal("walk-disagrees");
    const next = bench.land(claimAt(1, epochOf(2)));
    const last = bench.land(claimAt(2, epochOf(3)));
    expect(broken(() => bench.process.committed(last, []))).to.equal("walk-disagrees");
    expect(broken(() => bench.process.committed(next, []))).to.equal("none");
  });

  it("finds appends acknowledged that the segment does not hold, and a missing one", () => {
    const bench = new Bench();
    const claim = bench.claim();
    const [inside, outside] = [bench.append(), bench.append()];
    const options = { after: claim, firstIndex: 1, appends: [inside] };
    const batch = bench.land(entriesAt(1, epochOf(1), options));
    expect(broken(() => bench.process.committed(batch, [outside]))).to.equal("ack-other");
    const silent = new Bench();
    const first = silent.claim();
    const own = silent.append();
    const landed = silent.land(
      entriesAt(1, epochOf(1), { after: first, firstIndex: 1, appends: [own] }),
    );
    expect(broken(() => silent.process.committed(landed, []))).to.equal("ack-missing");
  });

  it("finds a second fate", () => {
    const bench = new Bench();
    const append = bench.append();
    bench.process.returned([append], "notLeader");
    expect(broken(() => bench.process.unknown([append]))).to.equal("one-fate");
  });
});

describe("the judge of what is returned", () => {
  function sentBatch() {
    const bench = new Bench();
    const claim = bench.claim();
    const append = bench.append();
    const batch = entriesAt(1, epochOf(1), { after: claim, firstIndex: 1, appends: [append] });
    bench.process.sent(batch, 0);
    return { bench, append, batch };
  }

  it("finds an append returned whose create may still land", () => {
    const { bench, append, batch } = sentBatch();
    bench.process.createAnswered(batch, "unknown");
    expect(broken(() => bench.process.returned([append], ""))).to.equal("returned-open");
  });

  it("holds an append for certain below which a greater claim stands, or a void, or nothing was stored", () => {
    const outranked = sentBatch();
    outranked.bench.run.log.landed(claimAt(1, epochOf(2, "n2")));
    expect(broken(() => outranked.bench.process.returned([outranked.append], ""))).to.equal("none");
    const displaced = sentBatch();
    displaced.bench.run.log.landed(claimAt(1, epochOf(1, "n2")));
    expect(broken(() => displaced.bench.process.returned([displaced.append], ""))).to.equal("none");
    const refused = sentBatch();
    refused.bench.process.createAnswered(refused.batch, "refused");
    expect(broken(() => refused.bench.process.returned([refused.append], ""))).to.equal("none");
  });

  it("finds a returned append in the log, whenever it lands", () => {
    const { bench, append, batch } = sentBatch();
    append.fate = "returned";
    expect(broken(() => bench.run.log.landed(batch))).to.equal("returned-in-log");
  });

  it("finds an append that was never sent and is called unknown", () => {
    const bench = new Bench();
    bench.process.unknown([bench.append()]);
    expect(broken(() => bench.process.stepped())).to.equal("unknown-unsent");
  });
});

describe("the judge of reads and of what is said", () => {
  it("finds a read that misses what stood when it began", () => {
    const bench = new Bench();
    const claim = bench.claim();
    const reader = bench.processOf(2, "n2");
    const append = bench.append();
    const batch = bench.land(
      entriesAt(1, epochOf(1), { after: claim, firstIndex: 1, appends: [append] }),
    );
    reader.committed(claim, []);
    reader.readBegan(100);
    expect(broken(() => reader.readReady(100))).to.equal("stale-read");
    reader.readBegan(101);
    reader.committed(batch, []);
    expect(broken(() => reader.readReady(101))).to.equal("none");
  });

  it("finds a read answered twice, or after it was cancelled", () => {
    const { process } = new Bench();
    process.readBegan(1);
    process.readReady(1);
    expect(broken(() => process.readReady(1))).to.equal("read-answer");
    process.readBegan(2);
    process.readCancelled(2);
    expect(broken(() => process.readFailed(2))).to.equal("read-answer");
  });

  it("finds a tail that is false or moves back, and a leader without a claim", () => {
    const bench = new Bench();
    bench.claim();
    const say = (tailPosition: number, term = 1) =>
      broken(() =>
        bench.process.said({
          type: "heartbeatRequest",
          epoch: epochOf(term),
          leading: true,
          tailPosition,
          nextIndex: 1,
          greatestLease: undefined,
          replyWanted: false,
        }),
      );
    expect(say(2)).to.equal("false-tail");
    expect(say(1)).to.equal("none");
    expect(say(0)).to.equal("tail-moves-back");
    expect(say(1, 2)).to.equal("lead-early");
  });

  it("finds a process that goes on after damage or after its end", () => {
    const damaged = new Bench();
    damaged.process.foundDamaged(0);
    expect(broken(() => damaged.process.stepped())).to.equal("no-fault");
    const stopped = new Bench();
    stopped.process.stopped();
    expect(broken(() => stopped.process.sent(claimAt(0, epochOf(1)), 0))).to.equal("after-end");
  });
});

describe("the judge of the log itself", () => {
  it("finds a gap in the indexes, a timestamp that falls and appends out of order", () => {
    const entries = (firstIndex: number, timestampMs: number, swap = false) => {
      const bench = new Bench();
      const claim = bench.claim();
      const [one, two] = [bench.append(), bench.append()];
      const [first, second] = swap ? [two, one] : [one, two];
      const head = entriesAt(1, epochOf(1), {
        after: claim,
        firstIndex: 1,
        appends: [first],
        timestampMs: 5,
      });
      bench.run.log.landed(head);
      const rest = entriesAt(2, epochOf(1), {
        after: head,
        firstIndex,
        appends: [second],
        timestampMs,
      });
      return broken(() => bench.run.log.landed(rest));
    };
    expect(entries(2, 5)).to.equal("none");
    expect(entries(3, 5)).to.equal("dense-index");
    expect(entries(2, 4)).to.equal("timestamp-order");
    expect(entries(2, 5, true)).to.equal("append-order");
  });
});

describe("the bound on recovery", () => {
  it("finds a cluster that elects nobody", () => {
    const plan = makePlan(1);
    const { violation } = run({ plan, makeCore: () => new IdleCore() });
    expect(violation?.rule).to.equal("liveness");
  });
});
