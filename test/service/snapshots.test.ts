import { once } from "node:events";

import { expect } from "chai";
import type { MessageInitShape } from "@bufbuild/protobuf";

import type {
  GetSnapshotRequestSchema,
  GetSnapshotResponse,
  PutSnapshotRequestSchema,
  Snapshot,
} from "../../gen/suraft/v1/snapshot_pb.js";
import { crc32c } from "../../src/log/crc32c.js";
import { append, failure, startTestService, until, type TestService } from "./test-service.js";
import { fromServiceError } from "../../src/rpc/status.js";

type Piece = MessageInitShape<typeof PutSnapshotRequestSchema>;

function begin(nextIndex: number | bigint): Piece {
  return { piece: { case: "begin", value: { nextIndex: BigInt(nextIndex) } } };
}

function chunk(bytes: Uint8Array | string): Piece {
  return { piece: { case: "chunk", value: Buffer.from(bytes) } };
}

function end(checksum: number): Piece {
  return { piece: { case: "end", value: { checksum } } };
}

function whole(nextIndex: number, bytes: Uint8Array | string): Piece[] {
  return [begin(nextIndex), chunk(bytes), end(crc32c(Buffer.from(bytes)))];
}

async function* sent(pieces: readonly Piece[]): AsyncGenerator<Piece> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

/** Bytes of which no two parts are alike. */
function content(length: number, seed = 1): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => (at * at * seed + at / 256) & 255));
}

