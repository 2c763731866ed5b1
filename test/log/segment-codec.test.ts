import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { SegmentSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { Segment as StoredSegment } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { Segment, SegmentDraft } from "../../src/core/types.js";
import { crc32c } from "../../src/log/crc32c.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import {
  decodeSegment,
  entryRunOf,
  sealSegment,
  storedBytes,
} from "../../src/log/segment-codec.js";
import { appendOf, arbitraryClaim, arbitraryEntriesDraft, plain, textEntry } from "./entries.js";
import { withChecksum } from "./with-checksum.js";

const clusterId = "1c1bd7a6-8bd9-4f3c-8a53-9d1f0d9f6b0e";
const epoch = { term: 3, leaderId: "node-1", nonce: "00112233445566778899aabbccddeeff" };

const arbitraryDraft: fc.Arbitrary<SegmentDraft> = fc.oneof(arbitraryClaim, arbitraryEntriesDraft);

const claimDraft: SegmentDraft = { type: "claim", position: 7, epoch, window: 8 };

const entriesDraft: SegmentDraft = {
  type: "entries",
  position: 8,
  epoch,
  previous: { position: 7, checksum: 0xdeadbeef },
  firstIndex: 41,
  entryCount: 3,
  timestampMs: 1_700_000_000_123,
  appends: [appendOf([textEntry("one"), textEntry("two")]), appendOf([textEntry("three")])],
  records: [],
  keys: [],
};

function reasonOf(bytes: Uint8Array, position: number): string {
  const decoded = decodeSegment(bytes, position);
  return decoded.type === "corrupt" ? decoded.reason : "ok";
}

/** What a stranger reads with nothing but the schema. */
function asStranger(segment: Segment): StoredSegment {
  return fromBinary(SegmentSchema, storedBytes(segment));
}

describe("crc32c", () => {
  it("is the Castagnoli checksum, of views and in parts too", () => {
    const bytes = Buffer.from("..123456789.").subarray(2, 11);
    expect(crc32c(bytes)).to.equal(0xe3069283);
    expect(crc32c(bytes.subarray(4), crc32c(bytes.subarray(0, 4)))).to.equal(0xe3069283);
    expect(crc32c(new Uint8Array(0))).to.equal(0);
    expect(crc32c(new Uint8Array(32).fill(0xff))).to.equal(0x62a8ab43);
  });
});

