import { expect } from "chai";
import fc from "fast-check";
import { sameEpoch } from "../../src/core/types.js";
import type { Epoch, Segment } from "../../src/core/types.js";
import { advance, judge, logStart } from "../../src/core/walk.js";
import type { Verdict, WalkState } from "../../src/core/walk.js";
import { claim, clusterId, entries, epoch, walkState } from "./samples.js";

describe("the walk rule (PROTOCOL 3)", () => {
  interface Row {
    readonly fact: string;
    readonly state?: WalkState;
    readonly segment: Segment;
    readonly verdict: Verdict;
  }

  const sameTermOther = epoch(1, "b");
  const rows: readonly Row[] = [
    { fact: "the first claim", state: logStart, segment: claim(), verdict: "valid" },
    {
      fact: "a claim of a greater term",
      segment: claim({ position: 1, epoch: epoch(2, "b") }),
      verdict: "valid",
    },
    {
      fact: "a later claim of the same epoch",
      segment: claim({ position: 1, epoch: epoch(1) }),
      verdict: "void",
    },
    {
      fact: "a claim of the same term by another",
      segment: claim({ position: 1, epoch: sameTermOther }),
      verdict: "void",
    },
    {
      fact: "a claim of a lesser term",
      state: walkState({ term: 3, epoch: epoch(3) }),
      segment: claim({ position: 1, epoch: epoch(2, "b") }),
      verdict: "void",
    },
    {
      fact: "a claim of another cluster, whatever its term",
      segment: claim({ position: 1, epoch: epoch(9), clusterId: "another" }),
      verdict: "void",
    },
    { fact: "entries that follow the last valid segment", segment: entries(), verdict: "valid" },
    {
      fact: "entries of another cluster",
      segment: entries({ clusterId: "another" }),
      verdict: "void",
    },
    {
      fact: "entries of an older epoch",
      state: walkState({ term: 2, epoch: epoch(2, "b") }),
      segment: entries(),
      verdict: "void",
    },
    {
      fact: "entries of a greater epoch that has no claim yet",
      segment: entries({ epoch: epoch(2) }),
      verdict: "void",
    },
    {
      fact: "entries of the same term, but another leader",
      segment: entries({ epoch: sameTermOther }),
      verdict: "void",
    },
    {
      fact: "entries of the same term and leader, but another nonce",
      segment: entries({ epoch: { ...epoch(1), nonce: "another" } }),
      verdict: "void",
    },
    {
      fact: "entries whose predecessor stands elsewhere",
      state: walkState({ tail: 2 }),
      segment: entries({ position: 2, previous: { position: 1, checksum: 0 } }),
      verdict: "void",
    },
    {
      fact: "entries whose predecessor has other bytes",
      segment: entries({ previous: { position: 0, checksum: 7 } }),
      verdict: "void",
    },
    {
      fact: "entries before any claim",
      state: logStart,
      segment: entries({ position: 0 }),
      verdict: "void",
    },
    {
      fact: "entries of the chain with a gap in the indexes",
      segment: entries({ firstIndex: 2 }),
      verdict: "corrupt",
    },
    {
      fact: "entries of the chain that repeat an index",
      state: walkState({ nextIndex: 3 }),
      segment: entries({ firstIndex: 2 }),
      verdict: "corrupt",
    },
    {
      fact: "entries of the chain with a lesser timestamp",
      state: walkState({ timestampMs: 1001 }),
      segment: entries({ timestampMs: 1000 }),
      verdict: "corrupt",
    },
    {
      fact: "entries with the timestamp of those before them",
      state: walkState({ timestampMs: 1000 }),
      segment: entries({ timestampMs: 1000 }),
      verdict: "valid",
    },
    {
      fact: "a void with a wrong index",
      segment: entries({ epoch: epoch(2), firstIndex: 99 }),
      verdict: "void",
    },
  ];
  for (const { fact, state = walkState(), segment, verdict } of rows) {
    it(`finds ${fact} ${verdict}`, () => {
      expect(judge(state, segment, clusterId)).to.equal(verdict);
    });
  }

  it("takes epoch, window and predecessor from a valid claim, and keeps the index", () => {
    const state = walkState({ nextIndex: 5, timestampMs: 900 });
    const segment = claim({ position: 1, checksum: 42, epoch: epoch(4, "b"), window: 9 });
    expect(advance(state, segment, "valid")).to.deep.equal({
      tail: 2,
      epoch: epoch(4, "b"),
      term: 4,
      window: 9,
      last: { position: 1, checksum: 42 },
      nextIndex: 5,
      timestampMs: 900,
      sizeBytes: 10,
    });
  });

  it("counts the entries of a valid segment", () => {
    const segment = entries({ checksum: 42, entryCount: 3, timestampMs: 1234 });
    expect(advance(walkState(), segment, "valid")).to.deep.equal(
      walkState({
        tail: 2,
        last: { position: 1, checksum: 42 },
        nextIndex: 4,
        timestampMs: 1234,
        sizeBytes: 10,
      }),
    );
  });

  it("moves nothing but the tail over a void", () => {
    const segment = claim({ position: 1, checksum: 42, epoch: epoch(1, "b"), window: 99 });
    expect(advance(walkState(), segment, "void")).to.deep.equal(walkState({ tail: 2 }));
  });
});

