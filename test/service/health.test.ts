import { once } from "node:events";

import { Client, credentials, status as grpcStatus, type MethodDefinition } from "@grpc/grpc-js";
import { expect } from "chai";
import { service as health } from "grpc-health-check";

import { callRaw, failure, startTestService, type TestService } from "./test-service.js";

interface HealthResponse {
  readonly status: string;
}

type HealthMethod = MethodDefinition<{ readonly service: string }, HealthResponse>;

describe("grpc.health.v1.Health", () => {
  let test: TestService;
  let client: Client;

  beforeEach(async () => {
    test = await startTestService();
    client = new Client(test.address, credentials.createInsecure());
  });

  afterEach(async () => {
    client.close();
    await test.stop();
    expect(test.defects).to.deep.equal([]);
    expect(test.node.watchers.size).to.equal(0);
  });

  function check(service: string): Promise<string | undefined> {
    const { path, requestSerialize, responseDeserialize } = health["Check"] as HealthMethod;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service },
        (error, response) => (error === null ? resolve(response?.status) : reject(error)),
      );
    });
  }

  function watch(service: string) {
    const { path, requestSerialize, responseDeserialize } = health["Watch"] as HealthMethod;
    return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
  }

  it("is SERVING only while the node serves, for every name alike", async () => {
    for (const name of ["", "suraft.v1.LogService", "suraft.v1.ClusterService"]) {
      test.node.lead(true);
      expect(await check(name)).to.equal("SERVING");
      test.node.lead(false);
      expect(await check(name)).to.equal("NOT_SERVING");
    }
    const unknown: unknown = await check("other.Service").catch((error: unknown) => error);
    expect(unknown).to.have.property("code", grpcStatus.NOT_FOUND);
  });

  it("tells a watcher each turn, and that the server stops", async () => {
    const call = watch("suraft.v1.LogService");
    const seen: string[] = [];
    call.on("data", ({ status }: HealthResponse) => seen.push(status));
    await once(call, "data");
    test.node.lead(false);
    await once(call, "data");
    test.node.lead(true);
    await once(call, "data");
    const ended = failure(once(call, "end"));
    await test.server.stop({ graceMs: 10_000 });
    expect((await ended).kind).to.equal("unavailable");
    expect(seen).to.deep.equal(["SERVING", "NOT_SERVING", "SERVING", "NOT_SERVING"]);
  });

  it("refuses bytes that are no request with INVALID_ARGUMENT", async () => {
    const bytes = Buffer.from([0x0a, 0xff]);
    const error = await failure(callRaw(test.address, "/grpc.health.v1.Health/Check", bytes));
    expect(error.kind).to.equal("invalid");
  });
});
