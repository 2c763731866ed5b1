import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";

import { status as grpcStatus } from "@grpc/grpc-js";
import { expect } from "chai";

import { SuraftError, type ErrorKind } from "../../src/errors.js";
import { startGrpcServer } from "../../src/rpc/server.js";
import { fromServiceError } from "../../src/rpc/status.js";
import {
  aborted,
  deferred,
  failure,
  rawClient,
  sendRaw,
  startTestServer,
  type TestHandlers,
  type TestServer,
} from "./test-server.js";

describe("the gRPC server", () => {
  let test: TestServer | undefined;

  async function start(handlers: TestHandlers): Promise<TestServer> {
    test = await startTestServer(handlers);
    return test;
  }

  afterEach(async () => {
    await test?.stop();
    test = undefined;
  });

  it("answers a request", async () => {
    const { cluster } = await start({
      cluster: { getStatus: async () => ({ status: { nodeId: "n1" } }) },
    });
    const response = await cluster.getStatus({});
    expect(response.status?.nodeId).to.equal("n1");
  });

  it("sends a handler's SuraftError with its details", async () => {
    const { cluster, defects } = await start({
      cluster: {
        getStatus: async () => {
          throw new SuraftError("out_of_range", "beyond", { details: { next_index: "4" } });
        },
      },
    });
    const error = await failure(cluster.getStatus({}));
    expect(error.kind).to.equal("out_of_range");
    expect(error.details).to.deep.equal({ next_index: "4" });
    expect(defects).to.deep.equal([]);
  });

  it("answers INTERNAL without a trace of the exception that a handler let through", async () => {
    const defect = new Error("secret");
    const { address, defects } = await start({
      cluster: {
        getStatus: async () => {
          throw defect;
        },
      },
    });
    const client = rawClient(address);
    const error: unknown = await sendRaw(
      client,
      "/suraft.v1.ClusterService/GetStatus",
      Buffer.alloc(0),
    ).catch((reason: unknown) => reason);
    client.close();
    expect(error).to.have.property("code", grpcStatus.INTERNAL);
    expect(error).to.have.property("details").that.does.not.include("secret");
    expect(defects).to.deep.equal([defect]);
  });

  it("refuses malformed bytes and unknown fields with INVALID_ARGUMENT and details", async () => {
    const { address } = await start({});
    const client = rawClient(address);
    const path = "/suraft.v1.ClusterService/GetStatus";
    const malformed = await failure(sendRaw(client, path, Buffer.from([0xff])));
    expect(malformed.kind).to.equal("invalid");
    expect(malformed.message).to.include("suraft.v1.GetStatusRequest");
    const unknown = await failure(sendRaw(client, path, Buffer.from([0x48, 1])));
    expect(unknown.kind).to.equal("invalid");
    expect(unknown.message).to.include("9 of suraft.v1.GetStatusRequest");
    client.close();
  });

  it("refuses an unknown field in the middle of a stream", async () => {
    const { address } = await start({
      node: { heartbeat: () => ({ message() {}, halfClosed() {}, closed() {} }) },
    });
    const client = rawClient(address);
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(
      "/suraft.node.v1.NodeService/Heartbeat",
      (bytes) => bytes,
      (bytes) => bytes,
    );
    call.write(Buffer.alloc(0));
    call.write(Buffer.from([0x78, 1]));
    call.resume();
    const [error] = (await once(call, "error")) as unknown[];
    expect(fromServiceError(error, { lost: "unavailable" })).to.include({ kind: "invalid" });
    client.close();
  });

  it("refuses a message over its limit by name, and serves the next one", async () => {
    const { node } = await start({
      messageBytesMax: 1_000,
      node: { vote: async () => ({ granted: true }) },
    });
    const error = await failure(node.vote({ sender: { nodeId: "x".repeat(2_000) } }));
    expect(error.kind).to.equal("invalid");
    expect(error.message).to.match(/limit.*vs 1000/);
    expect((await node.vote({})).granted).to.equal(true);
  });

  it("tells a stream's handler of a message over the limit behind the messages before", async () => {
    const heard: string[] = [];
    const { node } = await start({
      messageBytesMax: 1_000,
      node: {
        forward: (call) => ({
          message: (bytes) => heard.push(`message ${bytes.length}`),
          refused: (error) => {
            heard.push(error.kind);
            call.end(error);
          },
          halfClosed() {},
          closed: () => heard.push("closed"),
        }),
      },
    });
    const call = node.forward();
    call.resume();
    call.write(Buffer.alloc(10));
    call.write(Buffer.alloc(2_000));
    call.write(Buffer.alloc(20));
    const [error] = (await once(call, "error")) as unknown[];
    expect(fromServiceError(error, { lost: "unavailable" }).kind).to.equal("invalid");
    expect(heard).to.deep.equal(["message 10", "invalid", "closed"]);
  });

  it("refuses two requests, and none, where one is due", async () => {
    const { address } = await start({});
    const client = rawClient(address);
    for (const count of [0, 2]) {
      const call = client.makeBidiStreamRequest<Buffer, Buffer>(
        "/suraft.v1.ClusterService/GetStatus",
        (bytes) => bytes,
        (bytes) => bytes,
      );
      call.resume();
      for (let i = 0; i < count; i++) {
        call.write(Buffer.alloc(0));
      }
      call.end();
      const [error] = (await once(call, "error")) as unknown[];
      expect(error).to.have.property("code", grpcStatus.UNIMPLEMENTED);
    }
    client.close();
  });

  it("answers an unknown method with UNIMPLEMENTED", async () => {
    const { address } = await start({});
    const client = rawClient(address);
    const error = await failure(sendRaw(client, "/suraft.v1.LogService/Rewrite", Buffer.alloc(0)));
    expect(error.kind).to.equal("not_served");
    client.close();
  });

  it("goes on serving whatever bytes arrive on the port", async () => {
    const { address, cluster } = await start({
      cluster: { getStatus: async () => ({ status: { nodeId: "n1" } }) },
    });
    const port = Number(address.split(":")[1]);
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const inputs = [
      Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
      Buffer.alloc(100_000, 0xff),
      Buffer.concat([Buffer.from(preface), Buffer.alloc(1_000, 0xff)]),
      // An empty SETTINGS frame, then HEADERS of stream 1 that do not decode.
      Buffer.concat([
        Buffer.from(preface),
        Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
        Buffer.from([0, 0, 4, 1, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]),
      ]),
    ];
    for (const bytes of inputs) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(bytes);
      // The server's SETTINGS, and then its farewell.
      await once(socket, "data");
      await once(socket, "data");
      socket.destroy();
    }
    expect((await cluster.getStatus({})).status?.nodeId).to.equal("n1");
  });

  it("goes on serving after HTTP/2 requests that are not gRPC", async () => {
    const { address, cluster, defects } = await start({
      cluster: { getStatus: async () => ({ status: { nodeId: "n1" } }) },
    });
    const session = connectHttp2(`http://${address}`);
    const requests = [
      { ":path": "/", ":method": "GET" },
      { ":path": "/suraft.v1.ClusterService/GetStatus", ":method": "POST" },
      {
        ":path": "/a/b\u00e9\u00ff%zz",
        ":method": "POST",
        "content-type": "application/grpc",
      },
      {
        ":path": "/suraft.v1.ClusterService/GetStatus",
        ":method": "POST",
        "content-type": "application/grpc",
        "grpc-timeout": "soon",
      },
      {
        ":path": "/suraft.v1.ClusterService/GetStatus",
        ":method": "POST",
        "content-type": "application/grpc",
        "grpc-encoding": "zstd",
      },
    ];
    for (const headers of requests) {
      const stream = session.request(headers, { endStream: false });
      stream.on("error", () => {});
      stream.resume();
      stream.end(Buffer.from([1, 0, 0, 0, 2, 9, 9]));
      await once(stream, "close");
    }
    const reset = session.request({
      ":path": "/suraft.v1.ClusterService/WatchStatus",
      ":method": "POST",
      "content-type": "application/grpc",
    });
    reset.on("error", () => {});
    reset.close(constants.NGHTTP2_CANCEL);
    await once(reset, "close");
    session.close();
    expect((await cluster.getStatus({})).status?.nodeId).to.equal("n1");
    expect(defects).to.deep.equal([]);
  });

  it("names the address that it cannot bind", async () => {
    const { address } = await start({});
    const again = { services: [], onDefect: () => {} };
    const taken = await failure(startGrpcServer({ address, ...again }));
    expect(taken.kind).to.equal("invalid");
    expect(taken.message).to.equal(`cannot serve on ${address}: another process uses this port`);
    const absent = await failure(startGrpcServer({ address: "192.0.2.1:0", ...again }));
    expect(absent.message).to.equal(
      "cannot serve on 192.0.2.1:0: this machine has no such address",
    );
    const nonsense = await failure(startGrpcServer({ address: "no port", ...again }));
    expect(nonsense.message).to.include("no port");
  });

  const ends: readonly ErrorKind[] = ["cancelled", "deadline_exceeded"];
  for (const kind of ends) {
    it(`aborts a handler's signal with ${kind}`, async () => {
      const begun = deferred<void>();
      const reason = deferred<unknown>();
      const { cluster } = await start({
        cluster: {
          getStatus: async (_, context) => {
            begun.resolve();
            return aborted(context).catch((error: unknown) => {
              reason.resolve(error);
              throw error;
            });
          },
        },
      });
      const cancel = new AbortController();
      const call = failure(
        cluster.getStatus({}, kind === "cancelled" ? { signal: cancel.signal } : { timeoutMs: 50 }),
      );
      await begun.promise;
      cancel.abort();
      expect((await call).kind).to.equal(kind);
      // The server's clock may be behind the client's, who gives up first.
      expect(["cancelled", kind]).to.include(((await reason.promise) as SuraftError).kind);
    });
  }
});
