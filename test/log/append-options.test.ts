import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { ForwardedAppendSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { AppendRequestSchema } from "../../gen/suraft/v1/log_pb.js";
import type { AppendRequest } from "../../gen/suraft/v1/log_pb.js";
import type { AppendOptions, Control } from "../../src/core/types.js";
import {
  appendRequestFields,
  forwardedAppendFields,
  keyConditionsMax,
} from "../../src/log/append-options.js";
import { scanAppend } from "../../src/log/append-scan.js";
import type { AppendScan } from "../../src/log/append-scan.js";
import { crc32c } from "../../src/log/crc32c.js";
import { controlAppend } from "../../src/node/control-append.js";
import { appendRequest, textEntry, wideBounds } from "./entries.js";

type Request = MessageInitShape<typeof AppendRequestSchema>;

const entries = [{ payload: Buffer.from("a") }];

function encode(request: Request): Uint8Array {
  return toBinary(AppendRequestSchema, create(AppendRequestSchema, { entries, ...request }));
}

function scan(message: Uint8Array): AppendScan {
  return scanAppend(message, wideBounds, appendRequestFields);
}

function optionsOf(request: Request): AppendOptions | undefined {
  const result = scan(encode(request));
  if (result.type !== "append") throw new Error(JSON.stringify(result));
  return result.append.options;
}

function refusal(message: Uint8Array | readonly number[]): string {
  const result = scan(Uint8Array.from([...message, ...appendRequest([textEntry("a")])]));
  return result.type === "invalid" ? result.reason : `not refused but ${result.type}`;
}

function forwarded(message: Uint8Array): AppendScan {
  return scanAppend(message, wideBounds, forwardedAppendFields);
}

/** What the decoded request demands, in the core's words. */
function demandsOf(request: AppendRequest): Omit<AppendOptions, "producer"> {
  const { expectedNextIndex, fencingToken, setFencingToken, keyConditions } = request;
  return {
    ...(expectedNextIndex === undefined ? {} : { expectedNextIndex: Number(expectedNextIndex) }),
    ...(fencingToken === undefined ? {} : { fencingToken }),
    ...(setFencingToken === undefined ? {} : { setFencingToken }),
    ...(keyConditions.length === 0
      ? {}
      : {
          keyConditions: keyConditions.map(({ key, sinceIndex }) => ({
            key,
            sinceIndex: Number(sinceIndex),
          })),
        }),
  };
}

describe("what an append demands", () => {
  it("is read from a request as protobuf-es writes it", () => {
    const options = optionsOf({
      producer: { producerId: 300n, sequence: 2n ** 50n },
      expectedNextIndex: 7n,
      fencingToken: "lëader 7",
      setFencingToken: "x".repeat(128),
      keyConditions: [
        { key: "a", sinceIndex: 1n },
        { key: "k".repeat(256), sinceIndex: 2n ** 53n - 1n },
      ],
    });
    expect(options).to.deep.equal({
      producer: {
        producerId: 300,
        sequence: 2 ** 50,
        checksum: crc32c(appendRequest([textEntry("a")])),
      },
      expectedNextIndex: 7,
      fencingToken: "lëader 7",
      setFencingToken: "x".repeat(128),
      keyConditions: [
        { key: "a", sinceIndex: 1 },
        { key: "k".repeat(256), sinceIndex: 2 ** 53 - 1 },
      ],
    });
  });

  it("is nothing in a plain append", () => {
    expect(optionsOf({})).to.equal(undefined);
  });

  it("has a checksum of the entries alone: a repeat may make other conditions", () => {
    const producer = { producerId: 1n, sequence: 1n };
    const checksum = (request: Request) => optionsOf(request)?.producer?.checksum;
    const plain = checksum({ producer });
    const keyed = [{ payload: Buffer.from("a"), key: "k" }];
    expect(checksum({ producer, expectedNextIndex: 5n, fencingToken: "t" })).to.equal(plain);
    expect(checksum({ producer, entries: [{ payload: Buffer.from("b") }] })).not.to.equal(plain);
    expect(checksum({ producer, entries: keyed })).not.to.equal(plain);
  });

  const refused: readonly (readonly [string, Uint8Array | readonly number[], string])[] = [
    ["a producer without an id", [0x12, 2, 0x10, 1], "producer has no producer_id"],
    ["a producer without a number", [0x12, 2, 0x08, 1], "producer has no sequence"],
    ["a number 0", [0x12, 2, 0x10, 0], "sequence is 0; it must be at least 1"],
    [
      "a producer's id as text",
      [0x12, 3, 0x0a, 1, 0x70],
      "producer_id of producer has wire type 2",
    ],
    ["an unknown field of a producer", [0x12, 2, 0x18, 1], "field 3 of producer is unknown"],
    ["a producer's id twice", [0x12, 4, 8, 1, 8, 1], "producer_id of producer is set twice"],
    ["two producers", [0x12, 4, 8, 1, 16, 1, 0x12, 4, 8, 1, 16, 2], "producer is set twice"],
    ["an expected index 0", [0x18, 0], "expected_next_index is 0; it must be at least 1"],
    ["an empty token", [0x22, 0], "fencing_token has 0 bytes; it must have 1 to 128"],
    ["a token too long", encode({ fencingToken: "x".repeat(129) }), "fencing_token has 129 bytes"],
    ["an empty new token", [0x2a, 0], "set_fencing_token has 0 bytes"],
    ["a new token too long", encode({ setFencingToken: "ä".repeat(65) }), "token has 130 bytes"],
    ["a token that is no text", [0x22, 1, 0xff], "fencing_token is not UTF-8"],
    ["a condition without a key", [0x32, 2, 0x10, 1], "a key condition has no key"],
    [
      "a condition without an index",
      [0x32, 3, 0x0a, 1, 0x6b],
      "a key condition has no since_index",
    ],
    [
      "a condition's key too long",
      encode({ keyConditions: [{ key: "k".repeat(257), sinceIndex: 1n }] }),
      "key has 257 bytes; it must have 1 to 256",
    ],
    [
      "too many conditions",
      encode({
        keyConditions: Array.from({ length: keyConditionsMax + 1 }, () => ({
          key: "k",
          sinceIndex: 1n,
        })),
      }),
      "the append has more than 256 key conditions",
    ],
    ["a condition as a number", [0x30, 1], "key_conditions has wire type 0 where 2 belongs"],
    ["what only nodes say", [0x40, 1], "field 8 is unknown"],
    ["a control", [0x52, 0], "field 10 is unknown"],
  ];
  for (const [name, bytes, reason] of refused) {
    it(`is refused: ${name}`, () => {
      expect(refusal(bytes)).to.contain(reason);
    });
  }

  it("is never read otherwise than protobuf-es reads it, whatever the bytes are", () => {
    const arbitraryRequest = fc.record({
      producer: fc.option(
        fc.record({ producerId: fc.bigInt(0n, 300n), sequence: fc.bigInt(0n, 300n) }),
        { nil: undefined },
      ),
      expectedNextIndex: fc.option(fc.bigInt(0n, 2n ** 60n), { nil: undefined }),
      fencingToken: fc.option(fc.string({ maxLength: 200 }), { nil: undefined }),
      setFencingToken: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
      keyConditions: fc.array(
        fc.record({ key: fc.string({ maxLength: 3 }), sinceIndex: fc.bigInt(0n, 3n) }),
        { maxLength: 3 },
      ),
    });
    let takenCount = 0;
    fc.assert(
      fc.property(arbitraryRequest, fc.nat(), fc.nat(255), (request, at, change) => {
        const defined = Object.entries(request).filter(([, value]) => value !== undefined);
        const message = Uint8Array.from(encode(Object.fromEntries(defined)));
        const offset = at % message.length;
        if (change > 200) message[offset] = (message[offset] ?? 0) ^ change;
        const result = scan(message);
        if (result.type !== "append") return;
        takenCount++;
        const { producer, ...demands } = result.append.options ?? {};
        const decoded = fromBinary(AppendRequestSchema, message);
        expect(demands).to.deep.equal(demandsOf(decoded));
        expect(producer?.producerId).to.equal(numberOf(decoded.producer?.producerId));
        expect(producer?.sequence).to.equal(numberOf(decoded.producer?.sequence));
      }),
      { numRuns: 2000 },
    );
    expect(takenCount).to.be.greaterThan(100);
  });
});

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

describe("an append handed on", () => {
  it("is the client's message, with the number of its stream behind it", () => {
    const producer = { producerId: 4n, sequence: 9n };
    const message = Buffer.concat([
      encode({ producer, fencingToken: "t" }),
      Buffer.from([0x40, 5]),
    ]);
    const result = forwarded(message);
    if (result.type !== "append") throw new Error(JSON.stringify(result));
    expect(result.stream).to.equal(5);
    expect(result.append.options).to.deep.equal(optionsOf({ producer, fencingToken: "t" }));
    const decoded = fromBinary(ForwardedAppendSchema, message);
    expect(decoded).to.deep.include({ stream: 5n, fencingToken: "t" });
    expect(decoded.producer).to.deep.include(producer);
  });

  it("belongs to no stream where none is named", () => {
    const result = forwarded(encode({}));
    expect(result.type === "append" && result.stream).to.equal(0);
  });

  it("may close a stream instead", () => {
    const request = create(ForwardedAppendSchema, { closedStream: 7n });
    const result = forwarded(toBinary(ForwardedAppendSchema, request));
    expect(result).to.deep.equal({ type: "closedStream", stream: 7 });
  });

  const controls: readonly Control[] = [
    { type: "open" },
    { type: "close", producerId: 12 },
    { type: "trim", firstIndex: 300 },
    { type: "trim", firstIndex: 300, expectedFirstIndex: 1 },
  ];
  for (const control of controls) {
    it(`may have no entries and ${JSON.stringify(control)}`, () => {
      const { message, options } = controlAppend(control);
      expect(options).to.deep.equal({ control });
      const result = forwarded(message);
      if (result.type !== "append") throw new Error(JSON.stringify(result));
      expect(result.append.options).to.deep.equal({ control });
      expect(result.append.run.entryCount).to.equal(0);
    });
  }

  it("is refused where it makes no sense", () => {
    const reasons = (bytes: readonly number[]): string => {
      const result = forwarded(Uint8Array.from(bytes));
      return result.type === "invalid" ? result.reason : result.type;
    };
    expect(reasons([0x0a, 0, 0x52, 0])).to.equal("entries stand where none belong");
    expect(reasons([0x0a, 0, 0x48, 1])).to.equal("entries stand where none belong");
    expect(reasons([0x52, 0, 0x5a, 2, 8, 1])).to.equal("the append has two controls");
    expect(reasons([0x5a, 0])).to.equal("close is not complete");
    expect(reasons([0x62, 2, 0x10, 1])).to.equal("trim is not complete");
    expect(reasons([0x40, 1])).to.equal("the append has no entries; it must have at least one");
  });
});
