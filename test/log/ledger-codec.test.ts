import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { LedgerSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { Ledger as StoredLedger } from "../../gen/suraft/storage/v1/storage_pb.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { decodeLedger, encodeLedger } from "../../src/log/ledger-codec.js";
import { arbitraryLedger, emptyLedger } from "./ledgers.js";
import { withChecksum } from "./with-checksum.js";
import type { LedgerSnapshot } from "../../src/core/ledger/snapshot.js";

const clusterId = "c";

/** As many producers, answers and keys as a ledger holds, of a log that has seen much. */
function fullLedger(): LedgerSnapshot {
  const { producersMax, answersMax, keysMax, keyLengthMax } = ledgerBounds;
  const column = <T>(length: number, of: (place: number) => T): T[] =>
    Array.from({ length }, (_, place) => of(place));
  const keyLength = keyLengthMax / keysMax;
  return {
    firstIndex: 5_000_000_000,
    nextProducerId: 3_000_000,
    fence: { token: "token", sinceIndex: 7_000_000_000 },
    members: undefined,
    producers: {
      ids: Float64Array.from(column(producersMax, (place) => 2_999_999 - place)),
      lastSequences: Float64Array.from(column(producersMax, (place) => place * 7)),
      closed: Uint8Array.from(column(producersMax, (place) => place % 2)),
    },
    answers: {
      producerIds: Float64Array.from(column(answersMax, (place) => 2_900_000 + (place % 90_000))),
      sequences: Float64Array.from(column(answersMax, (place) => place + 1)),
      firstIndexes: Float64Array.from(column(answersMax, (place) => 9e9 + place * 100)),
      entryCounts: Uint32Array.from(column(answersMax, () => 100)),
      terms: Float64Array.from(column(answersMax, () => 1234)),
      timestampsMs: Float64Array.from(column(answersMax, (place) => 1.795e12 + place * 3)),
      checksums: Uint32Array.from(column(answersMax, (place) => place * 32_000)),
    },
    keys: {
      keys: column(keysMax, (place) => String(place).padStart(keyLength, "k")),
      lastIndexes: Float64Array.from(column(keysMax, (place) => 9e9 + place * 3)),
      reachIndex: 9e9,
    },
  };
}

function judged(bytes: Uint8Array): string {
  const decoded = decodeLedger(bytes, clusterId);
  return decoded.type === "corrupt" ? decoded.reason : decoded.type;
}

describe("a stored ledger", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(arbitraryLedger, (ledger) => {
        const decoded = decodeLedger(encodeLedger(clusterId, ledger).bytes, clusterId);
        expect(decoded).to.deep.equal({ type: "ok", value: ledger });
      }),
    );
    const decoded = decodeLedger(encodeLedger(clusterId, emptyLedger).bytes, clusterId);
    expect(decoded).to.deep.equal({ type: "ok", value: emptyLedger });
  });

  it("is byte for byte what protobuf-es writes, and the checksum behind it", () => {
    fc.assert(
      fc.property(arbitraryLedger, (ledger) => {
        const { bytes, checksum } = encodeLedger(clusterId, ledger);
        const read = fromBinary(LedgerSchema, bytes);
        expect(read.crc32c).to.equal(checksum);
        const fields = toBinary(LedgerSchema, create(LedgerSchema, { ...read, crc32c: 0 }));
        expect(Buffer.from(bytes)).to.deep.equal(withChecksum(fields));
      }),
    );
  });

  it("takes a few MiB at the most, and is read in a moment", () => {
    const ledger = fullLedger();
    const { bytes } = encodeLedger(clusterId, ledger);
    expect(bytes.length).to.be.lessThan(8 * 2 ** 20);
    const withoutKeys = { ...ledger, keys: emptyLedger.keys };
    expect(encodeLedger(clusterId, withoutKeys).bytes.length).to.be.lessThan(3 * 2 ** 20);
    const decoded = decodeLedger(bytes, clusterId);
    if (decoded.type === "corrupt") throw new Error(decoded.reason);
    expect(encodeLedger(clusterId, decoded.value).bytes).to.deep.equal(bytes);
  });

  it("is corrupt with a bit flipped, if cut, and of another cluster", () => {
    const { bytes } = encodeLedger(clusterId, { ...emptyLedger, firstIndex: 1000 });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(judged(flipped), `bit ${bit}`).to.not.equal("ok");
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(judged(bytes.subarray(0, length))).to.not.equal("ok");
    }
    expect(decodeLedger(bytes, "d")).to.deep.include({ reason: "it is of the cluster c" });
  });

  it("is judged, never thrown at, and believed only if a ledger gives these bytes", () => {
    const sample = fc.sample(arbitraryLedger, 50).map((ledger) => encodeLedger(clusterId, ledger));
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.constantFrom(...sample), changes, ({ bytes }, places) => {
        const changed = Uint8Array.from(bytes.subarray(0, -5));
        for (const [at, by] of places) {
          const place = at % changed.length;
          changed[place] = (changed[place] ?? 0) ^ by;
        }
        const stored = withChecksum(changed);
        const decoded = decodeLedger(stored, clusterId);
        if (decoded.type !== "ok") return;
        const again = Buffer.from(encodeLedger(clusterId, decoded.value).bytes);
        expect(again).to.deep.equal(stored);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("the rules of a stored ledger", () => {
  const rules: readonly (readonly [string, (ledger: StoredLedger) => void, string])[] = [
    ["a first index", (ledger) => (ledger.firstIndex = 0n), "first_index is not set"],
    ["the next producer", (ledger) => (ledger.nextProducerId = 0n), "next_producer_id"],
    ["producers that were opened", (ledger) => (ledger.nextProducerId = 9n), "no producer 9"],
    ["each producer once", producers({ producerIds: [7n, 7n] }), "a producer stands twice"],
    ["columns of one length", producers({ lastSequences: [1n] }), "producers differ in length"],
    ["closed producers that are known", producers({ closed: [2] }), "do not rise"],
    ["closed producers in order", producers({ closed: [1, 1] }), "do not rise"],
    ["answers of one length", answers({ sequences: [1n] }), "answers differ in length"],
    ["answers of producers", answers({ producerIds: [7n, 10n] }), "no producer 10"],
    ["answers with numbers", answers({ sequences: [0n, 1n] }), "sequence is not set"],
    ["answers with indexes", answers({ firstIndexDeltas: [0n, 1n] }), "first_index is not set"],
    ["answers with terms", answers({ termDeltas: [0n, 1n] }), "term is not set"],
    ["sums below 2^53", answers({ termDeltas: [2n ** 52n, 2n ** 52n] }), "2^53 or more"],
    ["a fence's index", (ledger) => (ledger.fence = fence("t", 0n)), "since_index is not set"],
    ["a fence's token", (ledger) => (ledger.fence = fence("", 1n)), "token of Fence is empty"],
    ["a short token", (ledger) => (ledger.fence = fence("t".repeat(129), 1n)), "too long"],
    ["each key once", keys({ keys: ["a", "a"] }), "a key stands twice"],
    ["keys that are not empty", keys({ keys: ["a", ""] }), "written though it is zero"],
    ["short keys", keys({ keys: ["a", "b".repeat(257)] }), "a key is too long"],
    ["keys with indexes", keys({ lastIndexDeltas: [0n, 1n] }), "last_index is not set"],
    ["keys of one length", keys({ keys: ["a"] }), "keys differ in length"],
  ];
  for (const [rule, change, reason] of rules) {
    it(`ask for ${rule}`, () => {
      const message = create(LedgerSchema, {
        clusterId,
        firstIndex: 1n,
        nextProducerId: 10n,
        producers: { producerIds: [7n, 9n], lastSequences: [0n, 3n], closed: [1] },
        answers: {
          producerIds: [7n, 9n],
          sequences: [1n, 1n],
          firstIndexDeltas: [1n, 1n],
          entryCounts: [1, 1],
          termDeltas: [1n, 0n],
          timestampMsDeltas: [5n, 0n],
          crc32cs: [1, 2],
        },
        keys: { keys: ["a", "b"], lastIndexDeltas: [1n, 0n], reachIndex: 1n },
      });
      expect(judged(withChecksum(toBinary(LedgerSchema, message)))).to.equal("ok");
      change(message);
      expect(judged(withChecksum(toBinary(LedgerSchema, message)))).to.contain(reason);
    });
  }

  function producers(change: Partial<StoredLedger["producers"] & object>) {
    return (ledger: StoredLedger): void => void Object.assign(ledger.producers ?? {}, change);
  }

  function answers(change: Partial<StoredLedger["answers"] & object>) {
    return (ledger: StoredLedger): void => void Object.assign(ledger.answers ?? {}, change);
  }

  function keys(change: Partial<StoredLedger["keys"] & object>) {
    return (ledger: StoredLedger): void => void Object.assign(ledger.keys ?? {}, change);
  }

  function fence(token: string, sinceIndex: bigint): StoredLedger["fence"] & object {
    const { fence: made } = create(LedgerSchema, { fence: { token, sinceIndex } });
    if (made === undefined) throw new Error("a fence was given");
    return made;
  }
});