describe("SnapshotService", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService({ snapshots: { putsMax: 1, getsMax: 1, chunkBytes: 300 } });
    await test.log.append(append("a", "b", "c"));
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  const put = (pieces: readonly Piece[]) => test.snapshots.putSnapshot(sent(pieces));

  async function listed(): Promise<readonly Snapshot[]> {
    return (await test.snapshots.listSnapshots({})).snapshots;
  }

  async function get(
    request: MessageInitShape<typeof GetSnapshotRequestSchema>,
  ): Promise<{ readonly snapshot: Snapshot | undefined; readonly bytes: Buffer }> {
    const call = test.snapshots.getSnapshot(request);
    const responses: GetSnapshotResponse[] = [];
    call.on("data", (response: GetSnapshotResponse) => responses.push(response));
    try {
      await once(call, "end");
    } catch (error) {
      throw fromServiceError(error, { lost: "unavailable" });
    }
    const [first] = responses;
    return { snapshot: first?.snapshot, bytes: Buffer.concat(responses.map((one) => one.chunk)) };
  }

  /** A put fails, and nothing has changed. */
  async function refused(pieces: readonly Piece[]) {
    const before = { listed: await listed(), names: test.node.snapshots.names };
    const error = await failure(put(pieces));
    expect(await listed()).to.deep.equal(before.listed);
    await until(() => test.node.snapshots.names.length <= before.names.length, test);
    expect(test.node.snapshots.names).to.deep.equal(before.names);
    return error;
  }

  it("stores a snapshot, lists it, and gives it back", async () => {
    const bytes = content(5_000);
    const checksum = crc32c(bytes);
    const pieces = [
      begin(4),
      ...[0, 1, 1023, 1024, 4000].map((at, i, all) => chunk(bytes.subarray(at, all[i + 1]))),
      end(checksum),
    ];
    const { snapshot, repeat } = await put(pieces);
    expect(repeat).to.equal(false);
    expect(snapshot).to.include({ nextIndex: 4n, sizeBytes: 5_000n, checksum });
    expect(await listed()).to.deep.equal([snapshot]);
    expect(await get({})).to.deep.equal({ snapshot, bytes });
    expect(await get({ nextIndex: 4n })).to.deep.equal({ snapshot, bytes });
    expect(test.node.snapshots.names, "in parts of 1,024 bytes").to.have.length(5);
  });

  it("gives the rest from any offset, to the end", async () => {
    const bytes = content(3_000);
    await put(whole(2, bytes));
    for (const offset of [0, 1, 1023, 1024, 1025, 2999, 3000]) {
      expect((await get({ offset: BigInt(offset) })).bytes).to.deep.equal(bytes.subarray(offset));
    }
    const error = await failure(get({ offset: 3001n }));
    expect(error).to.include({ kind: "out_of_range" });
    expect(error.details).to.deep.include({ size_bytes: "3000" });
  });

  it("takes an empty one", async () => {
    expect(await put([begin(2), end(0)])).to.include({ repeat: false });
    expect((await get({})).bytes).to.have.length(0);
    expect(await put([begin(2), end(0)])).to.deep.include({ repeat: true });
    expect(await refused(whole(2, "other"))).to.include({ kind: "conflict" });
  });

  it("keeps the newest", async () => {
    for (const nextIndex of [1, 2, 4]) await put(whole(nextIndex, content(2_000, nextIndex)));
    expect((await listed()).map(({ nextIndex }) => nextIndex)).to.deep.equal([4n, 2n]);
    const error = await failure(get({ nextIndex: 1n }));
    expect(error).to.include({ kind: "out_of_range" });
    expect(error.details).to.deep.include({ snapshots: "2, 4" });
  });

  it("answers the same snapshot again as a repeat, and stores nothing", async () => {
    await put(whole(3, content(2_000)));
    const { names } = test.node.snapshots;
    expect(await put(whole(3, content(2_000)))).to.include({ repeat: true });
    await until(() => test.node.snapshots.names.length === names.length, test);
    expect(test.node.snapshots.names).to.deep.equal(names);
  });

  it("refuses what covers less than the newest, or as much with other bytes", async () => {
    await put(whole(3, content(2_000)));
    for (const pieces of [whole(2, "less"), whole(3, "others")]) {
      const error = await refused(pieces);
      expect(error).to.include({ kind: "conflict" });
      const expected = { condition: "newest_snapshot", newest_next_index: "3" };
      expect(error.details).to.deep.include(expected);
    }
  });

  it("refuses what covers entries beyond the tail, or ends before the log begins", async () => {
    await test.log.trim({ firstIndex: 2n });
    for (const nextIndex of [1, 5]) {
      const error = await refused(whole(nextIndex, "x"));
      expect(error).to.include({ kind: "out_of_range" });
      expect(error.details).to.deep.include({ first_index: "2", next_index: "4" });
    }
    expect(test.node.barriers, "nothing newer is known").to.equal(1);
  });

  it("refuses a wrong checksum, and says which the bytes have", async () => {
    const error = await refused([begin(3), chunk("hello"), end(1)]);
    expect(error).to.include({ kind: "invalid" });
    expect(error.details).to.deep.include({ checksum: String(crc32c(Buffer.from("hello"))) });
  });

  it("refuses a stream that was cut off, or is out of order", async () => {
    const [first, middle, last] = whole(3, content(2_500)) as [Piece, Piece, Piece];
    const wrong: readonly (readonly [readonly Piece[], string])[] = [
      [[], "cut off"],
      [[first], "cut off"],
      [[first, middle], "cut off"],
      [[middle, last], "begins with `begin`; what came is chunk"],
      [[first, first, middle, last], "what came is begin"],
      [[first, {}, last], "what came is none"],
      [[first, last], "the 0 bytes that came have 0"],
      [[begin(0), middle, last], "at least 1"],
      [[begin(2n ** 53n), middle, last], "below 2^53"],
    ];
    for (const [pieces, message] of wrong) {
      const error = await refused(pieces);
      expect(error, message).to.include({ kind: "invalid" });
      expect(error.message).to.contain(message);
    }
  });

  it("refuses more bytes than it takes", async () => {
    const error = await refused(whole(3, content(1024 * 1024 + 1)));
    expect(error).to.include({ kind: "invalid" });
    expect(error.details).to.deep.include({ bytes_max: "1048576" });
  });

  it("leaves nothing of a client that goes away in the middle", async () => {
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Piece> {
      yield begin(3);
      for (;;) {
        yield chunk(content(2_048));
        if (test.node.snapshots.names.length > 3) controller.abort();
        await test.cluster.getStatus({});
      }
    }
    const call = test.snapshots.putSnapshot(endless(), { signal: controller.signal });
    expect(await failure(call)).to.include({ kind: "cancelled" });
    await until(() => test.node.snapshots.names.length === 0, test);
    expect(await listed()).to.deep.equal([]);
    expect(await put(whole(3, "x")), "and there is place for others").to.include({ repeat: false });
  });

  it("has no unknown snapshot", async () => {
    expect(await failure(get({}))).to.include({ kind: "out_of_range" });
    expect(await failure(get({ nextIndex: 2n }))).to.include({ kind: "out_of_range" });
    expect(await failure(get({ nextIndex: 2n ** 60n }))).to.include({ kind: "invalid" });
  });

  it("gives no damaged bytes: it names the object", async () => {
    const bytes = content(2_500);
    await put(whole(3, bytes));
    const { names, store } = test.node.snapshots;
    // Parts are named at random: which one is damaged does not matter.
    const [name = ""] = names;
    const { signal } = new AbortController();
    const got = await store.get(name, { signal });
    if (got.type !== "found") throw new Error("the part is gone");
    store.objects.delete(name);
    const error = await failure(get({}));
    expect(error, "a part that is gone").to.include({ kind: "corrupt" });
    expect(error.details).to.deep.equal({ object: name });
    got.bytes[0] = (got.bytes[0] ?? 0) ^ 1;
    store.objects.create(name, got.bytes);
    expect((await failure(get({}))).details, "a flipped bit").to.deep.equal({ object: name });
    store.objects.delete(name);
    store.objects.create(name, Buffer.concat([got.bytes, Buffer.from("x")]));
    expect((await failure(get({}))).details, "a longer one").to.deep.equal({ object: name });
  });

  it("takes and sends few at once; others are to come again", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    async function* slow(): AsyncGenerator<Piece> {
      yield begin(3);
      await held;
      yield* whole(3, "abc").slice(1);
    }
    const first = test.snapshots.putSnapshot(slow());
    const second = await failure(
      (async () => {
        // Until the first has its place.
        for (;;) await put(whole(2, "x"));
      })(),
    );
    expect(second).to.include({ kind: "overloaded" });
    expect(second.retryDelayMs).to.be.greaterThan(0);
    release();
    expect(await first).to.include({ repeat: false });
    expect((await listed()).map(({ nextIndex }) => nextIndex)).to.include(3n);
  });
});

describe("a snapshot's stream that stands still", () => {
  it("makes room for others", async () => {
    const test = await startTestService({ snapshots: { putsMax: 1, stallMs: 20 } });
    async function* still(): AsyncGenerator<Piece> {
      yield begin(1);
      await new Promise(() => undefined);
    }
    const error = await failure(test.snapshots.putSnapshot(still()));
    expect(error).to.include({ kind: "overloaded" });
    expect(error.message).to.contain("stood still for 20 ms");
    expect(await test.snapshots.putSnapshot(sent(whole(1, "x")))).to.include({ repeat: false });
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });
});
