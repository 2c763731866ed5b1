import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import { AppendRequestSchema } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import { decodeRequest } from "../../src/rpc/service-definition.js";
import { checkWire } from "../../src/rpc/wire-check.js";

const append = toBinary(
  AppendRequestSchema,
  create(AppendRequestSchema, {
    entries: [
      {
        payload: new Uint8Array([1, 2, 3]),
        headers: [{ key: "k", value: new Uint8Array([4]) }],
      },
    ],
    producer: { producerId: 9n, sequence: 2n ** 63n },
    expectedNextIndex: 7n,
  }),
);

describe("the check of received messages", () => {
  it("passes what the schema describes", () => {
    expect(checkWire(AppendRequestSchema, append)).to.deep.equal({ type: "sound" });
    expect(checkWire(AppendRequestSchema, new Uint8Array())).to.deep.equal({ type: "sound" });
  });

  it("names unknown fields, also in messages within", () => {
    const top = Buffer.concat([append, Buffer.from([0x98, 0x06, 1])]);
    expect(checkWire(AppendRequestSchema, top)).to.deep.equal({
      type: "unknown",
      fields: ["99 of suraft.v1.AppendRequest"],
    });
    const nested = Buffer.from([0x0a, 0x02, 0x48, 0x01]);
    expect(checkWire(AppendRequestSchema, nested)).to.deep.equal({
      type: "unknown",
      fields: ["9 of suraft.v1.Entry"],
    });
  });

  it("lists no more than a few of many unknown fields", () => {
    const many = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x98, 0x06, 1])));
    const verdict = checkWire(AppendRequestSchema, many);
    expect(verdict).to.have.property("type", "unknown");
    expect(verdict).to.have.property("fields").with.length(8);
  });

  const malformed: readonly (readonly [string, readonly number[]])[] = [
    ["a known field of another wire type", [0x08, 0x01]],
    ["a length past the end", [0x0a, 0x05, 0x00]],
    ["a nested length past its message", [0x0a, 0x02, 0x0a, 0x05, 0, 0, 0, 0, 0]],
    ["a varint that does not end", [0x18, 0xff]],
    ["a varint of more than ten bytes", [0x18, ...Array<number>(11).fill(0xff)]],
    ["field number 0", [0x00, 0x01]],
    ["a group", [0x0b, 0x0c]],
    ["wire type 7", [0x0f]],
    ["a tag over 32 bits", [0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00]],
  ];
  for (const [name, bytes] of malformed) {
    it(`refuses ${name}`, () => {
      expect(checkWire(AppendRequestSchema, Buffer.from(bytes))).to.have.property(
        "type",
        "malformed",
      );
    });
  }

  it("refuses a message that holds more messages than memory is good for", () => {
    const entry = Buffer.from([0x0a, 0x00]);
    const some = Buffer.concat(Array<Buffer>(60_000).fill(entry));
    expect(checkWire(AppendRequestSchema, some)).to.deep.equal({ type: "sound" });
    const many = Buffer.concat([some, some]);
    expect(() => decodeRequest(AppendRequestSchema, many))
      .to.throw(SuraftError, "more than 65536 messages")
      .with.property("kind", "invalid");
  });

  it("refuses text that is not UTF-8", () => {
    const bytes = Buffer.from([0x12, 0x03, 0x0a, 0x01, 0xff]);
    expect(() => decodeRequest(AppendRequestSchema, bytes))
      .to.throw(SuraftError, /suraft\.v1\.AppendRequest/)
      .with.property("kind", "invalid");
  });
});
