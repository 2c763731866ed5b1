import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { expect } from "chai";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { ReadRequestSchema, ReadResponseSchema } from "../../gen/suraft/v1/log_pb.js";
import type { Batch } from "../../src/log/read-cut.js";
import { Readership } from "../../src/service/readership.js";
import { runOf, textEntry } from "../log/entries.js";
import { append, startTestService, until } from "./test-service.js";

const MIB = 1024 * 1024;

function batchAt(firstIndex: number, ...texts: readonly string[]): Batch {
  return { run: runOf(texts.map(textEntry)), firstIndex, term: 1, timestampMs: 1000 };
}

function joined(readers: number): Readership {
  const readership = new Readership(256 * 1024);
  for (let i = 0; i < readers; i++) readership.join();
  return readership;
}

describe("Readership", () => {
  it("gives readers of the same entries the same bytes", () => {
    const readership = joined(2);
    const first = readership.encode([batchAt(5, "a", "b"), batchAt(7, "c")]);
    expect(readership.encode([batchAt(5, "a", "b"), batchAt(7, "c")])).to.equal(first);
    // The same entries, cut otherwise, are the same entries.
    expect(readership.encode([batchAt(5, "a"), batchAt(6, "b", "c")])).to.equal(first);
    const { batches } = fromBinary(ReadResponseSchema, first);
    expect(batches.map(({ firstIndex, entries }) => [firstIndex, entries.length])).to.deep.equal([
      [5n, 2],
      [7n, 1],
    ]);
  });

  it("tells apart what is not the same", () => {
    const readership = joined(2);
    const encoded = [
      [batchAt(5, "a", "b")],
      [batchAt(5, "a")],
      [batchAt(6, "b")],
      // With a gap: entries that matched.
      [batchAt(5, "a"), batchAt(7, "b")],
      [batchAt(5, "a"), batchAt(8, "b")],
    ].map((batches) => readership.encode(batches).toString("hex"));
    expect(new Set(encoded).size).to.equal(encoded.length);
  });

  it("keeps nothing for a reader alone, and little for many", () => {
    const alone = joined(1);
    expect(alone.encode([batchAt(1, "a")])).not.to.equal(alone.encode([batchAt(1, "a")]));
    const many = joined(3);
    const big = "x".repeat(300_000);
    const first = many.encode([batchAt(1, big)]);
    expect(many.encode([batchAt(1, big)])).to.equal(first);
    for (let index = 2; index < 20; index++) many.encode([batchAt(index, big)]);
    expect(many.encode([batchAt(1, big)])).not.to.equal(first);
    expect(many.encode([batchAt(19, big)])).to.equal(many.encode([batchAt(19, big)]));
  });

  it("makes responses smaller the more readers there are", () => {
    const readership = new Readership(256 * 1024);
    const leave = Array.from({ length: 100 }, () => readership.join());
    expect(readership.responseBytes).to.equal(256 * 1024);
    for (let i = 0; i < 900; i++) leave.push(readership.join());
    expect(readership.responseBytes).to.be.within(32_000, 34_000);
    for (let i = 0; i < 100_000; i++) readership.join();
    expect(readership.responseBytes).to.equal(16 * 1024);
    const few = new Readership(1000);
    expect(few.responseBytes).to.equal(1000);
    for (const each of leave) each();
  });
});

describe("readers that do not read", () => {
  it("hold the bytes that they are all sent once", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const test = await startTestService();
    const stalled = await Promise.all(
      Array.from({ length: 100 }, () => followWithoutReading(test.address)),
    );
    await until(() => test.node.log.waiters.size === 100, test);
    const inUse = async (): Promise<number> => {
      for (let round = 0; round < 3; round++) {
        collectGarbage();
        await test.cluster.getStatus({});
      }
      return process.memoryUsage().arrayBuffers / MIB;
    };
    const before = await inUse();
    for (let i = 0; i < 3; i++) await test.log.append(append(Buffer.alloc(MIB - 100, "x")));
    await until(() => test.node.log.waiters.size === 0, test);
    const held = (await inUse()) - before;
    // The log's three, what was encoded of them, and what is left of the requests: not a hundred.
    expect(held).to.be.lessThan(30);
    for (const { session, stream } of stalled) {
      stream.destroy();
      session.destroy();
    }
    await until(() => test.node.log.readersOpen === 0, test);
    await test.stop();
  }).timeout(60_000);
});

/** A client that grants the answers no byte of flow control once the first has come. */
async function followWithoutReading(
  address: string,
): Promise<{ session: ClientHttp2Session; stream: ClientHttp2Stream }> {
  const session = connectHttp2(`http://${address}`, { settings: { initialWindowSize: 100 } });
  const stream = session.request({
    ":path": "/suraft.v1.LogService/Read",
    ":method": "POST",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const request = toBinary(ReadRequestSchema, create(ReadRequestSchema, { follow: true }));
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
  await new Promise((resolve) => stream.once("response", resolve));
  return { session, stream };
}
