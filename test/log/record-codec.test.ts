import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import { SegmentSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { EntriesDraft, LogRecord } from "../../src/core/types.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import {
  decodeSegment,
  entryRunOf,
  sealSegment,
  storedBytes,
} from "../../src/log/segment-codec.js";
import { appendOf, bareAppend, plain, textEntry } from "./entries.js";
import { withChecksum } from "./with-checksum.js";

const clusterId = "1c1bd7a6-8bd9-4f3c-8a53-9d1f0d9f6b0e";
const epoch = { term: 3, leaderId: "node-1", nonce: "00112233445566778899aabbccddeeff" };
const produced: LogRecord = {
  type: "produced",
  entryOffset: 1,
  entryCount: 1,
  producerId: 7,
  sequence: 5,
  checksum: 0xdeadbeef,
};

/** Two entries, the second one with a key, unless told otherwise. */
function draft(changes: Partial<EntriesDraft> = {}): EntriesDraft {
  return {
    type: "entries",
    position: 8,
    epoch,
    previous: { position: 7, checksum: 1 },
    firstIndex: 41,
    entryCount: 2,
    timestampMs: 1_700_000_000_123,
    appends: [appendOf([textEntry("a")]), appendOf([{ ...textEntry("b"), key: "k" }])],
    records: [produced],
    keys: [{ offset: 1, key: "k" }],
    ...changes,
  };
}

/** What becomes of the segment in the store. */
function reread(changes: Partial<EntriesDraft>) {
  const sealed = sealSegment(clusterId, draft(changes));
  const decoded = decodeSegment(storedBytes(sealed), 8);
  if (decoded.type === "corrupt") throw new Error(decoded.reason);
  if (decoded.segment.type === "claim") throw new Error("a claim");
  return decoded.segment;
}

type Value = Extract<
  NonNullable<Parameters<typeof create<typeof SegmentSchema>>[1]>["content"],
  { case: "entries" }
>["value"];

/** What is said of a segment that a foreign writer made. */
function judged(value: Partial<Value>): string {
  const segment = create(SegmentSchema, {
    clusterId,
    position: 8n,
    epoch: { term: 3n, leaderId: "n", nonce: Buffer.from(epoch.nonce, "hex") },
    previous: { position: 7n, crc32c: 1 },
    content: {
      case: "entries",
      value: {
        entries: [{ payload: Buffer.from("x") }, { payload: Buffer.from("y"), key: "k" }],
        firstIndex: 1n,
        entryCount: 2,
        timestamp: { seconds: 1n },
        keyed: true,
        ...value,
      } as Value,
    },
  });
  const decoded = decodeSegment(withChecksum(toBinary(SegmentSchema, segment)), 8);
  return decoded.type === "corrupt" ? decoded.reason : "ok";
}

/** A record as a foreign writer makes it. */
function record(kind: object, entryOffset = 0) {
  return { records: [{ entryOffset, kind } as never] };
}

describe("the records of a stored segment", () => {
  it("come back as they were, and entries untouched beside them", () => {
    const records: readonly LogRecord[] = [
      { type: "opened", entryOffset: 0 },
      { ...produced, entryOffset: 0, checksum: 0 },
      { type: "fenced", entryOffset: 0, token: "жетон" },
      produced,
      { type: "closed", entryOffset: 2, producerId: 2 ** 53 - 1, lastSequence: 0 },
      { type: "closed", entryOffset: 2, producerId: 1, lastSequence: 300 },
      { type: "trimmed", entryOffset: 2, firstIndex: 42 },
    ];
    const segment = reread({ records });
    expect(segment.records).to.deep.equal(records);
    expect(segment.keys).to.deep.equal([{ offset: 1, key: "k" }]);
    expect(plain(decodeEntries(entryRunOf(segment)))).to.deep.equal(
      plain([textEntry("a"), { ...textEntry("b"), key: "k" }]),
    );
  });

  it("may be all that it holds", () => {
    const records: readonly LogRecord[] = [{ type: "opened", entryOffset: 0 }];
    const segment = reread({ entryCount: 0, appends: [bareAppend], keys: [], records });
    expect(segment).to.deep.include({ firstIndex: 41, entryCount: 0, records, keys: [] });
    expect(entryRunOf(segment)).to.deep.include({ entryCount: 0 });
  });

  it("cost a segment without them nothing", () => {
    const plainDraft = draft({
      appends: [appendOf([textEntry("a"), textEntry("b")])],
      records: [],
      keys: [],
    });
    const bytes = storedBytes(sealSegment(clusterId, plainDraft));
    const keyed = storedBytes(sealSegment(clusterId, { ...plainDraft, records: [produced] }));
    expect(keyed.length).to.be.greaterThan(bytes.length);
    expect(Buffer.from(bytes).toString("hex")).to.not.contain("3001");
  });

  const flaws: readonly (readonly [string, Partial<Value>, string])[] = [
    ["that tells nothing", { records: [{ entryOffset: 0 } as never] }, "tells nothing"],
    ["behind the entries", record({ case: "opened", value: {} }, 3), "behind the segment's"],
    [
      "before an earlier one",
      {
        records: [
          { entryOffset: 2, kind: { case: "opened", value: {} } } as never,
          { entryOffset: 1, kind: { case: "opened", value: {} } } as never,
        ],
      },
      "before an earlier one",
    ],
    ["without a producer", record({ case: "closed", value: {} }), "no id"],
    [
      "without a number",
      record({ case: "produced", value: { producerId: 1n, entryCount: 1 } }),
      "no number",
    ],
    [
      "of too many entries",
      record({ case: "produced", value: { producerId: 1n, sequence: 1n, entryCount: 2 } }, 1),
      "more entries than the segment",
    ],
    ["without a token", record({ case: "fenced", value: {} }), "token of Fenced is empty"],
    [
      "with a token too long",
      record({ case: "fenced", value: { token: "t".repeat(129) } }),
      "129 bytes",
    ],
    ["that trims to nowhere", record({ case: "trimmed", value: {} }), "no first index"],
  ];
  for (const [name, value, reason] of flaws) {
    it(`are corrupt with one ${name}`, () => {
      expect(judged(value)).to.contain(reason);
    });
  }

  it("are whole where a foreign writer keeps the rules", () => {
    expect(judged(record({ case: "fenced", value: { token: "t".repeat(128) } }, 2))).to.equal("ok");
  });

  it("bind the writer, too", () => {
    const bad: readonly Partial<EntriesDraft>[] = [
      { records: [{ ...produced, entryCount: 2 }] },
      { records: [{ ...produced, sequence: 0 }] },
      { records: [produced, { ...produced, entryOffset: 0 }] },
      { records: [{ type: "fenced", entryOffset: 0, token: "" }] },
      { records: [{ type: "trimmed", entryOffset: 0, firstIndex: 0 }] },
      { entryCount: 0, appends: [bareAppend], records: [], keys: [] },
    ];
    for (const changes of bad) {
      expect(() => sealSegment(clusterId, draft(changes))).to.throw("broken invariant");
    }
  });
});

describe("the keys of a stored segment's entries", () => {
  it("are corrupt if the segment does not say that there are any, or says so without one", () => {
    expect(judged({})).to.equal("ok");
    expect(judged({ keyed: false })).to.equal("1 entries have keys, and keyed is false");
    const unkeyed = [{ payload: Buffer.from("x") } as never];
    expect(judged({ entries: unkeyed, entryCount: 1 })).to.equal(
      "0 entries have keys, and keyed is true",
    );
  });
});