describe("a stored segment", () => {
  it("comes back as it was sealed", () => {
    fc.assert(
      fc.property(arbitraryDraft, (draft) => {
        const sealed = sealSegment(clusterId, draft);
        const decoded = decodeSegment(storedBytes(sealed), draft.position);
        if (decoded.type === "corrupt") throw new Error(decoded.reason);
        expect(decoded.segment).to.deep.equal(sealed);
        const { body: _body, checksum, sizeBytes, ...said } = sealed;
        const { appends: _appends, ...drafted } = { appends: [], ...draft };
        expect(said).to.deep.equal({ clusterId, ...drafted });
        expect(sizeBytes).to.equal(storedBytes(sealed).length);
        expect(checksum).to.equal(crc32c(storedBytes(sealed).subarray(0, -5)));
      }),
    );
  });

  it("is what a stranger reads with protobuf-es", () => {
    fc.assert(
      fc.property(arbitraryDraft, (draft) => {
        const sealed = sealSegment(clusterId, draft);
        const read = asStranger(sealed);
        expect(read.$unknown).to.equal(undefined);
        expect(read.clusterId).to.equal(clusterId);
        expect(Number(read.position)).to.equal(draft.position);
        expect(Number(read.epoch?.term)).to.equal(draft.epoch.term);
        expect(read.epoch?.leaderId).to.equal(draft.epoch.leaderId);
        expect(Buffer.from(read.epoch?.nonce ?? []).toString("hex")).to.equal(draft.epoch.nonce);
        expect(read.crc32c).to.equal(sealed.checksum);
        const { case: held, value } = read.content;
        if (held === "claim") {
          expect({ type: held, window: value.window }).to.deep.include({ type: draft.type });
          expect(draft).to.deep.include({ window: value.window });
          expect(read.previous).to.equal(undefined);
        } else if (held === "entries" && draft.type === "entries") {
          expect(Number(value.firstIndex)).to.equal(draft.firstIndex);
          expect(value.entryCount).to.equal(draft.entryCount);
          const { seconds = 0n, nanos = 0 } = value.timestamp ?? {};
          expect(Number(seconds) * 1000 + nanos / 1e6).to.equal(draft.timestampMs);
          expect(Number(read.previous?.position)).to.equal(draft.previous.position);
          expect(read.previous?.crc32c).to.equal(draft.previous.checksum);
          expect(plain(value.entries)).to.deep.equal(plain(decodeEntries(entryRunOf(sealed))));
        } else {
          expect.fail(`${draft.type} became ${held}`);
        }
      }),
    );
  });

  it("is byte for byte what protobuf-es writes, and the checksum behind it", () => {
    fc.assert(
      fc.property(arbitraryDraft, (draft) => {
        const bytes = storedBytes(sealSegment(clusterId, draft));
        const read = fromBinary(SegmentSchema, bytes);
        const fields = toBinary(SegmentSchema, create(SegmentSchema, { ...read, crc32c: 0 }));
        expect(Buffer.from(bytes)).to.deep.equal(withChecksum(fields));
      }),
    );
  });

  it("has the same bytes each time it is sealed, in a buffer of its own", () => {
    const first = storedBytes(sealSegment(clusterId, entriesDraft));
    const second = storedBytes(sealSegment(clusterId, entriesDraft));
    expect(first).to.deep.equal(second);
    expect(first.buffer.byteLength).to.equal(first.length);
  });

  it("hands its entries out as the clients sent them", () => {
    const run = entryRunOf(sealSegment(clusterId, entriesDraft));
    const appends = entriesDraft.appends.map((append) =>
      "run" in append ? append.run : undefined,
    );
    expect(appends).to.have.lengthOf(2);
    expect(run.entryCount).to.equal(3);
    expect(plain(decodeEntries(run))).to.deep.equal(
      plain([textEntry("one"), textEntry("two"), textEntry("three")]),
    );
    expect(entryRunOf(sealSegment(clusterId, claimDraft)).entryCount).to.equal(0);
  });

  it("is corrupt with any one bit flipped", () => {
    for (const draft of [claimDraft, entriesDraft]) {
      const bytes = Uint8Array.from(storedBytes(sealSegment(clusterId, draft)));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const offset = bit >> 3;
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (bit & 7));
        expect(decodeSegment(bytes, draft.position).type, `bit ${bit}`).to.equal("corrupt");
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (bit & 7));
      }
      expect(decodeSegment(bytes, draft.position).type).to.equal("ok");
    }
  });

  it("is corrupt if cut anywhere, or if anything follows", () => {
    const bytes = storedBytes(sealSegment(clusterId, entriesDraft));
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeSegment(bytes.subarray(0, length), 8).type, `cut at ${length}`).to.equal(
        "corrupt",
      );
    }
    expect(decodeSegment(Buffer.concat([bytes, bytes]), 8).type).to.equal("corrupt");
    expect(decodeSegment(Buffer.concat([bytes, Buffer.alloc(1)]), 8).type).to.equal("corrupt");
  });

  it("is corrupt under another position's name", () => {
    const bytes = storedBytes(sealSegment(clusterId, entriesDraft));
    expect(reasonOf(bytes, 9)).to.equal("the object says that its position is 8");
  });

  it("does not keep a bigger buffer alive", () => {
    const bytes = storedBytes(sealSegment(clusterId, entriesDraft));
    const message = Buffer.alloc(1_000_000);
    message.set(bytes, 5000);
    const decoded = decodeSegment(message.subarray(5000, 5000 + bytes.length), 8);
    if (decoded.type === "corrupt") throw new Error(decoded.reason);
    expect(storedBytes(decoded.segment).buffer.byteLength).to.equal(bytes.length);
    const own = decodeSegment(bytes, 8);
    if (own.type === "corrupt") throw new Error(own.reason);
    expect(storedBytes(own.segment)).to.equal(bytes);
  });
});

