import { create } from "@bufbuild/protobuf";
import { expect } from "chai";

import { NodeStatusSchema } from "../../gen/suraft/v1/cluster_pb.js";
import {
  AppendResponseSchema,
  EntryBatchSchema,
  GetTailResponseSchema,
  ProgressSchema,
} from "../../gen/suraft/v1/log_pb.js";
import {
  decodeAppended,
  decodeBatch,
  decodeProgress,
  decodeTail,
  decodeView,
  encodeRead,
} from "../../src/client/codec.js";
import { SuraftError } from "../../src/errors.js";

describe("an answer that makes no sense", () => {
  const tooGreat = 2n ** 53n;
  const never = { seconds: 2n ** 60n, nanos: 0 };

  it("leaves open what became of an append", () => {
    for (const init of [{ firstIndex: tooGreat }, { term: tooGreat }, { timestamp: never }]) {
      const answer = create(AppendResponseSchema, init);
      expect(() => decodeAppended(answer))
        .to.throw(SuraftError, "makes no sense")
        .with.property("kind", "unknown_outcome");
    }
  });

  it("is as good as none to a reader", () => {
    const entries = [{ payload: Buffer.from("x") }];
    const reads: readonly (() => unknown)[] = [
      () => decodeBatch(create(EntryBatchSchema, { firstIndex: tooGreat }), 1),
      () => decodeBatch(create(EntryBatchSchema, { firstIndex: tooGreat - 1n, entries }), 1),
      () => decodeBatch(create(EntryBatchSchema, { timestamp: never }), 1),
      () => decodeProgress(create(ProgressSchema, { nextIndex: tooGreat })),
      () => decodeProgress(create(ProgressSchema, { readIndex: tooGreat })),
      () => decodeProgress(create(ProgressSchema, { age: never })),
      () => decodeTail(create(GetTailResponseSchema, { term: tooGreat })),
      () => decodeView(create(NodeStatusSchema, { commitIndex: tooGreat })),
      () => decodeView(create(NodeStatusSchema, { uptime: never })),
    ];
    for (const read of reads) {
      expect(read).to.throw(SuraftError, "makes no sense").with.property("kind", "unavailable");
    }
  });

  it("is not one whose numbers are as great as can be", () => {
    const answer = create(GetTailResponseSchema, { nextIndex: tooGreat - 1n });
    expect(decodeTail(answer).nextIndex).to.equal(Number.MAX_SAFE_INTEGER);
  });
});

describe("a read's start", () => {
  it("is no time that is no number", () => {
    for (const timestampMs of [Number.NaN, Infinity, 0.5, 2 ** 53]) {
      expect(() => encodeRead({ start: { type: "timestamp", timestampMs } }))
        .to.throw(SuraftError)
        .with.property("kind", "invalid");
    }
  });
});
