import { expect } from "chai";
import fc from "fast-check";
import { KnownLog } from "../../src/core/known-log.js";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { OpenLedger } from "../../src/core/open-ledger.js";
import { logStart } from "../../src/core/walk.js";
import type { EntriesSegment } from "../../src/core/types.js";
import { LedgerStory, someEvent } from "./ledger-story.js";
import { clusterId, membersNamed } from "./samples.js";

/** A leader's open batches, and the ledger below them. */
class Chain {
  readonly ledger = new Ledger(ledgerBounds);
  readonly open = new OpenLedger(
    new KnownLog(clusterId, membersNamed("a", "b", "c"), logStart, this.ledger),
  );
  readonly committed: EntriesSegment[] = [];
  batches: EntriesSegment[] = [];

  add(segment: EntriesSegment): void {
    const { firstIndex, records, keys } = segment;
    for (const record of records) this.open.note(record, firstIndex + record.entryOffset);
    for (const { offset, key } of keys) this.open.noteKey(key, firstIndex + offset);
    this.batches.push(segment);
  }

  commit(): void {
    const [first, ...rest] = this.batches;
    if (first === undefined) return;
    this.batches = rest;
    this.committed.push(first);
    this.ledger.apply(first);
    this.open.committed(first);
  }

  die(count: number): void {
    this.batches = this.batches.slice(0, count);
    this.open.rebuild(this.batches);
  }

  /** What the ledger will be once all is committed. */
  get whole(): Ledger {
    const whole = Ledger.restore(this.ledger.snapshot(), ledgerBounds);
    for (const segment of this.batches) whole.apply(segment);
    return whole;
  }
}

function compare(open: OpenLedger, whole: Ledger): void {
  expect(open.nextProducerId).to.equal(whole.nextProducerId);
  expect(open.fence).to.deep.equal(whole.fence);
  expect(open.firstIndex).to.equal(whole.firstIndex);
  for (let id = 1; id <= whole.nextProducerId; id++) {
    const known = whole.producer(id);
    expect(open.producer(id)?.lastSequence).to.equal(known?.lastSequence);
    expect(open.producer(id)?.closed).to.equal(known?.closed);
    for (let sequence = 1; sequence <= (known?.lastSequence ?? 0) + 1; sequence++) {
      const checksum = whole.answer(id, sequence)?.checksum;
      expect(open.checksumOf(id, sequence)).to.equal(checksum);
    }
  }
  for (const key of ["a", "ab", "abc", "never"]) {
    for (const since of [1, 5, 20, 60]) {
      expect(open.findKey(key, since)).to.deep.equal(whole.findKey(key, since));
    }
  }
}

describe("the ledger behind the open batches (PROTOCOL 8)", () => {
  it("is what the ledger will be once they are committed, whatever dies before", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: someEvent },
      { weight: 2, arbitrary: fc.constant("commit" as const) },
      { weight: 1, arbitrary: fc.record({ keep: fc.nat(4) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const chain = new Chain();
        for (const next of steps) {
          if (next === "commit") chain.commit();
          else if ("keep" in next) chain.die(next.keep);
          else {
            const story = new LedgerStory(ledgerBounds, [...chain.committed, ...chain.batches]);
            chain.add(story.happens(next));
          }
          compare(chain.open, chain.whole);
        }
        while (chain.batches.length > 0) chain.commit();
        compare(chain.open, chain.ledger);
      }),
    );
  });
});
