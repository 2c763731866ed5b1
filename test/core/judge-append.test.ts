import { expect } from "chai";
import { judgeAppend } from "../../src/core/judge-append.js";
import { KnownLog } from "../../src/core/known-log.js";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { OpenLedger } from "../../src/core/open-ledger.js";
import { logStart } from "../../src/core/walk.js";
import type { AppendOptions, LogRecord } from "../../src/core/types.js";
import { clusterId, entries, membersNamed } from "./samples.js";

/** Producer 1 has appended twice, 2 was closed; the token is "t", the log begins at 3, "k" is at 5. */
function ledger(): OpenLedger {
  const held = new Ledger({ ...ledgerBounds, keysMax: 1 });
  const records: readonly LogRecord[] = [
    { type: "opened", entryOffset: 0 },
    { type: "opened", entryOffset: 0 },
    { type: "produced", entryOffset: 0, entryCount: 1, producerId: 1, sequence: 1, checksum: 11 },
    { type: "produced", entryOffset: 1, entryCount: 1, producerId: 1, sequence: 2, checksum: 12 },
    { type: "closed", entryOffset: 2, producerId: 2, lastSequence: 0 },
    { type: "fenced", entryOffset: 3, token: "t" },
    { type: "trimmed", entryOffset: 4, firstIndex: 3 },
  ];
  const keys = [
    { offset: 2, key: "forgotten" },
    { offset: 4, key: "k" },
  ];
  expect(held.apply(entries({ firstIndex: 1, entryCount: 5, records, keys }))).to.equal(true);
  return new OpenLedger(new KnownLog(clusterId, membersNamed("a", "b", "c"), logStart, held));
}

/** What an append comes to at index 6, one entry into its segment. */
function judged(options: AppendOptions) {
  const append = { entryCount: 2, sizeBytes: 10, options };
  return judgeAppend(append, { index: 6, entryOffset: 1 }, ledger());
}

function refusal(options: AppendOptions) {
  const verdict = judged(options);
  return verdict.type === "refused" ? verdict.refusal : verdict.type;
}

function number(producerId: number, sequence: number, checksum = 0): AppendOptions {
  return { producer: { producerId, sequence, checksum } };
}

describe("the judging of an append (PROTOCOL 8)", () => {
  it("lets a plain append pass, and leaves nothing of it", () => {
    const verdict = judgeAppend(
      { entryCount: 1, sizeBytes: 1 },
      { index: 6, entryOffset: 0 },
      ledger(),
    );
    expect(verdict).to.deep.equal({ type: "passes", records: [] });
  });

  it("leaves what an append brings, in one order", () => {
    const options = { ...number(1, 3, 7), fencingToken: "t", setFencingToken: "u" };
    expect(judged({ ...options, control: { type: "open" } })).to.deep.equal({
      type: "passes",
      records: [
        {
          type: "produced",
          entryOffset: 1,
          entryCount: 2,
          producerId: 1,
          sequence: 3,
          checksum: 7,
        },
        { type: "fenced", entryOffset: 1, token: "u" },
        { type: "opened", entryOffset: 1 },
      ],
    });
  });

  it("accepts the next number and no other", () => {
    expect(refusal(number(1, 3))).to.equal("passes");
    expect(refusal(number(1, 4))).to.deep.equal({
      type: "sequenceGap",
      producerId: 1,
      lastSequence: 2,
    });
    expect(refusal(number(1, 2, 12))).to.equal("repeat");
    expect(refusal(number(1, 2, 13))).to.deep.equal({
      type: "sequenceReused",
      producerId: 1,
      sequence: 2,
    });
    expect(refusal(number(2, 1))).to.deep.equal({
      type: "producerClosed",
      producerId: 2,
      lastSequence: 0,
    });
    expect(refusal(number(3, 1))).to.deep.equal({ type: "producerUnknown", producerId: 3 });
  });

  it("recognises a repeat before it judges any condition", () => {
    const conditions = { expectedNextIndex: 99, fencingToken: "other", control: { type: "open" } };
    expect(refusal({ ...number(1, 1, 11), ...conditions } as AppendOptions)).to.equal("repeat");
    expect(refusal({ ...number(1, 9), ...conditions } as AppendOptions)).to.include({
      type: "sequenceGap",
    });
  });

  it("demands the token in force", () => {
    expect(refusal({ fencingToken: "t" })).to.equal("passes");
    expect(refusal({ fencingToken: "s" })).to.deep.equal({ type: "fenced", sinceIndex: 4 });
    const unfenced = new OpenLedger(new KnownLog(clusterId, membersNamed("a", "b", "c")));
    const append = { entryCount: 1, sizeBytes: 1, options: { fencingToken: "t" } };
    expect(judgeAppend(append, { index: 1, entryOffset: 0 }, unfenced)).to.deep.equal({
      type: "refused",
      refusal: { type: "fenced", sinceIndex: 0 },
    });
  });

  it("demands the index that is about to be assigned", () => {
    expect(refusal({ expectedNextIndex: 6 })).to.equal("passes");
    for (const expectedNextIndex of [1, 5, 7, 2 ** 53 - 1]) {
      expect(refusal({ expectedNextIndex })).to.deep.equal({ type: "indexMismatch", nextIndex: 6 });
    }
  });

  it("guesses nothing about keys that it has forgotten", () => {
    const since = (key: string, sinceIndex: number) =>
      refusal({
        keyConditions: [
          { key: "never", sinceIndex: 9 },
          { key, sinceIndex },
        ],
      });
    expect(since("k", 6)).to.equal("passes");
    expect(since("k", 5)).to.deep.equal({ type: "keyConflict", key: "k", index: 5 });
    expect(since("k", 1)).to.deep.equal({ type: "keyConflict", key: "k", index: 5 });
    expect(since("forgotten", 4)).to.equal("passes");
    expect(since("forgotten", 3)).to.deep.equal({
      type: "keyForgotten",
      key: "forgotten",
      reachIndex: 4,
    });
  });

  it("trims no further than the tail, and only what it expects to find", () => {
    const trim = (firstIndex: number, expectedFirstIndex?: number) =>
      refusal({
        control: {
          type: "trim",
          firstIndex,
          ...(expectedFirstIndex !== undefined && { expectedFirstIndex }),
        },
      });
    expect(trim(6)).to.equal("passes");
    expect(trim(1, 3)).to.equal("passes");
    expect(trim(7)).to.deep.equal({ type: "trimBeyondTail", nextIndex: 6 });
    expect(trim(4, 2)).to.deep.equal({ type: "trimConflict", firstIndex: 3 });
  });

  it("closes what was opened, once or twice", () => {
    expect(refusal({ control: { type: "close", producerId: 1 } })).to.equal("passes");
    expect(judged({ control: { type: "close", producerId: 1 } })).to.deep.include({
      records: [{ type: "closed", entryOffset: 1, producerId: 1, lastSequence: 2 }],
    });
    expect(refusal({ control: { type: "close", producerId: 2 } })).to.equal("passes");
    expect(refusal({ control: { type: "close", producerId: 3 } })).to.deep.equal({
      type: "producerUnknown",
      producerId: 3,
    });
  });
});
