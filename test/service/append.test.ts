import { expect } from "chai";

import { LogService } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import { openConnection, serviceClient } from "../../src/rpc/client.js";
import { defineService } from "../../src/rpc/service-definition.js";
import {
  append,
  callRaw,
  encodeAppend,
  failure,
  payloads,
  readAll,
  startProxy,
  startTestService,
  type TestService,
  until,
} from "./test-service.js";

const path = "/suraft.v1.LogService/Append";

describe("LogService.Append", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService({
      limits: { entryBytesMax: 1_000, appendBytesMax: 3_000, appendEntriesMax: 5 },
    });
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  it("answers with the entries' place in the log", async () => {
    test.node.now = () => 1_700_000_000_123;
    await test.log.append(append("a"));
    const answer = await test.log.append(append("b", "c"));
    expect(answer).to.deep.include({ firstIndex: 2n, lastIndex: 3n, term: 1n });
    expect(answer.timestamp).to.deep.include({ seconds: 1_700_000_000n, nanos: 123_000_000 });
    expect(payloads(await readAll(test))).to.deep.equal(["1 a", "2 b", "3 c"]);
  });

  it("keeps headers and empty payloads", async () => {
    const headers = [
      { key: "k", value: Buffer.from("1") },
      { key: "k", value: Buffer.from("") },
    ];
    await test.log.append({ entries: [{ payload: Buffer.alloc(0), headers }, {}] });
    const [response] = await readAll(test);
    const entries = response?.batches[0]?.entries ?? [];
    expect(entries).to.have.length(2);
    expect(entries[0]?.headers.map(({ key, value }) => [key, value.length])).to.deep.equal([
      ["k", 1],
      ["k", 0],
    ]);
    expect(entries[1]?.payload).to.have.length(0);
  });

  const longToken = "x".repeat(129);
  const refused: readonly (readonly [string, Buffer, RegExp])[] = [
    ["an empty batch", encodeAppend({}), /no entries/],
    ["an entry over the limit", encodeAppend(append("x".repeat(1_001))), /1001.*1000/],
    [
      "a batch over the limit of bytes",
      encodeAppend(append(...Array.from({ length: 4 }, () => "x".repeat(800)))),
      /3000 bytes/,
    ],
    [
      "a batch over the limit of entries",
      encodeAppend(append("1", "2", "3", "4", "5", "6")),
      /5 entries/,
    ],
    ["bytes that are no message", Buffer.from("hello"), /refused/],
    ["an unknown field", Buffer.concat([encodeAppend(append("a")), Buffer.from([0x48, 1])]), /9/],
    ["an unknown field of an entry", Buffer.from([0x0a, 2, 0x48, 1]), /field 9/],
    [
      "a header without a key",
      encodeAppend({ entries: [{ headers: [{ value: Buffer.from("v") }] }] }),
      /key/,
    ],
    [
      "a producer without a number",
      encodeAppend({ ...append("a"), producer: { producerId: 1n, sequence: 0n } }),
      /sequence/,
    ],
    ["a token that is too long", encodeAppend({ ...append("a"), fencingToken: longToken }), /129/],
  ];
  for (const [name, bytes, message] of refused) {
    it(`refuses ${name}`, async () => {
      const error = await failure(callRaw(test.address, path, bytes));
      expect(error).to.deep.include({ kind: "invalid", details: { outcome: "not_committed" } });
      expect(error.message).to.match(message);
      expect(test.node.log.nextIndex).to.equal(1);
    });
  }

  it("refuses by name what is far over its limit, and what is over gRPC's", async () => {
    const far = await failure(
      callRaw(test.address, path, encodeAppend(append("x".repeat(1_000_000)))),
    );
    expect(far).to.include({ kind: "invalid" });
    expect(far.message).to.match(/1000000.*1000 /);
    const beyond = await failure(
      callRaw(test.address, path, encodeAppend(append(Buffer.alloc(20_000_000)))),
    );
    expect(beyond).to.include({ kind: "invalid" });
    expect(beyond.message).to.match(/message over the server's limit/);
    expect((await test.log.append(append("a"))).firstIndex).to.equal(1n);
  });

  it("passes the node's refusal on", async () => {
    test.node.failNext(new SuraftError("overloaded", "slow down", { retryDelayMs: 40 }));
    const error = await failure(test.log.append(append("a")));
    expect(error).to.include({ kind: "overloaded", message: "slow down", retryDelayMs: 40 });
  });

  it("does not read what an overloaded node would refuse", async () => {
    const details = { outcome: "not_committed" };
    const full = new SuraftError("overloaded", "too many", { details, retryDelayMs: 40 });
    test.node.appendRefusal = () => full;
    // Whatever it holds: this would be invalid.
    for (const message of [append("a"), append()]) {
      const error = await failure(test.log.append(message));
      expect(error).to.include({ kind: "overloaded", message: "too many", retryDelayMs: 40 });
      expect(error.details).to.deep.equal(details);
    }
    expect(test.node.appenders).to.deep.equal([]);
    test.node.appendRefusal = () => undefined;
    expect((await test.log.append(append("a"))).firstIndex).to.equal(1n);
  });

  it("answers thousands that come at once, all in the log", async () => {
    const answers = await Promise.all(
      Array.from({ length: 3000 }, () => test.log.append(append("a"))),
    );
    expect(new Set(answers.map(({ firstIndex }) => firstIndex)).size).to.equal(3000);
  });

  it("forgets calls that are cancelled before they began", async () => {
    await test.log.append(append("a"));
    const controller = new AbortController();
    const { signal } = controller;
    // Eight are refused in a turn; the others wait, and are cancelled meanwhile.
    const full = new SuraftError("overloaded", "too many");
    let asked = 0;
    test.node.appendRefusal = () => {
      asked += 1;
      controller.abort();
      return full;
    };
    const calls = Array.from({ length: 500 }, () =>
      failure(test.log.append(append("b"), { signal })),
    );
    for (const { kind } of await Promise.all(calls)) expect(kind).to.equal("cancelled");
    await until(() => asked >= 500, test);
    expect(asked).to.equal(500);
    test.node.appendRefusal = () => undefined;
    await test.log.append(append("c"));
    expect(payloads(await readAll(test))).to.deep.equal(["1 a", "2 c"]);
  });

  it("waits for a leader within the deadline, then says UNAVAILABLE: certainly not in the log", async () => {
    test.node.lead(false);
    const error = await failure(test.log.append(append("a"), { timeoutMs: 200 }));
    expect(error.kind).to.equal("unavailable");
    const late = test.log.append(append("b"), { timeoutMs: 10_000 });
    test.node.lead(true);
    expect((await late).firstIndex).to.equal(1n);
  });

  it("drops the append of a client that has gone", async () => {
    test.node.hold();
    const cancel = new AbortController();
    const gone = failure(
      test.log.append(append("a"), { signal: cancel.signal, lost: "unknown_outcome" }),
    );
    await until(() => test.node.waiting === 1, test);
    cancel.abort();
    expect((await gone).kind).to.equal("cancelled");
    await until(() => test.node.appenders[0]?.closed === true, test);
    test.node.release();
    expect((await test.log.append(append("b"))).firstIndex).to.equal(1n);
  });

  it("takes a thousand at once over one connection", async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => test.log.append(append(String(i)))),
    );
    const indexes = answers.map(({ firstIndex }) => Number(firstIndex)).sort((a, b) => a - b);
    expect(indexes).to.deep.equal(Array.from({ length: 1_000 }, (_, i) => i + 1));
  });

  it("answers what it took in before the server stops, and refuses what comes later", async () => {
    test.node.hold();
    const taken = test.log.append(append("a"));
    await until(() => test.node.waiting === 1, test);
    const stopped = test.server.stop({ graceMs: 10_000 });
    const late = failure(test.log.append(append("b")));
    expect((await late).kind).to.equal("unavailable");
    test.node.release();
    expect((await taken).firstIndex).to.equal(1n);
    await stopped;
  });

  it("says UNKNOWN_OUTCOME where a stop could not wait for the answer", async () => {
    test.node.hold();
    const taken = failure(test.log.append(append("a")));
    await until(() => test.node.waiting === 1, test);
    await test.server.stop({ graceMs: 10 });
    expect((await taken).kind).to.equal("unknown_outcome");
  });

  it("has an unknown outcome when the connection breaks, and none when there is no connection", async () => {
    test.node.hold();
    const proxy = await startProxy(test.address);
    const connection = openConnection(proxy.address);
    const client = serviceClient(defineService(LogService, {}), connection);
    const lost = failure(client.append(append("a"), { lost: "unknown_outcome" }));
    await until(() => test.node.waiting === 1, test);
    proxy.cut();
    expect((await lost).kind).to.equal("unknown_outcome");
    const never = failure(client.append(append("b"), { lost: "unknown_outcome" }));
    expect((await never).kind).to.equal("unavailable");
    await until(() => test.node.appenders[0]?.closed === true, test);
    connection.close();
  });
});
