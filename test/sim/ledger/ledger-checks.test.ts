import { expect } from "chai";

import { Ledger } from "../../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../../src/core/ledger/snapshot.js";
import type { Refusal } from "../../../src/core/protocol.js";
import type { AppendOptions, Segment } from "../../../src/core/types.js";
import { Bench, broken, entriesAt, epochOf } from "../bad-logs.js";
import type { Demand, SimAppend, SimStream } from "../content.js";

function number(producerId: number, sequence: number, checksum = 0): AppendOptions {
  return { producer: { producerId, sequence, checksum } };
}

/** A leader whose appends land at once, one a segment, with the records that belong to them. */
class Story {
  readonly bench = new Bench();
  #last: Segment = this.bench.claim();
  #nextIndex = 1;

  /** An append begins. */
  begin(options: AppendOptions = {}, demand: Partial<Demand> = {}): SimAppend {
    return this.bench.append(undefined, undefined, { options, ...demand });
  }

  /** The append lands, and is acknowledged. */
  land(append: SimAppend, openedIds: readonly number[] = []): void {
    const segment = this.segmentOf(append);
    this.bench.land(segment);
    this.#last = segment;
    this.#nextIndex += append.entryCount;
    this.bench.process.committed(segment, [append], openedIds);
  }

  segmentOf(append: SimAppend): Segment {
    const position = this.#last.position + 1;
    const options = { after: this.#last, firstIndex: this.#nextIndex, appends: [append] };
    return entriesAt(position, epochOf(1), { ...options, ledger: this.bench.run.log.ledger });
  }

  made(options: AppendOptions = {}, demand: Partial<Demand> = {}): SimAppend {
    const append = this.begin(options, demand);
    this.land(append);
    return append;
  }

  open(): void {
    this.land(this.begin({ control: { type: "open" } }, { entryCount: 0 }), [
      this.bench.run.log.ledger.nextProducerId,
    ]);
  }

  refused(append: SimAppend, refusal: Refusal): string {
    return broken(() => this.bench.process.answered(append, { type: "refused", refusal }));
  }
}

describe("the judge of refusals", () => {
  const mismatch = (nextIndex: number): Refusal => ({ type: "indexMismatch", nextIndex });

  it("accepts one that was true between the append's beginning and the answer", () => {
    const story = new Story();
    story.made();
    const [early, late, later] = [1, 1, 1].map(() => story.begin({ expectedNextIndex: 9 }));
    if (early === undefined || late === undefined || later === undefined) throw new Error("three");
    expect(story.refused(early, mismatch(2))).to.equal("none");
    story.made();
    expect(story.refused(late, mismatch(3))).to.equal("none");
    expect(story.refused(later, mismatch(2))).to.equal("none");
  });

  it("finds one that was true before only, or is not true yet, or would not refuse", () => {
    const before = new Story();
    before.made();
    const append = before.begin({ expectedNextIndex: 9 });
    expect(before.refused(append, mismatch(1))).to.equal("false-refusal");
    const after = new Story();
    after.made();
    expect(after.refused(after.begin({ expectedNextIndex: 9 }), mismatch(3))).to.equal(
      "false-refusal",
    );
    const fits = new Story();
    fits.made();
    expect(fits.refused(fits.begin({ expectedNextIndex: 2 }), mismatch(2))).to.equal(
      "false-refusal",
    );
  });

  it("finds a condition that was judged before a repeat was recognised", () => {
    const story = new Story();
    story.open();
    story.made(number(1, 1));
    const repeat = story.begin({ ...number(1, 1), expectedNextIndex: 9 });
    expect(story.refused(repeat, mismatch(2))).to.equal("false-refusal");
    const next = story.begin({ ...number(1, 2), expectedNextIndex: 9 });
    expect(story.refused(next, mismatch(2))).to.equal("none");
  });

  it("knows what is true of producers, tokens, keys and trimming", () => {
    const cases: readonly (readonly [AppendOptions, Refusal, string])[] = [
      [number(1, 4), { type: "sequenceGap", producerId: 1, lastSequence: 2 }, "none"],
      [number(1, 3), { type: "sequenceGap", producerId: 1, lastSequence: 2 }, "false-refusal"],
      [number(1, 4), { type: "sequenceGap", producerId: 1, lastSequence: 1 }, "false-refusal"],
      [number(1, 2, 7), { type: "sequenceReused", producerId: 1, sequence: 2 }, "none"],
      [number(1, 2), { type: "sequenceReused", producerId: 1, sequence: 2 }, "false-refusal"],
      [number(9, 1), { type: "producerUnknown", producerId: 9 }, "none"],
      [number(1, 3), { type: "producerUnknown", producerId: 1 }, "false-refusal"],
      [number(1, 3), { type: "producerExpired", producerId: 1 }, "false-refusal"],
      [number(2, 1), { type: "producerClosed", producerId: 2, lastSequence: 0 }, "none"],
      [number(1, 3), { type: "producerClosed", producerId: 1, lastSequence: 2 }, "false-refusal"],
      [{ fencingToken: "s" }, { type: "fenced", sinceIndex: 3 }, "none"],
      [{ fencingToken: "t" }, { type: "fenced", sinceIndex: 3 }, "false-refusal"],
      [{ fencingToken: "s" }, { type: "fenced", sinceIndex: 2 }, "false-refusal"],
      [
        { keyConditions: [{ key: "k", sinceIndex: 4 }] },
        { type: "keyConflict", key: "k", index: 4 },
        "none",
      ],
      [
        { keyConditions: [{ key: "k", sinceIndex: 5 }] },
        { type: "keyConflict", key: "k", index: 4 },
        "false-refusal",
      ],
      [
        { keyConditions: [{ key: "n", sinceIndex: 1 }] },
        { type: "keyForgotten", key: "n", reachIndex: 2 },
        "false-refusal",
      ],
      [
        { control: { type: "trim", firstIndex: 6 } },
        { type: "trimBeyondTail", nextIndex: 5 },
        "none",
      ],
      [
        { control: { type: "trim", firstIndex: 5 } },
        { type: "trimBeyondTail", nextIndex: 5 },
        "false-refusal",
      ],
      [
        { control: { type: "trim", firstIndex: 2, expectedFirstIndex: 2 } },
        { type: "trimConflict", firstIndex: 1 },
        "none",
      ],
    ];
    for (const [options, refusal, rule] of cases) {
      const story = new Story();
      story.open();
      story.open();
      story.made(number(1, 1));
      story.made(number(1, 2));
      story.made({ setFencingToken: "t" });
      story.made({}, { keys: [{ offset: 0, key: "k" }] });
      story.made({ control: { type: "close", producerId: 2 } }, { entryCount: 0 });
      const append = story.begin(options);
      expect(story.refused(append, refusal), JSON.stringify([options, refusal])).to.equal(rule);
    }
  });

  it("finds an append behind a refusal of its stream, and one that is not begun for no reason", () => {
    const stream: SimStream = { refusedId: Infinity, loggedId: 0 };
    const story = new Story();
    const first = story.begin({ expectedNextIndex: 9 }, { stream });
    story.made({}, { stream });
    expect(story.refused(first, mismatch(1))).to.equal("begun-behind-refusal");
    const later = new Story();
    const other: SimStream = { refusedId: Infinity, loggedId: 0 };
    const refused = later.begin({ expectedNextIndex: 9 }, { stream: other });
    const behind = later.begin({}, { stream: other });
    expect(later.refused(refused, mismatch(1))).to.equal("none");
    expect(broken(() => later.land(behind))).to.equal("begun-behind-refusal");
    const alone = later.begin();
    expect(broken(() => later.bench.process.returned([alone], "notBegun"))).to.equal("not-begun");
  });
});

describe("the judge of repeats and outcomes", () => {
  function appended(): Story {
    const story = new Story();
    story.open();
    story.made(number(1, 1, 5));
    return story;
  }
  const standing = { firstIndex: 1, entryCount: 1, term: 1, timestampMs: 1 };

  it("finds a repeat of what does not stand, stands elsewhere, or is another append", () => {
    const repeat = (options: AppendOptions, told: typeof standing | undefined): string => {
      const story = appended();
      const append = story.begin(options);
      return broken(() => story.bench.process.answered(append, { type: "repeat", standing: told }));
    };
    expect(repeat(number(1, 1, 5), standing)).to.equal("none");
    expect(repeat(number(1, 1, 5), { ...standing, firstIndex: 2 })).to.equal("false-repeat");
    expect(repeat(number(1, 1, 5), { ...standing, term: 2 })).to.equal("false-repeat");
    expect(repeat(number(1, 1, 6), standing)).to.equal("false-repeat");
    expect(repeat(number(1, 2, 5), standing)).to.equal("false-repeat");
    expect(repeat(number(1, 1, 5), undefined)).to.equal("false-repeat");
    expect(repeat({}, undefined)).to.equal("false-repeat");
  });

  it("finds an append answered that may yet stand, or does", () => {
    const story = appended();
    const append = story.begin(number(1, 1, 5));
    story.bench.process.sent(story.segmentOf(append), 0);
    const answer = { type: "repeat", standing } as const;
    expect(broken(() => story.bench.process.answered(append, answer))).to.equal("returned-open");
  });

  it("finds an outcome that the log does not tell", () => {
    const story = appended();
    const { process } = story.bench;
    const asked = (sequence: number, outcome: Parameters<typeof process.ledger.told>[1]) => {
      process.ledger.asks(100, { producerId: 1, sequence });
      return broken(() => process.ledger.told(100, outcome, process.state));
    };
    expect(asked(1, { type: "committed", standing })).to.equal("none");
    expect(asked(1, { type: "committed", standing: undefined })).to.equal("false-outcome");
    expect(asked(2, { type: "undecided", lastSequence: 1 })).to.equal("none");
    expect(asked(2, { type: "neverCommitted", lastSequence: 1 })).to.equal("false-outcome");
    expect(asked(1, { type: "producerExpired" })).to.equal("false-outcome");
  });

  it("finds a ledger that is not what the log says, and a wrong id", () => {
    const story = appended();
    const ledger = new Ledger(ledgerBounds);
    const { process, run } = story.bench;
    expect(broken(() => process.ledger.compareWhole({ ledger }))).to.equal("ledger-disagrees");
    for (const { segment } of run.log.valid) if (segment.type === "entries") ledger.apply(segment);
    expect(broken(() => process.ledger.compareWhole({ ledger }))).to.equal("none");
    const opener = story.begin({ control: { type: "open" } }, { entryCount: 0 });
    expect(broken(() => story.land(opener, [1]))).to.equal("opened-ids");
  });
});

describe("the judge of what is made", () => {
  it("finds a number twice, out of order, or of a producer that is not open", () => {
    const made = (...numbers: readonly AppendOptions[]) => {
      const story = new Story();
      story.open();
      return broken(() => numbers.forEach((options) => story.made(options)));
    };
    expect(made(number(1, 1), number(1, 2))).to.equal("none");
    expect(made(number(1, 1), number(1, 1))).to.equal("number-twice");
    expect(made(number(1, 1), number(1, 3))).to.equal("number-gap");
    expect(made(number(2, 1))).to.equal("producer-gone");
    expect(made({ control: { type: "close", producerId: 1 } }, number(1, 1))).to.equal(
      "producer-gone",
    );
  });

  it("finds an append that its condition forbids", () => {
    const made = (options: AppendOptions) => {
      const story = new Story();
      story.made({ setFencingToken: "t" }, { keys: [{ offset: 0, key: "k" }] });
      return broken(() => story.made(options));
    };
    expect(made({ expectedNextIndex: 3 })).to.equal("condition-ignored");
    expect(made({ keyConditions: [{ key: "k", sinceIndex: 1 }] })).to.equal("condition-ignored");
    expect(made({ control: { type: "trim", firstIndex: 3 } })).to.equal("condition-ignored");
    expect(made({ fencingToken: "s" })).to.equal("fence-ignored");
    const fine = { fencingToken: "t", keyConditions: [{ key: "k", sinceIndex: 2 }] };
    expect(made({ ...fine, expectedNextIndex: 2 })).to.equal("none");
  });

  it("finds records and keys that are not its appends'", () => {
    const landed = (change: (segment: Segment & { type: "entries" }) => object) => {
      const story = new Story();
      story.open();
      const append = story.begin(number(1, 1), { keys: [{ offset: 0, key: "k" }] });
      const segment = story.segmentOf(append);
      if (segment.type === "claim") throw new Error("a claim");
      return broken(() => story.bench.run.log.landed({ ...segment, ...change(segment) }));
    };
    expect(landed(() => ({}))).to.equal("none");
    expect(landed(() => ({ records: [] }))).to.equal("records");
    expect(landed(() => ({ keys: [] }))).to.equal("records");
    expect(landed(({ records }) => ({ records: [...records, ...records] }))).to.equal("records");
  });
});
