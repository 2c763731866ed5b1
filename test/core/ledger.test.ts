import { expect } from "chai";
import fc from "fast-check";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { LogRecord } from "../../src/core/types.js";
import type { LedgerModel } from "./ledger-model.js";
import { LedgerStory, someEvent } from "./ledger-story.js";
import { entries } from "./samples.js";

const small: LedgerBounds = { producersMax: 3, answersMax: 7, keysMax: 4, keyLengthMax: 9 };

function compare(ledger: Ledger, model: LedgerModel): void {
  expect(ledger.nextProducerId).to.equal(model.nextId);
  expect(ledger.fence).to.deep.equal(model.fence);
  expect(ledger.firstIndex).to.equal(model.firstIndex);
  for (let id = 1; id < model.nextId; id++) {
    const { last = 0, closed } = model.producers.get(id) ?? {};
    for (let sequence = 1; sequence <= last + 1; sequence++) {
      const found = model.find(id, sequence);
      const outcome = ledger.outcomeOf(id, sequence);
      if (found === "expired") expect(outcome).to.deep.equal({ type: "producerExpired" });
      else if (found === "none") {
        const type = closed === true ? "neverCommitted" : "undecided";
        expect(outcome).to.deep.equal({ type, lastSequence: last });
      } else {
        const index = outcome.type === "committed" ? outcome.standing?.firstIndex : "none";
        expect(index, `${id}/${sequence}`).to.equal(found === "forgotten" ? undefined : found);
        const checksum = found === "forgotten" ? undefined : id * 1000 + sequence;
        expect(ledger.answer(id, sequence)?.checksum).to.equal(checksum);
      }
    }
  }
  expect(ledger.outcomeOf(model.nextId, 1)).to.deep.equal({ type: "producerUnknown" });
  for (const key of ["a", "ab", "abc", "abcd", "abcde", "abcdef", "never"]) {
    for (let since = 1; since <= model.nextIndex + 1; since++) {
      const found = ledger.findKey(key, since);
      expect(found.type === "last" ? found.index : found.type).to.equal(model.findKey(key, since));
    }
  }
}

describe("the ledger (PROTOCOL 8)", () => {
  it("answers what a model without bounds on its patience answers", () => {
    fc.assert(
      fc.property(fc.array(someEvent, { minLength: 1, maxLength: 60 }), (events) => {
        const story = new LedgerStory(small);
        const ledger = new Ledger(small);
        for (const event of events) {
          expect(ledger.apply(story.happens(event))).to.equal(true);
          compare(ledger, story.model);
        }
      }),
    );
  });

  it("goes on from a snapshot as the ledger that it was taken of, whoever takes it", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(someEvent, fc.boolean()), { maxLength: 80 }), (events) => {
        const story = new LedgerStory(small);
        const steady = new Ledger(small);
        let restored = new Ledger(small);
        for (const [event, restart] of events) {
          const segment = story.happens(event);
          steady.apply(segment);
          restored.apply(segment);
          if (restart) restored = Ledger.restore(restored.snapshot(), small);
          expect(restored.snapshot()).to.deep.equal(steady.snapshot());
        }
        compare(restored, story.model);
      }),
    );
  });

  it("finds every answer of a producer that it keeps, however often its ring goes round", () => {
    const ledger = new Ledger({ ...small, producersMax: 10, answersMax: 5000 });
    const open: LogRecord = { type: "opened", entryOffset: 0 };
    ledger.apply(entries({ records: [open, open] }));
    const produced = (producerId: number, sequence: number): LogRecord => ({
      type: "produced",
      entryOffset: 0,
      entryCount: 1,
      producerId,
      sequence,
      checksum: 0,
    });
    // The first is slow and the second busy, and the ring goes round several times.
    for (let sequence = 1; sequence <= 20_000; sequence++) {
      const firstIndex = 10 * sequence;
      ledger.apply(entries({ firstIndex, records: [produced(2, sequence)] }));
      if (sequence % 10 > 0) continue;
      ledger.apply(entries({ firstIndex: firstIndex + 5, records: [produced(1, sequence / 10)] }));
    }
    // Of ten answers eleven are kept: 5,000 answers are 4,545 numbers of the second, and a few.
    const kept = (id: number, last: number): number[] =>
      Array.from({ length: last }, (_, i) => i + 1).filter((sequence) => {
        const answer = ledger.answer(id, sequence);
        if (answer !== undefined) {
          const index = id === 1 ? 100 * sequence + 5 : 10 * sequence;
          expect(answer).to.include({ producerId: id, sequence, firstIndex: index });
        }
        return answer !== undefined;
      });
    const [slow, busy] = [kept(1, 2000), kept(2, 20_000)];
    expect(slow.length + busy.length).to.equal(5000);
    expect(slow.at(-1)).to.equal(2000);
    expect(busy).to.have.lengthOf(20_000 - (busy[0] ?? 0) + 1);
  });

  it("refuses what no leader writes", () => {
    const contradictions: readonly LogRecord[] = [
      { type: "closed", entryOffset: 0, producerId: 2, lastSequence: 0 },
      { type: "closed", entryOffset: 0, producerId: 1, lastSequence: 1 },
      { type: "trimmed", entryOffset: 0, firstIndex: 2 },
      ...[
        [2, 1],
        [1, 2],
        [1, 0],
      ].map(([producerId = 0, sequence = 0]): LogRecord => {
        const entryCount = 1;
        return { type: "produced", entryOffset: 0, entryCount, producerId, sequence, checksum: 0 };
      }),
    ];
    for (const record of contradictions) {
      const ledger = new Ledger(ledgerBounds);
      const open: LogRecord = { type: "opened", entryOffset: 0 };
      expect(ledger.apply(entries({ records: [open] }))).to.equal(true);
      expect(ledger.apply(entries({ records: [record] })), record.type).to.equal(false);
    }
    const closed = new Ledger(ledgerBounds);
    const records: readonly LogRecord[] = [
      { type: "opened", entryOffset: 0 },
      { type: "closed", entryOffset: 0, producerId: 1, lastSequence: 0 },
    ];
    expect(closed.apply(entries({ records }))).to.equal(true);
    const after = { type: "produced", entryOffset: 0, entryCount: 1, producerId: 1, sequence: 1 };
    expect(closed.apply(entries({ records: [{ ...after, checksum: 0 } as LogRecord] }))).to.equal(
      false,
    );
  });

  it("tells expired producers from those that never were", () => {
    const ledger = new Ledger(small);
    const open: LogRecord = { type: "opened", entryOffset: 0 };
    ledger.apply(entries({ records: [open, open, open, open] }));
    expect(ledger.outcomeOf(1, 1)).to.deep.equal({ type: "producerExpired" });
    expect(ledger.outcomeOf(4, 1)).to.deep.equal({ type: "undecided", lastSequence: 0 });
    expect(ledger.outcomeOf(5, 1)).to.deep.equal({ type: "producerUnknown" });
    expect(ledger.counts).to.deep.equal({ producers: 3, answers: 0, keys: 0 });
  });
});
