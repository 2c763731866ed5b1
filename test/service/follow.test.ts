import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";

import { expect } from "chai";
import { create, toBinary } from "@bufbuild/protobuf";

import { ReadRequestSchema, type ReadResponse } from "../../gen/suraft/v1/log_pb.js";
import { fromServiceError } from "../../src/rpc/status.js";
import {
  append,
  failure,
  payloads,
  startTestService,
  type TestService,
  until,
} from "./test-service.js";

const bare = { lost: "unavailable" } as const;

/** Follows and collects. */
function follow(test: TestService, request: Parameters<TestService["log"]["read"]>[0] = {}) {
  const call = test.log.read({ follow: true, ...request });
  const responses: ReadResponse[] = [];
  call.on("data", (response: ReadResponse) => responses.push(response));
  call.on("error", () => {});
  return { call, responses, lines: () => payloads(responses) };
}

describe("LogService.Read with follow", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService({ read: { progressIntervalMs: 20 } });
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
    expect(test.node.log.readersOpen).to.equal(0);
    expect(test.node.log.waiters.size).to.equal(0);
  });

  it("delivers what is there and what comes, until it is cancelled", async () => {
    await test.log.append(append("1"));
    const { call, lines } = follow(test);
    await until(() => lines().length === 1, test);
    for (let i = 2; i <= 20; i++) {
      await test.log.append(append(String(i)));
    }
    await until(() => lines().length === 20, test);
    expect(lines()).to.deep.equal(Array.from({ length: 20 }, (_, i) => `${i + 1} ${i + 1}`));
    call.cancel();
    await until(() => test.node.log.waiters.size === 0, test);
  });

  it("says at once how far an idle log is, and again while nothing comes", async () => {
    await test.log.append(append("1"));
    const { call, responses } = follow(test, { start: { case: "lastCount", value: 0n } });
    await until(() => responses.length >= 3, test);
    expect(responses.every(({ progress }) => progress?.nextIndex === 2n)).to.equal(true);
    expect(payloads(responses)).to.deep.equal([]);
    call.cancel();
  });

  it("ends at its limits", async () => {
    const ends = [
      follow(test, { entriesMax: 3n }),
      follow(test, { endIndex: 4n }),
      follow(test, { bytesMax: 3n }),
    ];
    for (const { call } of ends) {
      await once(call, "data");
    }
    const ended = ends.map(({ call }) => once(call, "end"));
    for (const payload of ["a", "b", "c", "d"]) {
      await test.log.append(append(payload));
    }
    await Promise.all(ended);
    for (const { lines, responses } of ends) {
      expect(lines()).to.deep.equal(["1 a", "2 b", "3 c"]);
      expect(responses.at(-1)?.progress).not.to.equal(undefined);
    }
  });

  it("ends with UNAVAILABLE when the server stops", async () => {
    const { call } = follow(test);
    await once(call, "data");
    const ended = once(call, "error");
    await test.server.stop({ graceMs: 10_000 });
    const [error] = (await ended) as unknown[];
    expect(fromServiceError(error, bare)).to.include({
      kind: "unavailable",
      message: "the server is stopping",
    });
  });

  it("ends with the caller's deadline", async () => {
    const call = test.log.read({ follow: true }, { timeoutMs: 100 });
    call.resume();
    expect((await failure(once(call, "end"))).kind).to.equal("deadline_exceeded");
    await until(() => test.node.log.waiters.size === 0, test);
  });

  it("slows a reader that does not read, and nobody else", async () => {
    const entries = {
      entries: Array.from({ length: 10 }, () => ({ payload: Buffer.alloc(100_000) })),
    };
    for (let i = 0; i < 30; i++) {
      await test.log.append(entries);
    }
    const requested: number[] = [];
    test.node.log.beforeSegment = (segment) => {
      requested.push(segment.firstIndex);
      return Promise.resolve();
    };
    // The client grants no byte of flow control to the answers.
    const session = connectHttp2(`http://${test.address}`, { settings: { initialWindowSize: 0 } });
    const stream = session.request({
      ":path": "/suraft.v1.LogService/Read",
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    const request = toBinary(ReadRequestSchema, create(ReadRequestSchema, { follow: true }));
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
    await until(() => requested.length > 0, test);
    for (let i = 0; i < 50; i++) {
      await test.cluster.getStatus({});
    }
    // It waits in the first of thirty megabytes.
    expect(requested).to.deep.equal([1]);
    const { call, lines } = follow(test);
    await until(() => lines().length === 300, test);
    call.cancel();
    stream.destroy();
    session.destroy();
    await until(() => test.node.log.readersOpen === 0, test);
  }).timeout(60_000);
});

describe("A thousand readers", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService();
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
    expect(test.node.log.waiters.size).to.equal(0);
  });

  it("are served at once", async () => {
    const readers = Array.from({ length: 1_000 }, () => follow(test, { endIndex: 21n }));
    await Promise.all(readers.map(({ call }) => once(call, "data")));
    const ended = readers.map(({ call }) => once(call, "end"));
    for (let i = 1; i <= 20; i++) {
      await test.log.append(append(String(i)));
    }
    await Promise.all(ended);
    const expected = Array.from({ length: 20 }, (_, i) => `${i + 1} ${i + 1}`);
    for (const { lines } of readers) {
      expect(lines()).to.deep.equal(expected);
    }
  }).timeout(120_000);

  it("leave nothing behind when they go", async () => {
    const readers = Array.from({ length: 1_000 }, () => follow(test));
    await Promise.all(readers.map(({ call }) => once(call, "data")));
    await until(() => test.node.log.waiters.size === 1_000, test);
    for (const { call } of readers) {
      call.cancel();
    }
    await until(() => test.node.log.waiters.size === 0, test);
  }).timeout(120_000);
});
