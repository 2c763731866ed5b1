import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";

import { Client, compressionAlgorithms, credentials } from "@grpc/grpc-js";
import { expect } from "chai";

import type { BidiCall } from "../../src/rpc/handlers.js";
import { deferred, same, startTestServer, type TestServer } from "./test-server.js";

/** The value once it has stayed the same over many round trips to the server. */
async function settled(test: TestServer, value: () => number): Promise<number> {
  let before = -1;
  for (let same = 0; same < 30; same++) {
    await test.cluster.getStatus({});
    if (value() !== before) {
      before = value();
      same = 0;
    }
  }
  return before;
}

/** grpc-js's client reads without bound until it has delivered a message, also where it is paused. */
async function firstMessage(call: Readable): Promise<void> {
  await once(call, "data");
  call.pause();
}

describe("streams of the gRPC server", () => {
  it("sends messages of any size whole and in order", async () => {
    const sizes = [0, 1, 8_000, 8_191, 8_192, 8_193, 65_536, 3, 1_000_000, 16_384, 0, 9_000];
    const test = await startTestServer({
      cluster: {
        watchStatus: async (_, responses) => {
          for (const size of sizes) responses.write({ status: { nodeId: "x".repeat(size) } });
          await responses.drained(1);
        },
      },
    });
    for (const count of [1, 3]) {
      const calls = Array.from({ length: count }, async () => {
        const received: number[] = [];
        for await (const { status } of test.cluster.watchStatus({})) {
          received.push(status?.nodeId.length ?? -1);
        }
        return received;
      });
      for (const received of await Promise.all(calls)) expect(received).to.deep.equal(sizes);
    }
    await test.stop();
  });

  it("holds back a writer whose reader does not read", async () => {
    const chunkBytes = 65_536;
    const total = 400;
    let bufferedMax = 0;
    let written = 0;
    const test = await startTestServer({
      cluster: {
        getStatus: async () => ({}),
        watchStatus: async (_, responses) => {
          for (; written < total; written++) {
            responses.write({ status: { nodeId: "x".repeat(chunkBytes) } });
            bufferedMax = Math.max(bufferedMax, responses.bufferedBytes);
            await responses.drained(200_000);
          }
        },
      },
    });
    const call = test.cluster.watchStatus({});
    await firstMessage(call);
    const writtenWhenBlocked = await settled(test, () => written);
    let received = 1;
    call.on("data", () => (received += 1));
    call.resume();
    await once(call, "end");
    expect(received).to.equal(total);
    // The connection's and the stream's windows, and what grpc-js's client reads ahead.
    expect(writtenWhenBlocked * chunkBytes).to.be.within(1, 8 * 1024 * 1024);
    expect(bufferedMax).to.be.lessThan(200_000 + chunkBytes + 100);
    await test.stop();
  });

  it("releases a held back writer when the reader goes", async () => {
    const outcome = deferred<unknown>();
    let written = 0;
    const test = await startTestServer({
      cluster: {
        getStatus: async () => ({}),
        watchStatus: async (_, responses) => {
          try {
            for (;;) {
              responses.write({ status: { nodeId: "x".repeat(65_536) } });
              written += 1;
              await responses.drained(100_000);
            }
          } catch (error) {
            outcome.resolve(error);
            throw error;
          }
        },
      },
    });
    const call = test.cluster.watchStatus({});
    call.on("error", () => {});
    await firstMessage(call);
    await settled(test, () => written);
    call.cancel();
    expect(await outcome.promise).to.have.property("kind", "cancelled");
    expect(test.defects).to.deep.equal([]);
    await test.stop();
  });

  it("reads nothing while paused but one message, and a long queue afterwards", async () => {
    const begun = deferred<BidiCall<Uint8Array>>();
    let messages = 0;
    const test = await startTestServer({
      node: {
        forward: (call) => {
          call.pause();
          begun.resolve(call);
          return {
            message: () => (messages += 1),
            halfClosed: () => call.end(),
            closed() {},
          };
        },
      },
    });
    const client = test.node.forward();
    for (let i = 0; i < 20_000; i++) {
      client.write(Buffer.from("tiny"));
    }
    client.end();
    const call = await begun.promise;
    await test.cluster.getStatus({}).catch(() => {});
    expect(messages).to.be.lessThan(2);
    call.resume();
    await once(client.resume(), "end");
    expect(messages).to.equal(20_000);
    await test.stop();
  });

  it("pauses from within a message", async () => {
    const seen: number[] = [];
    const test = await startTestServer({
      node: {
        forward: (call) => ({
          message: (bytes) => {
            seen.push(bytes[0] ?? 0);
            call.pause();
            setImmediate(() => call.resume());
          },
          halfClosed: () => call.end(),
          closed() {},
        }),
      },
    });
    const client = test.node.forward();
    for (let i = 0; i < 200; i++) {
      client.write(Buffer.from([i]));
    }
    client.end();
    await once(client.resume(), "end");
    expect(seen).to.deep.equal(Array.from({ length: 200 }, (_, i) => i));
    await test.stop();
  });

  it("ends the call of a listener that throws, and reports it", async () => {
    const test = await startTestServer({
      node: {
        forward: () => ({
          message: () => {
            throw new Error("a bug");
          },
          halfClosed() {},
          closed() {},
        }),
      },
    });
    const client = test.node.forward();
    client.write(Buffer.alloc(1));
    const [error] = (await once(client.resume(), "error")) as { code?: number }[];
    expect(error).to.have.property("code", 13);
    expect(test.defects).to.have.length(1);
    await test.stop();
  });

  it("takes compressed requests, and refuses what does not inflate", async () => {
    const test = await startTestServer({
      node: { vote: async (request) => ({ term: request.term }) },
    });
    const client = new Client(test.address, credentials.createInsecure(), {
      "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
    });
    const response = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest<Buffer, Buffer>(
        "/suraft.node.v1.NodeService/Vote",
        same,
        same,
        Buffer.from([0x10, 7]),
        (error, value) => (error === null ? resolve(value) : reject(error)),
      );
    });
    expect(response).to.deep.equal(Buffer.from([0x10, 7]));
    client.close();

    const session = connectHttp2(`http://${test.address}`);
    const statusOf = async (body: Buffer) => {
      const stream = session.request({
        ":path": "/suraft.node.v1.NodeService/Vote",
        ":method": "POST",
        "content-type": "application/grpc",
        "grpc-encoding": "gzip",
      });
      const head = Buffer.from([1, 0, 0, 0, body.length]);
      stream.end(Buffer.concat([head, body]));
      let status: unknown;
      stream.on("response", (headers) => (status = headers["grpc-status"]));
      stream.on("trailers", (headers) => (status = headers["grpc-status"]));
      stream.resume();
      await once(stream, "close");
      return status;
    };
    expect(await statusOf(gzipSync(Buffer.from([0x10, 7])))).to.equal("0");
    expect(await statusOf(Buffer.from([1, 2, 3]))).to.equal("3");
    session.close();
    await test.stop();
  });
});
