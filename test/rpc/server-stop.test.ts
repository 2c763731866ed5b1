import { once } from "node:events";

import { expect } from "chai";

import { SuraftError } from "../../src/errors.js";
import { fromServiceError } from "../../src/rpc/status.js";
import { aborted, deferred, failure, startTestServer } from "./test-server.js";

const bare = { lost: "unavailable" } as const;

describe("stopping the gRPC server", () => {
  it("waits for a single answer", async () => {
    const begun = deferred<void>();
    const answer = deferred<void>();
    const test = await startTestServer({
      cluster: {
        getStatus: async () => {
          begun.resolve();
          await answer.promise;
          return { status: { nodeId: "n1" } };
        },
      },
    });
    const call = test.cluster.getStatus({});
    await begun.promise;
    const stopped = test.server.stop({ graceMs: 10_000 });
    answer.resolve();
    expect((await call).status?.nodeId).to.equal("n1");
    await stopped;
    test.connection.close();
  });

  it("refuses calls that begin after it, on a connection that is open", async () => {
    const begun = deferred<void>();
    const answer = deferred<void>();
    const test = await startTestServer({
      cluster: {
        getStatus: async () => {
          begun.resolve();
          await answer.promise;
          return {};
        },
      },
    });
    const first = test.cluster.getStatus({});
    await begun.promise;
    const stopped = test.server.stop({ graceMs: 10_000 });
    expect((await failure(test.cluster.getStatus({}))).kind).to.equal("unavailable");
    answer.resolve();
    await first;
    await stopped;
    test.connection.close();
  });

  it("ends streams of responses with UNAVAILABLE", async () => {
    const test = await startTestServer({
      cluster: {
        watchStatus: async (_, responses, context) => {
          responses.write({});
          await aborted(context);
        },
      },
    });
    const call = test.cluster.watchStatus({});
    await once(call, "data");
    const ended = once(call, "error");
    await test.server.stop({ graceMs: 10_000 });
    const [error] = (await ended) as unknown[];
    expect(fromServiceError(error, bare)).to.include({
      kind: "unavailable",
      message: "the server is stopping",
    });
    test.connection.close();
  });

  it("lets a two-way stream finish, where it wants to", async () => {
    const test = await startTestServer({
      node: {
        forward: (call) => ({
          message: (bytes) => call.write(bytes),
          halfClosed() {},
          stopping: () => {
            call.write(Buffer.from("last words"));
            call.end();
          },
          closed() {},
        }),
      },
    });
    const call = test.node.forward();
    const received: string[] = [];
    call.on("data", (bytes: Buffer) => received.push(bytes.toString()));
    call.write(Buffer.from("hello"));
    await once(call, "data");
    const ended = once(call, "end");
    await test.server.stop({ graceMs: 10_000 });
    await ended;
    expect(received).to.deep.equal(["hello", "last words"]);
    test.connection.close();
  });

  it("ends in bounded time what does not end by itself, with an answer to each call", async () => {
    const begun = deferred<void>();
    const { promise: never } = deferred<never>();
    const test = await startTestServer({
      cluster: {
        getStatus: () => {
          begun.resolve();
          return never;
        },
      },
      node: {
        barrier: async (_, context) => aborted(context),
        forward: () => ({ message() {}, halfClosed() {}, stopping() {}, closed() {} }),
      },
    });
    const deaf = failure(test.cluster.getStatus({}));
    const listening = failure(test.node.barrier({}));
    const stream = test.node.forward();
    const streamEnded = once(stream.resume(), "error");
    await begun.promise;
    await test.server.stop({ graceMs: 20 });
    expect(await deaf).to.include({ kind: "unknown_outcome" });
    expect(await listening).to.include({ kind: "unavailable" });
    const [error] = (await streamEnded) as unknown[];
    expect(fromServiceError(error, bare).kind).to.equal("unknown_outcome");
    test.connection.close();
  });

  it("may be asked for twice", async () => {
    const test = await startTestServer({});
    await Promise.all([test.server.stop({ graceMs: 1_000 }), test.server.stop({ graceMs: 1_000 })]);
    const error = await failure(test.cluster.getStatus({}));
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "unavailable");
    test.connection.close();
  });
});
