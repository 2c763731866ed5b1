import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { AppendSessionResponseSchema } from "../../gen/suraft/v1/log_pb.js";
import { encodeAckRanges, joinAckRanges, type AckRange } from "../../src/rpc/ack-range.js";
import { varintSize, writeVarint } from "../../src/rpc/wire.js";

const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const range: fc.Arbitrary<AckRange> = fc.record({
  firstAppend: number,
  appendCount: count,
  firstIndex: number,
  entryCount: count,
  term: number,
  timestampMs: fc.integer({ min: 0, max: 253_402_300_799_999 }),
});

describe("messages encoded by hand", () => {
  it("writes varints of the announced size, up to 2^53", () => {
    fc.assert(
      fc.property(number, (value) => {
        const target = Buffer.alloc(10);
        const end = writeVarint(target, 0, value);
        expect(end).to.equal(varintSize(value));
        let read = 0n;
        for (let i = end - 1; i >= 0; i--) {
          read = (read << 7n) | BigInt((target[i] ?? 0) & 127);
        }
        expect(read).to.equal(BigInt(value));
      }),
    );
  });

  it("writes acknowledgements as protobuf-es does", () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 5 }), (ranges) => {
        const expected = create(AppendSessionResponseSchema, {
          acks: ranges.map((ack) => ({
            firstAppend: BigInt(ack.firstAppend),
            appendCount: ack.appendCount,
            firstIndex: BigInt(ack.firstIndex),
            entryCount: ack.entryCount,
            term: BigInt(ack.term),
            timestamp: {
              seconds: BigInt(Math.floor(ack.timestampMs / 1000)),
              nanos: (ack.timestampMs % 1000) * 1_000_000,
            },
          })),
        });
        const bytes = encodeAckRanges(ranges);
        expect(fromBinary(AppendSessionResponseSchema, bytes)).to.deep.equal(expected);
        expect(bytes.equals(toBinary(AppendSessionResponseSchema, expected))).to.equal(true);
      }),
    );
  });

  it("joins ranges only where one continues the other in all respects", () => {
    const first: AckRange = {
      firstAppend: 1,
      appendCount: 2,
      firstIndex: 10,
      entryCount: 5,
      term: 3,
      timestampMs: 7,
    };
    const second: AckRange = { ...first, firstAppend: 3, firstIndex: 15 };
    expect(joinAckRanges(first, second)).to.deep.equal({
      ...first,
      appendCount: 4,
      entryCount: 10,
    });
    expect(joinAckRanges(first, { ...second, firstAppend: 4 })).to.equal(undefined);
    expect(joinAckRanges(first, { ...second, firstIndex: 16 })).to.equal(undefined);
    expect(joinAckRanges(first, { ...second, term: 4 })).to.equal(undefined);
    expect(joinAckRanges(first, { ...second, timestampMs: 8 })).to.equal(undefined);
  });
});
