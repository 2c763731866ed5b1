import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";

import { status as grpcStatus } from "@grpc/grpc-js";
import { expect } from "chai";

import { Role, type WatchStatusResponse } from "../../gen/suraft/v1/cluster_pb.js";
import { append, failure, startTestService, type TestService, until } from "./test-service.js";

describe("ClusterService", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService();
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
    // Health goes on watching until the server stops.
    expect(test.node.watchers.size).to.equal(0);
  });

  it("hands the leadership over, or says why not", async () => {
    const answer = await test.cluster.transferLeadership({ targetId: "n1" });
    expect(answer).to.include({ leaderId: "n1", leaderAddress: "127.0.0.1:7101" });
    const refused = await failure(test.cluster.transferLeadership({ targetId: "n9" }));
    expect(refused).to.include({ kind: "invalid", message: "n9 is no member" });
  });

  it("tells the node's view", async () => {
    await test.log.append(append("a", "b"));
    const { status } = await test.cluster.getStatus({});
    expect(status).to.deep.include({
      nodeId: "n1",
      address: "127.0.0.1:7101",
      role: Role.LEADER,
      term: 1n,
      leaderId: "n1",
      leaderAddress: "127.0.0.1:7101",
      commitIndex: 2n,
      firstIndex: 1n,
      tailPosition: 3n,
      store: "memory:",
      storeHealthy: true,
      serving: true,
      notServingReason: "",
      version: "0.0.0",
      change: 1n,
    });
    expect(status?.members).to.have.length(1);
    expect(status?.storeRequests).to.deep.include({
      creates: 1n,
      gets: 2n,
      lists: 3n,
      deletes: 4n,
    });
    expect(Number(status?.uptime?.seconds)).to.be.within(1, 10);
  });

  it("tells each change, in order, without losing any", async () => {
    const changes: bigint[] = [];
    const call = test.cluster.watchStatus({});
    call.on("data", ({ status }: WatchStatusResponse) => changes.push(status?.change ?? 0n));
    call.on("error", () => {});
    await until(() => changes.length === 1, test);
    for (let i = 0; i < 500; i++) {
      test.node.lead(i % 2 === 1);
    }
    await until(() => changes.length === 501, test);
    expect(changes).to.deep.equal(Array.from({ length: 501 }, (_, i) => BigInt(i + 1)));
    call.cancel();
    await until(() => test.node.watchers.size === 1, test);
  });

  it("ends a watcher that is a thousand changes behind, with RESOURCE_EXHAUSTED", async () => {
    // The client takes no answer until it has been left behind.
    const session = connectHttp2(`http://${test.address}`, { settings: { initialWindowSize: 0 } });
    const stream = session.request({
      ":path": "/suraft.v1.ClusterService/WatchStatus",
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.end(Buffer.alloc(5));
    await until(() => test.node.watchers.size === 2, test);
    let changes = 0;
    while (test.node.watchers.size === 2) {
      test.node.lead(true);
      changes += 1;
    }
    expect(changes).to.be.within(1_000, 1_200);
    session.settings({ initialWindowSize: 1_000_000 });
    const trailers = once(stream, "trailers");
    let received = 0;
    stream.on("data", (bytes: Buffer) => (received += bytes.length));
    const [headers] = (await trailers) as { "grpc-status"?: unknown }[];
    expect(String(headers?.["grpc-status"])).to.equal(String(grpcStatus.RESOURCE_EXHAUSTED));
    expect(received).to.be.greaterThan(1_000);
    session.close();
  });

  it("ends watchers with UNAVAILABLE when the server stops", async () => {
    const call = test.cluster.watchStatus({});
    await once(call, "data");
    const ended = failure(once(call.resume(), "end"));
    await test.server.stop({ graceMs: 10_000 });
    expect(await ended).to.include({ kind: "unavailable", message: "the server is stopping" });
  });
});
