import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { expect } from "chai";

import {
  AppendSessionRequestSchema,
  AppendSessionResponseSchema,
  type AppendSessionResponse,
} from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import {
  append,
  collect,
  encodeAppend,
  payloads,
  readAll,
  startTestService,
  type TestService,
  until,
} from "./test-service.js";

const invalidArgument = 3;
const unavailable = 14;

/** The value once it has stayed the same over many round trips to the server. */
async function settled(test: TestService, value: () => number): Promise<number> {
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

describe("LogService.AppendSession", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService({
      limits: { entryBytesMax: 5_000, appendBytesMax: 10_000, appendEntriesMax: 10 },
      session: { appendsMax: 100, bytesMax: 100_000 },
    });
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  it("answers every append in order and ends well when the client does", async () => {
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write(append("a"));
    call.write(append("b", "c"));
    call.write(append("d"));
    call.end();
    const { acknowledged, error } = await outcome;
    expect(error).to.equal(undefined);
    expect(acknowledged).to.equal(3);
    expect(payloads(await readAll(test))).to.deep.equal(["1 a", "2 b", "3 c", "4 d"]);
  });

  it("ends well where nothing was appended", async () => {
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.end();
    expect(await outcome).to.deep.equal({ answers: [], acknowledged: 0, error: undefined });
  });

  /** A session that sends bytes of one's own. */
  function openRaw() {
    const client = new Client(test.address, credentials.createInsecure());
    const call = client.makeBidiStreamRequest<Buffer, AppendSessionResponse>(
      "/suraft.v1.LogService/AppendSession",
      (message) => message,
      (message) => fromBinary(AppendSessionResponseSchema, message),
    );
    return { client, call };
  }

  /** A message of several appends. */
  function together(...texts: readonly string[]) {
    return { appends: texts.map((text) => append(text)) };
  }

  it("takes several appends in a message as if each had come by itself", async () => {
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write(append("a"));
    call.write(together("b", "c", "d"));
    call.write(append("e"));
    call.end();
    const { acknowledged, error } = await outcome;
    expect(error).to.equal(undefined);
    expect(acknowledged).to.equal(5);
    expect(payloads(await readAll(test))).to.deep.equal(["1 a", "2 b", "3 c", "4 d", "5 e"]);
  });

  it("begins none behind one that it refuses, in the same message or a later one", async () => {
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write({ appends: [append("a"), append(Buffer.alloc(6_000)), append("b")] });
    call.write(together("c"));
    const { answers, error } = await outcome;
    expect(answers[0]).to.equal("ack 1-1 at 1");
    expect(answers).to.have.length(2);
    expect(error?.kind).to.equal("invalid");
    expect(error?.details["answered_appends"]).to.equal("2");
    expect(payloads(await readAll(test))).to.deep.equal(["1 a"]);
  });

  it("keeps the appends that stand before nonsense in a message, and nothing behind it", async () => {
    const gathered = toBinary(
      AppendSessionRequestSchema,
      create(AppendSessionRequestSchema, together("a", "b")),
    );
    const { client, call } = openRaw();
    const outcome = collect(call);
    call.write(Buffer.concat([gathered, encodeAppend(append("c"))]));
    call.write(encodeAppend(append("d")));
    const { acknowledged, error } = await outcome;
    client.close();
    expect(acknowledged).to.equal(2);
    expect(error?.kind).to.equal("invalid");
    expect(error?.message).to.match(/field 1 stands where only 7 belongs/);
    expect(payloads(await readAll(test))).to.deep.equal(["1 a", "2 b"]);
  });

  it("refuses appends beside others in a message, and too many of them", async () => {
    const beside = test.log.appendSession();
    const outcome = collect(beside);
    beside.write({ ...append("a"), ...together("b") });
    expect((await outcome).error?.message).to.match(/field 7 is unknown/);
    const many = test.log.appendSession();
    const bound = collect(many);
    many.write({ appends: Array.from({ length: 8_193 }, () => append("")) });
    const { acknowledged, error } = await bound;
    expect(acknowledged).to.equal(8_192);
    expect(error?.message).to.match(/at most 8192/);
  });

  it("refuses a message of several appends that is too large, whole", async () => {
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write({ appends: Array.from({ length: 300 }, () => append(Buffer.alloc(4_000))) });
    const { answers, error } = await outcome;
    expect(answers).to.deep.equal([`fail 1 ${invalidArgument}`]);
    expect(error?.message).to.match(/at most 1048576 in a message/);
    expect(test.node.log.nextIndex).to.equal(1);
  });

  it("survives fifty thousand appends at once in a window of a hundred", async () => {
    let waitingMax = 0;
    const commit = test.node.log.append.bind(test.node.log);
    test.node.log.append = (runs, timestampMs) => {
      waitingMax = Math.max(waitingMax, runs.length + test.node.waiting);
      return commit(runs, timestampMs);
    };
    const call = test.log.appendSession();
    const outcome = collect(call);
    for (let i = 1; i <= 50_000; i++) {
      if (!call.write(append(String(i)))) {
        await once(call, "drain");
      }
    }
    call.end();
    const { acknowledged, error } = await outcome;
    expect(error).to.equal(undefined);
    expect(acknowledged).to.equal(50_000);
    expect(waitingMax).to.be.within(2, 101);
    const read = payloads(await readAll(test));
    expect(read).to.have.length(50_000);
    expect(read.every((line, i) => line === `${i + 1} ${i + 1}`)).to.equal(true);
  }).timeout(120_000);

  it("joins the answers of one turn into ranges", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    for (let i = 0; i < 50; i++) {
      call.write(append("x", "y"));
    }
    call.end();
    await until(() => test.node.waiting === 50, test);
    test.node.release();
    expect((await outcome).answers).to.deep.equal(["ack 1-50 at 1"]);
  });

  it("bounds what is without an answer, by number and by bytes", async () => {
    for (const [payloadBytes, expected] of [
      [10, 100],
      [4_000, 25],
    ] as const) {
      test.node.hold();
      const before = test.node.log.nextIndex;
      const call = test.log.appendSession();
      const outcome = collect(call);
      for (let i = 0; i < 300; i++) {
        call.write(append(Buffer.alloc(payloadBytes)));
      }
      await until(() => test.node.waiting >= expected, test);
      for (let i = 0; i < 20; i++) {
        await test.cluster.getStatus({});
      }
      // One may come behind the one that filled the window.
      expect(test.node.waiting).to.be.within(expected, expected + 1);
      test.node.release();
      call.end();
      expect((await outcome).acknowledged).to.equal(300);
      expect(test.node.log.nextIndex).to.equal(before + 300);
    }
  });

  it("answers each append behind a failure, begins none, and ends with the first failure", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    for (let i = 0; i < 5; i++) {
      call.write(append("x"));
    }
    await until(() => test.node.waiting === 5, test);
    test.node.failNext(new SuraftError("unknown_outcome", "the store does not answer"));
    const { answers, error } = await outcome;
    expect(answers).to.deep.equal([
      "fail 1 2",
      ...[2, 3, 4, 5].map((n) => `fail ${n} ${unavailable}`),
    ]);
    expect(error).to.include({ kind: "unknown_outcome", message: "the store does not answer" });
    test.node.release();
    expect((await test.log.append(append("y"))).firstIndex).to.equal(1n);
  });

  const bad: readonly (readonly [string, Buffer, number])[] = [
    ["an empty append", encodeAppend({}), invalidArgument],
    ["an entry over the limit", encodeAppend(append("x".repeat(5_001))), invalidArgument],
    ["garbage", Buffer.from("hello"), invalidArgument],
    ["an unknown field", Buffer.from([0x0a, 0, 0x48, 1]), invalidArgument],
    ["an append that is cut off among several", Buffer.from([0x3a, 5, 1]), invalidArgument],
    ["an empty one among several", Buffer.from([0x3a, 0, 0x3a, 0]), invalidArgument],
    ["a message over gRPC's limit", encodeAppend(append(Buffer.alloc(5_000_000))), invalidArgument],
    ["a producer without an id", encodeAppend({ ...append("a"), producer: {} }), invalidArgument],
  ];
  for (const [name, bytes, code] of bad) {
    it(`refuses ${name} in its turn, behind answers to those before`, async () => {
      test.node.hold();
      const { client, call } = openRaw();
      const outcome = collect(call);
      call.write(encodeAppend(append("a")));
      call.write(encodeAppend(append("b")));
      call.write(bytes);
      call.write(encodeAppend(append("never begun")));
      await until(() => test.node.waiting === 2, test);
      test.node.release();
      const { answers, error } = await outcome;
      expect(answers).to.deep.equal(["ack 1-2 at 1", `fail 3 ${code}`]);
      expect(error?.kind).to.equal("invalid");
      expect(test.node.log.nextIndex).to.equal(3);
      client.close();
    });
  }

  it("ends with the failure that is first in order, not first in time", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write(append("a"));
    call.write({ entries: [] });
    await until(() => test.node.waiting === 1, test);
    test.node.failNext(new SuraftError("overloaded", "slow down"));
    const { answers, error } = await outcome;
    expect(answers).to.deep.equal(["fail 1 8", `fail 2 ${invalidArgument}`]);
    expect(error?.kind).to.equal("overloaded");
  });

  it("fails although the client has already ended its side", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write(append("a"));
    call.end();
    await until(() => test.node.waiting === 1, test);
    test.node.failNext(new SuraftError("unavailable", "no leader"));
    expect((await outcome).error?.kind).to.equal("unavailable");
  });

  it("slows a client that does not read its answers", async () => {
    const slowed = await startTestService({ session: { appendsMax: 10 } });
    // The client grants no byte of flow control to the answers.
    const session = connectHttp2(`http://${slowed.address}`, {
      settings: { initialWindowSize: 0 },
    });
    const stream = session.request({
      ":path": "/suraft.v1.LogService/AppendSession",
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    const message = encodeAppend(append("x"));
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    // More than the server's flow control lets in unread.
    const sent = Buffer.concat(Array.from({ length: 1_000_000 }, () => frame));
    let accepted = false;
    stream.write(sent, () => (accepted = true));
    const stuckAt = await settled(slowed, () => slowed.node.log.nextIndex);
    expect(stuckAt).to.be.within(10, 20_000);
    expect(accepted).to.equal(false);
    stream.destroy();
    session.destroy();
    await until(() => slowed.node.appenders[0]?.closed === true, slowed);
    await slowed.stop();
  });

  it("closes the appender of a client that has gone, and answers nobody", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    call.on("error", () => {});
    call.write(append("a"));
    await until(() => test.node.waiting === 1, test);
    call.cancel();
    await until(() => test.node.appenders[0]?.closed === true, test);
    test.node.release();
    expect((await test.log.append(append("b"))).firstIndex).to.equal(1n);
  });

  it("answers what it took in before the server stops, then ends with UNAVAILABLE", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write(append("a"));
    call.write(append("b"));
    await until(() => test.node.waiting === 2, test);
    const stopped = test.server.stop({ graceMs: 10_000 });
    test.node.release();
    const { answers, error } = await outcome;
    await stopped;
    expect(answers).to.deep.equal(["ack 1-2 at 1"]);
    expect(error).to.include({ kind: "unavailable", message: "the server is stopping" });
  });

  it("says UNKNOWN_OUTCOME where a stop could not wait for the answers", async () => {
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    call.write(append("a"));
    await until(() => test.node.waiting === 1, test);
    await test.server.stop({ graceMs: 10 });
    expect((await outcome).error?.kind).to.equal("unknown_outcome");
  });

  it("keeps the order of each of many sessions", async () => {
    const sessions = Array.from({ length: 20 }, (_, session) => {
      const call = test.log.appendSession();
      const outcome = collect(call);
      for (let i = 0; i < 200; i++) {
        call.write(append(`${session}.${i}`));
      }
      call.end();
      return outcome;
    });
    const outcomes = await Promise.all(sessions);
    expect(outcomes.every(({ acknowledged, error }) => acknowledged === 200 && !error)).to.equal(
      true,
    );
    const lines = payloads(await readAll(test)).map((line) => line.split(" ")[1] ?? "");
    for (let session = 0; session < 20; session++) {
      const own = lines.filter((line) => line.startsWith(`${session}.`));
      expect(own).to.deep.equal(Array.from({ length: 200 }, (_, i) => `${session}.${i}`));
    }
  });
});
