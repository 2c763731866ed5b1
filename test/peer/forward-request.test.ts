import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { takeRepeated } from "../../src/log/repeated-messages.js";
import { appendsField, encodeForwardRequest } from "../../src/peer/forward-request.js";
import { append, encodeAppend } from "../service/test-service.js";

function taken(request: Uint8Array): readonly Uint8Array[] {
  const appends: Uint8Array[] = [];
  expect(takeRepeated(request, appendsField, (one) => appends.push(one) > 0)).to.equal(undefined);
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
});