describe("the rules of a stored segment", () => {
  const good = {
    clusterId,
    position: 8n,
    epoch: { term: 3n, leaderId: "node-1", nonce: Buffer.from(epoch.nonce, "hex") },
    previous: { position: 7n, crc32c: 1 },
    content: {
      case: "entries" as const,
      value: {
        entries: [{ payload: Buffer.from("x") }],
        firstIndex: 1n,
        entryCount: 1,
        timestamp: { seconds: 1n, nanos: 5_000_000 },
      },
    },
  };
  type Init = Parameters<typeof create<typeof SegmentSchema>>[1];

  function judged(init: Init): string {
    return reasonOf(withChecksum(toBinary(SegmentSchema, create(SegmentSchema, init))), 8);
  }

  function entriesWith(value: Partial<typeof good.content.value>): Init {
    return { ...good, content: { case: "entries", value: { ...good.content.value, ...value } } };
  }

  const { previous: _previous, ...first } = good;
  const claim = { ...first, content: { case: "claim" as const, value: { window: 1 } } };
  const timestampOf = (seconds: bigint, nanos: number) => ({ seconds, nanos });

  it("pass what keeps them", () => {
    expect(judged(good)).to.equal("ok");
    expect(judged(claim)).to.equal("ok");
  });

  const broken: readonly (readonly [string, Init, string])[] = [
    ["a cluster", { ...good, clusterId: "" }, "cluster_id of Segment is empty"],
    ["the name's position", { ...good, position: 9n }, "its position is 9"],
    ["a position below 2^53", { ...good, position: 2n ** 53n }, "2^53"],
    ["a term", { ...good, epoch: { ...good.epoch, term: 0n } }, "no term"],
    ["a leader", { ...good, epoch: { ...good.epoch, leaderId: "" } }, "leader_id of Epoch"],
    ["a nonce", { ...good, epoch: { ...good.epoch, nonce: Buffer.alloc(15) } }, "15 bytes"],
    ["a predecessor", first, "no predecessor"],
    ["an earlier predecessor", { ...good, previous: { position: 8n } }, "does not precede"],
    ["a claim to have no predecessor", { ...claim, previous: good.previous }, "a claim has a"],
    ["a window", { ...claim, content: { case: "claim", value: { window: 0 } } }, "no window"],
    ["content", { ...good, content: { case: undefined } }, "one of both"],
    ["entries", entriesWith({ entries: [], entryCount: 0 }), "neither entries nor records"],
    ["the right count", entriesWith({ entryCount: 2 }), "1 entries where 2 were counted"],
    ["a first index", entriesWith({ firstIndex: 0n }), "no first index"],
    ["indexes below 2^53", entriesWith({ firstIndex: 2n ** 53n - 1n }), "index is too great"],
    ["whole milliseconds", entriesWith({ timestamp: timestampOf(1n, 5) }), "milliseconds"],
    ["them late, too", entriesWith({ timestamp: timestampOf(1_795_243_000n, 5) }), "milliseconds"],
    ["nanos below a second", entriesWith({ timestamp: timestampOf(1n, 1e9) }), "milliseconds"],
    ["a time since 1970", entriesWith({ timestamp: timestampOf(-1n, 0) }), "2^53"],
  ];
  for (const [rule, init, reason] of broken) {
    it(`ask for ${rule}`, () => {
      expect(judged(init)).to.contain(reason);
    });
  }

  it("ask for an epoch and a timestamp", () => {
    const { epoch: _epoch, ...leaderless } = good;
    expect(judged(leaderless)).to.contain("no Epoch");
    const { timestamp: _timestamp, ...timeless } = good.content.value;
    expect(judged({ ...good, content: { case: "entries", value: timeless } })).to.contain(
      "no Timestamp",
    );
  });

  it("let nothing stand twice, out of order or unknown", () => {
    const fields = toBinary(SegmentSchema, create(SegmentSchema, good));
    const cluster = Buffer.concat([Buffer.from([0x0a, 1]), Buffer.from("c")]);
    expect(reasonOf(withChecksum(Buffer.concat([cluster, fields])), 8)).to.contain("no Epoch");
    expect(reasonOf(withChecksum(Buffer.concat([fields, cluster])), 8)).to.equal(
      "field 1, wire type 2, of Segment does not belong there",
    );
    const unknown = Buffer.from([0x38, 1]);
    expect(reasonOf(withChecksum(Buffer.concat([fields, unknown])), 8)).to.contain("field 7");
    const wide = Buffer.from([0x80, 0x01, 1]);
    expect(reasonOf(withChecksum(Buffer.concat([fields, wide])), 8)).to.contain("field 16");
    const both = toBinary(SegmentSchema, create(SegmentSchema, claim));
    const entriesOnly = fields.subarray(
      toBinary(SegmentSchema, create(SegmentSchema, { ...good, content: { case: undefined } }))
        .length,
    );
    expect(reasonOf(withChecksum(Buffer.concat([both, entriesOnly])), 8)).to.contain("one of both");
  });

  it("name the entry that breaks them", () => {
    const entries = [
      { payload: Buffer.from("x") },
      { headers: [{ key: "", value: Buffer.from("v") }] },
    ];
    const value = { ...good.content.value, entries, entryCount: 2 };
    expect(judged({ ...good, content: { case: "entries", value } })).to.equal(
      "entry 2 of the segment: a header has no key",
    );
  });

  it("bind the writer: a bad draft is a bug", () => {
    const bad: readonly SegmentDraft[] = [
      { ...claimDraft, window: 0 },
      { ...claimDraft, position: -1 },
      { ...claimDraft, epoch: { ...epoch, nonce: epoch.nonce.toUpperCase() } },
      { ...claimDraft, epoch: { ...epoch, term: 0 } },
      { ...entriesDraft, entryCount: 4 },
      { ...entriesDraft, appends: [], entryCount: 0 },
      { ...entriesDraft, firstIndex: 0 },
      { ...entriesDraft, timestampMs: 0.5 },
      { ...entriesDraft, previous: { position: 8, checksum: 1 } },
      { ...entriesDraft, appends: [{ entryCount: 3, sizeBytes: 6 }] },
    ];
    for (const draft of bad) {
      expect(() => sealSegment(clusterId, draft), JSON.stringify(draft)).to.throw(
        "broken invariant",
      );
    }
  });
});
