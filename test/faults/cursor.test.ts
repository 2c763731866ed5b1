import { expect } from "chai";

import { create } from "@bufbuild/protobuf";
import { EntrySchema } from "../../gen/suraft/v1/log_pb.js";
import type { ReadBatch } from "../../src/client/types.js";
import { digestOf, emptyDigest } from "../sim/digest.js";
import { entriesOf } from "./content.js";
import { LogCursor } from "./cursor.js";

interface Part {
  readonly firstIndex: number;
  readonly op: number;
  readonly count?: number;
  /** Which of its entries: all by default. */
  readonly from?: number;
  readonly to?: number;
  readonly term?: number;
  readonly timestampMs?: number;
}

function batch({
  firstIndex,
  op,
  count = 1,
  from = 0,
  to,
  term = 1,
  timestampMs = 1,
}: Part): ReadBatch {
  const entries = entriesOf(op, count)
    .slice(from, to)
    .map(({ payload, headers = [] }) => create(EntrySchema, { payload, headers: [...headers] }));
  return { firstIndex, step: 1, term, timestampMs, entries };
}

function reported(...parts: readonly Part[]): readonly string[] {
  const found: string[] = [];
  const cursor = new LogCursor();
  for (const part of parts) cursor.take(batch(part), (rule) => found.push(rule));
  return found;
}

describe("a reader's cursor", () => {
  it("digests whole appends, however they are cut", () => {
    const cursor = new LogCursor();
    const fail = (rule: string): never => expect.fail(rule);
    cursor.take(batch({ firstIndex: 1, op: 5 }), fail);
    cursor.take(batch({ firstIndex: 2, op: 9, count: 3, to: 2 }), fail);
    expect(cursor.isWhole).to.equal(false);
    cursor.take(batch({ firstIndex: 4, op: 9, count: 3, from: 2 }), fail);
    expect(cursor.isWhole).to.equal(true);
    expect(cursor.nextIndex).to.equal(5);
    expect(cursor.digest).to.equal([5, 9].reduce(digestOf, emptyDigest));
  });

  it("reports what no log can show", () => {
    const first = { firstIndex: 1, op: 5 };
    expect(reported(first, { firstIndex: 3, op: 6 })).to.deep.equal(["read-gap"]);
    expect(reported(first, first)).to.deep.equal(["read-gap"]);
    const half = { firstIndex: 1, op: 5, count: 2, to: 1 };
    expect(reported(half, { firstIndex: 2, op: 6 })).to.deep.equal(["read-torn"]);
    expect(reported({ firstIndex: 1, op: 5, count: 2, from: 1 })).to.deep.equal(["read-torn"]);
    const late = { ...first, term: 2, timestampMs: 2 };
    const second = { firstIndex: 2, op: 6, term: 2, timestampMs: 2 };
    expect(reported(late, { ...second, term: 1 })).to.deep.equal(["stamp-fell"]);
    expect(reported(late, { ...second, timestampMs: 1 })).to.deep.equal(["stamp-fell"]);
    expect(reported(late, second)).to.deep.equal([]);
  });

  it("reports an entry that nobody appended", () => {
    const found: string[] = [];
    const entries = [create(EntrySchema, { payload: Buffer.from("whose?") })];
    const stray = { firstIndex: 1, step: 1, term: 1, timestampMs: 1, entries } as const;
    new LogCursor().take(stray, (rule) => found.push(rule));
    expect(found).to.deep.equal(["other-bytes"]);
  });
});