describe("walks over one store (PROTOCOL 3, 11.2-11.4)", () => {
  /** Few terms, leaders and checksums, so that segments often follow one another. */
  const someEpoch = fc.record({
    term: fc.integer({ min: 1, max: 4 }),
    leaderId: fc.constantFrom("a", "b"),
    nonce: fc.constantFrom("n1", "n2"),
  });
  const someSegment = fc.record({
    isClaim: fc.boolean(),
    epoch: someEpoch,
    back: fc.integer({ min: 1, max: 3 }),
    checksum: fc.integer({ min: 0, max: 1 }),
    fits: fc.integer({ min: 0, max: 3 }),
    ours: fc.integer({ min: 0, max: 9 }),
  });

  interface Sketch {
    readonly isClaim: boolean;
    readonly epoch: Epoch;
    readonly back: number;
    readonly checksum: number;
    readonly fits: number;
    readonly ours: number;
  }

  /** Objects as any number of nodes may have left them; most name what really stands before them. */
  function storeOf(sketches: readonly Sketch[]): readonly Segment[] {
    let state = logStart;
    const store: Segment[] = [];
    sketches.forEach((sketch, position) => {
      const cluster = sketch.ours === 0 ? "another" : clusterId;
      const at = { position, checksum: sketch.checksum, clusterId: cluster };
      const follows = sketch.fits > 0 && state.last !== undefined;
      const segment: Segment = sketch.isClaim
        ? claim({ ...at, epoch: sketch.epoch })
        : entries({
            ...at,
            epoch: follows ? (state.epoch ?? sketch.epoch) : sketch.epoch,
            previous:
              follows && state.last !== undefined
                ? state.last
                : { position: position - sketch.back, checksum: sketch.checksum },
            firstIndex: state.nextIndex,
            entryCount: sketch.back,
            timestampMs: state.timestampMs + sketch.fits,
          });
      store.push(segment);
      const verdict = judge(state, segment, clusterId);
      state = advance(state, segment, verdict === "corrupt" ? "void" : verdict);
    });
    return store;
  }

  interface Step {
    readonly state: WalkState;
    readonly segment: Segment;
    readonly valid: boolean;
  }

  function walk(store: readonly Segment[]): readonly Step[] {
    const steps: Step[] = [];
    let state = logStart;
    for (const segment of store) {
      const verdict = judge(state, segment, clusterId);
      if (verdict === "corrupt") break;
      state = advance(state, segment, verdict);
      steps.push({ state, segment, valid: verdict === "valid" });
    }
    return steps;
  }

  const someStore = fc.array(someSegment, { maxLength: 24 }).map(storeOf);

  it("agree on every position below the lesser tail", () => {
    fc.assert(
      fc.property(someStore, fc.nat(24), fc.nat(24), (store, one, other) => {
        const shorter = walk(store.slice(0, Math.min(one, other)));
        const longer = walk(store.slice(0, Math.max(one, other)));
        expect(longer.slice(0, shorter.length)).to.deep.equal(shorter);
      }),
    );
  });

  it("end alike when one of them begins where the other has been", () => {
    fc.assert(
      fc.property(someStore, fc.nat(24), (store, from) => {
        const whole = walk(store);
        let state = whole[from]?.state ?? logStart;
        for (const { segment } of from < whole.length ? whole.slice(from + 1) : whole) {
          const verdict = judge(state, segment, clusterId);
          state = advance(state, segment, verdict === "valid" ? "valid" : "void");
        }
        expect(state).to.deep.equal(whole.at(-1)?.state ?? logStart);
      }),
    );
  });

  it("find terms that increase, one epoch for each, and dense indexes", () => {
    let valid = 0;
    fc.assert(
      fc.property(someStore, (store) => {
        let term = 0;
        let current: Epoch | undefined;
        let nextIndex = 1;
        for (const { segment, valid: isValid } of walk(store)) {
          if (!isValid) continue;
          valid++;
          if (segment.type === "claim") {
            expect(segment.epoch.term).to.be.greaterThan(term);
            term = segment.epoch.term;
            current = segment.epoch;
          } else {
            expect(sameEpoch(segment.epoch, current)).to.equal(true);
            expect(segment.firstIndex).to.equal(nextIndex);
            nextIndex += segment.entryCount;
          }
        }
      }),
    );
    expect(valid, "the stores hold valid segments").to.be.greaterThan(100);
  });
});
