import { expect } from "chai";

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { crc32c } from "@node-rs/crc32";
import {
  ManifestSchema,
  SegmentSchema,
  type Segment,
} from "../../gen/suraft/storage/v1/storage_pb.js";
import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import { entriesOf } from "./content.js";
import { StoreWalk, type StoredAppend } from "./store-walk.js";

const signal = new AbortController().signal;
const clusterId = "c";

type Shape = Exclude<MessageInitShape<typeof SegmentSchema>, Segment>;

/** Seals a message whose last five bytes are its checksum. */
function sealed(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(crc32c(copy.subarray(0, -5)), copy.length - 4);
  return copy;
}

function digits(number: number): string {
  return String(number).padStart(20, "0");
}

/** A store that is written segment by segment, each naming the last one as its predecessor. */
class Written {
  readonly store = new MemoryStore("memory:", new MemoryObjects());
  #position = 0;
  #last = { position: 0n, crc32c: 0 };

  async found(): Promise<void> {
    const manifest = create(ManifestSchema, { clusterId, crc32c: 1 });
    const bytes = sealed(toBinary(ManifestSchema, manifest));
    await this.store.create(`manifest/${digits(0)}`, bytes, { signal });
  }

  async claim(term: bigint, leaderId = "n1"): Promise<void> {
    await this.put({
      epoch: epoch(term, leaderId),
      content: { case: "claim", value: { window: 8 } },
    });
  }

  /** A segment with one append; `change` makes it odd. */
  async append(op: number, firstIndex: number, term: bigint, change: Shape = {}): Promise<void> {
    const entries = entriesOf(op, 1).map((entry) => ({
      ...entry,
      headers: [...(entry.headers ?? [])],
    }));
    const value = { entries, firstIndex: BigInt(firstIndex), entryCount: 1 };
    const content = { case: "entries", value } as const;
    await this.put({ epoch: epoch(term), previous: this.#last, content, ...change });
  }

  async put(shape: Shape, damage = (bytes: Buffer): Buffer => bytes): Promise<void> {
    const position = this.#position++;
    const whole = { clusterId, position: BigInt(position), crc32c: 1, ...shape };
    const bytes = sealed(toBinary(SegmentSchema, create(SegmentSchema, whole)));
    // What is void moves nothing: those that are to count come last here, or are named by none.
    this.#last = { position: BigInt(position), crc32c: bytes.readUInt32LE(bytes.length - 4) };
    await this.store.create(`log/${digits(position)}`, damage(bytes), { signal });
  }

  get last(): { readonly position: bigint; readonly crc32c: number } {
    return this.#last;
  }
}

function epoch(term: bigint, leaderId = "n1"): NonNullable<Shape["epoch"]> {
  return { term, leaderId, nonce: Buffer.alloc(16, 1) };
}

async function walked(written: Written): Promise<{
  readonly ops: readonly number[];
  readonly rules: readonly string[];
  readonly counts: StoreWalk["counts"];
}> {
  const rules: string[] = [];
  const walk = new StoreWalk(written.store, (rule) => rules.push(rule));
  const appends: StoredAppend[] = [];
  for await (const append of walk.appends()) appends.push(append);
  return { ops: appends.map(({ op }) => op), rules, counts: walk.counts };
}

describe("a stranger's walk over the store", () => {
  let log: Written;

  beforeEach(async () => {
    log = new Written();
    await log.found();
    await log.claim(1n);
    await log.append(5, 1, 1n);
  });

  it("gives the appends that count, up to the first gap", async () => {
    await log.append(6, 2, 1n);
    expect(await walked(log)).to.deep.equal({
      ops: [5, 6],
      rules: [],
      counts: { segments: 3, claims: 1, voids: 0 },
    });
  });

  it("passes over what is void", async () => {
    const { last } = log;
    await log.claim(1n, "n2");
    await log.append(7, 2, 1n, { previous: { position: 1n, crc32c: 12_345 } });
    await log.append(8, 2, 2n, { previous: last });
    await log.append(9, 2, 1n, { previous: last, clusterId: "another" });
    await log.append(6, 2, 1n, { previous: last });
    const { ops, rules, counts } = await walked(log);
    expect(ops).to.deep.equal([5, 6]);
    expect(rules).to.deep.equal([]);
    expect(counts).to.deep.equal({ segments: 7, claims: 1, voids: 4 });
  });

  it("reports a gap of indexes, a wrong count, other bytes, and damage", async () => {
    await log.append(6, 3, 1n);
    expect((await walked(log)).rules).to.deep.equal(["log-gap"]);

    const value = { entries: [{ payload: Buffer.from("?") }], firstIndex: 3n, entryCount: 2 };
    const odd = { content: { case: "entries", value } } as const;
    await log.append(7, 3, 1n, odd);
    expect((await walked(log)).rules).to.deep.equal(["log-gap", "entry-count", "other-bytes"]);

    await log.put({ epoch: epoch(1n), previous: log.last }, (bytes) => {
      bytes[3] = (bytes[3] ?? 0) ^ 1;
      return bytes;
    });
    expect((await walked(log)).rules.at(-1)).to.equal("checksum");
  });

  it("reports a segment in another's place, and a store without a manifest", async () => {
    await log.append(6, 2, 1n, { position: 9n });
    expect((await walked(log)).rules).to.deep.equal(["misplaced"]);
    expect((await walked(new Written())).rules).to.deep.equal(["no-manifest"]);
  });
});
