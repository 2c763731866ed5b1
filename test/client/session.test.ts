import { expect } from "chai";
import { connect, type Client } from "../../src/client/client.js";
import { SuraftError } from "../../src/errors.js";
import { MemoryLog, startLogDouble, type LogDouble } from "./log-double.js";
import type { SessionOptions } from "../../src/client/session.js";
import type { Appended } from "../../src/client/types.js";

const unavailable = new SuraftError("unavailable", "no leader");

/** How a server that stops ends a stream. */
function stopping({ answered }: { answered: number }): SuraftError {
  const details = { answered_appends: String(answered) };
  return new SuraftError("unavailable", "the server is stopping", { details });
}

describe("an append session", () => {
  let servers: LogDouble[] = [];
  let client: Client | undefined;

  afterEach(async () => {
    client?.close();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
  });

  async function start(options: { log?: MemoryLog } = {}): Promise<LogDouble> {
    const server = await startLogDouble(options);
    servers.push(server);
    return server;
  }

  function open(options: SessionOptions = {}) {
    client = connect(
      servers.map(({ address }) => address),
      { timeoutMs: 3000 },
    );
    return client.openSession(options);
  }

  const entry = (text: string) => [{ payload: Buffer.from(text) }];
  const kindOf = (append: Promise<Appended>) =>
    append.then(
      ({ firstIndex }) => firstIndex,
      (error: unknown) => (error instanceof SuraftError ? error.kind : String(error)),
    );

  it("keeps the order of appends that were not waited for", async () => {
    const { log } = await start();
    const session = open();
    const texts = Array.from({ length: 500 }, (_, index) => `line ${String(index)}`);
    const answers = texts.map((text) => session.append(entry(text)));
    await session.close();
    const indexes = (await Promise.all(answers)).map(({ firstIndex }) => firstIndex);
    expect(indexes).to.deep.equal(texts.map((_, index) => index + 1));
    expect(log.texts).to.deep.equal(texts);
  });

  it("sends together what comes while a message leaves, and a lone append at once", async () => {
    const { log } = await start();
    const session = open();
    await session.append(entry("a"));
    const answers = Array.from({ length: 5000 }, () => session.append(entry("b")));
    await Promise.all(answers);
    const messages = log.sessionMessages;
    await session.close();
    expect(messages.slice(0, 2)).to.deep.equal([1, 1]);
    expect(messages.reduce((sum, count) => sum + count)).to.equal(5001);
    expect(messages.length).to.be.lessThan(10);
    expect(Math.max(...messages)).to.be.at.most(4096);
  });

  it("sends large appends in several messages", async () => {
    const { log } = await start();
    const session = open();
    const large = [{ payload: Buffer.alloc(100_000) }];
    for (let i = 0; i < 8; i++) void session.append(large);
    await session.close();
    expect(log.nextIndex).to.equal(9);
    expect(Math.max(...log.sessionMessages)).to.equal(2);
  });

  it("cuts messages by what conditions weigh too", async () => {
    const { log } = await start();
    const session = open({ delivery: "atMostOnce" });
    await session.append([{ payload: Buffer.from("a"), key: "k" }]);
    const keyConditions = Array.from({ length: 200 }, () => ({
      key: "k".repeat(200),
      sinceIndex: 1,
    }));
    const answers = Array.from({ length: 60 }, () => session.append(entry("b"), { keyConditions }));
    await Promise.all(answers);
    await session.close();
    // 42 kB each.
    expect(Math.max(...log.sessionMessages)).to.equal(6);
  });

  it("knows of what never left that it is not in the log", async () => {
    const { spoils, log } = await start();
    spoils.push({ type: "end", error: new SuraftError("unknown_outcome", "the server stopped") });
    const session = open({ delivery: "atMostOnce", windowBytes: 64 * 1024 ** 2 });
    const large = [{ payload: Buffer.alloc(200_000) }];
    const answers = Array.from({ length: 200 }, () => kindOf(session.append(large)));
    await session.close().catch(() => undefined);
    const kinds = await Promise.all(answers);
    expect([kinds[0], kinds.at(-1)]).to.deep.equal(["unknown_outcome", "unavailable"]);
    expect(log.nextIndex).to.equal(1);
  });

  it("tells the indexes, term and time of an append of several entries", async () => {
    await start();
    const session = open();
    const first = session.append(entry("a"));
    const second = session.append([...entry("b"), ...entry("c")]);
    await session.close();
    expect(await first).to.include({ firstIndex: 1, lastIndex: 1 });
    expect(await second).to.deep.equal({
      firstIndex: 2,
      lastIndex: 3,
      term: 7,
      timestampMs: 1_700_000_000_000,
      repeat: false,
    });
  });

  it("refuses an append beyond its window and takes one again when there is room", async () => {
    await start();
    const session = open({ windowAppends: 2 });
    const first = session.append(entry("a"));
    const second = session.append(entry("b"));
    expect(() => session.append(entry("c"))).to.throw(SuraftError, "window is full");
    await session.room();
    const third = session.append(entry("c"));
    await session.close();
    const indexes = (await Promise.all([first, second, third])).map((one) => one.firstIndex);
    expect(indexes).to.deep.equal([1, 2, 3]);
  });

  it("sends again, at the next node, what a node certainly did not append", async () => {
    const log = new MemoryLog();
    const first = await start({ log });
    await start({ log });
    first.spoils.push(undefined, { type: "refuse", error: unavailable });
    const session = open();
    const answers = ["a", "b", "c"].map((text) => kindOf(session.append(entry(text))));
    await session.close();
    expect(await Promise.all(answers)).to.deep.equal([1, 2, 3]);
    expect(log.texts).to.deep.equal(["a", "b", "c"]);
  });

  it("sends again, at the next node, what a node that stops never took", async () => {
    const log = new MemoryLog();
    const first = await start({ log });
    await start({ log });
    first.spoils.push(undefined, {
      type: "end",
      error: stopping({ answered: 1 }),
    });
    const session = open();
    const answers = ["a", "b", "c"].map((text) => kindOf(session.append(entry(text))));
    await session.close();
    expect(await Promise.all(answers)).to.deep.equal([1, 2, 3]);
    expect(log.texts).to.deep.equal(["a", "b", "c"]);
  });

  it("does not know what became of what a node answered, if the answer did not come", async () => {
    const { spoils } = await start();
    spoils.push({ type: "end", error: stopping({ answered: 1 }) });
    const session = open({ delivery: "atMostOnce" });
    expect(await kindOf(session.append(entry("a")))).to.equal("unknown_outcome");
  });

  it("does not know what became of what a node gave up on", async () => {
    const { spoils } = await start();
    spoils.push({ type: "end", error: new SuraftError("unknown_outcome", "the server stopped") });
    const session = open({ delivery: "atMostOnce" });
    expect(await kindOf(session.append(entry("a")))).to.equal("unknown_outcome");
  });

  it("begins at another node when the first cannot be reached", async () => {
    const first = await start();
    const second = await start();
    first.refuseConnections();
    const session = open();
    expect(await kindOf(session.append(entry("a")))).to.equal(1);
    await session.close();
    expect(second.log.texts).to.deep.equal(["a"]);
  });

  it("stops, at most once, where an append may be in the log or not", async () => {
    const log = new MemoryLog();
    const first = await start({ log });
    await start({ log });
    first.spoils.push(undefined, { type: "mute", store: true });
    log.on("appended", () => {
      if (log.nextIndex === 3) {
        first.cut();
      }
    });
    const session = open({ delivery: "atMostOnce" });
    const a = kindOf(session.append(entry("a")));
    expect(await a).to.equal(1);
    const b = kindOf(session.append(entry("b")));
    expect(await b).to.equal("unknown_outcome");
    expect(await kindOf(session.append(entry("c")))).to.equal("unavailable");
    expect(log.texts).to.deep.equal(["a", "b"]);
    const failure: unknown = await session.close().catch((error: unknown) => error);
    expect(failure).to.have.property("kind", "unknown_outcome");
  });

  it("sends an append of unknown outcome a second time, at least once", async () => {
    const log = new MemoryLog();
    const first = await start({ log });
    await start({ log });
    first.spoils.push(undefined, { type: "mute", store: true });
    log.on("appended", () => {
      if (log.nextIndex === 3) {
        first.cut();
      }
    });
    const session = open({ delivery: "atLeastOnce" });
    expect(await kindOf(session.append(entry("a")))).to.equal(1);
    expect(await kindOf(session.append(entry("b")))).to.equal(3);
    await session.close();
    expect(log.texts).to.deep.equal(["a", "b", "b"]);
  });

  it("says that the outcome is unknown when a node that took an append is silent too long", async () => {
    const { spoils } = await start();
    spoils.push({ type: "mute", store: false });
    const session = open({ timeoutMs: 100 });
    expect(await kindOf(session.append(entry("a")))).to.equal("unknown_outcome");
  });

  it("never calls an outcome certain once it was unknown", async () => {
    const log = new MemoryLog();
    const first = await start({ log });
    const second = await start({ log });
    first.spoils.push({ type: "mute", store: true });
    second.spoils.push({ type: "refuse", error: new SuraftError("invalid", "too large") });
    log.on("appended", () => {
      first.cut();
    });
    const session = open({ delivery: "atLeastOnce" });
    expect(await kindOf(session.append(entry("a")))).to.equal("unknown_outcome");
  });

  it("ends with a refusal that no retry can mend", async () => {
    const { spoils, log } = await start();
    spoils.push({ type: "refuse", error: new SuraftError("invalid", "the entry is too large") });
    const session = open();
    const a = kindOf(session.append(entry("a")));
    const b = kindOf(session.append(entry("b")));
    expect(await a).to.equal("invalid");
    expect(await b).to.be.oneOf(["invalid", "unavailable"]);
    expect(log.texts).to.deep.equal([]);
  });

  it("gives up within its time when no node can be reached", async () => {
    const server = await start();
    server.refuseConnections();
    const session = open({ timeoutMs: 200 });
    expect(await kindOf(session.append(entry("a")))).to.equal("unavailable");
  });

  it("knows what it never sent when the caller gives up", async () => {
    const server = await start();
    server.refuseConnections();
    const controller = new AbortController();
    const session = open({ signal: controller.signal });
    const answer = kindOf(session.append(entry("a")));
    controller.abort();
    expect(await answer).to.equal("cancelled");
  });

  it("does not know what became of what it sent when the caller gives up", async () => {
    const { spoils, log } = await start();
    spoils.push({ type: "mute", store: true });
    const controller = new AbortController();
    const session = open({ signal: controller.signal });
    log.on("appended", () => {
      controller.abort();
    });
    expect(await kindOf(session.append(entry("a")))).to.equal("unknown_outcome");
  });

  it("connects anew after its connection broke while it had nothing to send", async () => {
    const server = await start();
    const session = open();
    expect(await kindOf(session.append(entry("a")))).to.equal(1);
    server.cut();
    expect(await kindOf(session.append(entry("b")))).to.equal(2);
    expect(server.log.texts).to.deep.equal(["a", "b"]);
  });
});
