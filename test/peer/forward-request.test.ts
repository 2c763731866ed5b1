import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { encodeForwardRequest, takeForwardRequest } from "../../src/peer/forward-request.js";
import { SuraftError } from "../../src/errors.js";
import { append, encodeAppend } from "../service/test-service.js";

function taken(request: Uint8Array): readonly Uint8Array[] {
  const appends: Uint8Array[] = [];
  takeForwardRequest(request, (one) => appends.push(one));
  return appends;
}

describe("a ForwardRequest", () => {
  it("is what protobuf reads, and is read back as it was", () => {
    const part = fc.record({
      message: fc.string({ maxLength: 300 }).map((text) => encodeAppend(append(text))),
      stream: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const request = encodeForwardRequest(parts);
        const { sender, appends } = fromBinary(ForwardRequestSchema, request);
        expect(sender).to.equal(undefined);
        expect(appends.map(({ stream }) => Number(stream))).to.deep.equal(
          parts.map(({ stream }) => stream),
        );
        const messages = taken(request);
        expect(messages).to.have.length(parts.length);
        for (const [index, { message }] of parts.entries()) {
          const own = messages[index]?.subarray(0, message.length) ?? [];
          expect(Buffer.from(own)).to.deep.equal(Buffer.from(message));
        }
      }),
    );
  });

  const nonsense: Readonly<Record<string, readonly number[]>> = {
    "a sender": [0x0a, 0],
    "another field": [0x1a, 0],
    "a number where appends belong": [0x10, 1],
    "an append that is cut off": [0x12, 3, 1],
    "a length that is cut off": [0x12],
    "a tag that is cut off": [0x92],
  };
  for (const [what, bytes] of Object.entries(nonsense)) {
    it(`is refused with ${what}`, () => {
      expect(() => taken(Uint8Array.from(bytes)))
        .to.throw(SuraftError)
        .with.property("kind", "invalid");
    });
  }
});
