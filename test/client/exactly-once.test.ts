import { expect } from "chai";
import { connect, type Client } from "../../src/client/client.js";
import { SuraftError } from "../../src/errors.js";
import { MemoryLog, startLogDouble, type LogDouble } from "./log-double.js";
import type { AppendSession, SessionOptions } from "../../src/client/session.js";
import type { Appended } from "../../src/client/types.js";

const unavailable = new SuraftError("unavailable", "no leader");

describe("exactly once", () => {
  let log: MemoryLog;
  let servers: LogDouble[] = [];
  let client: Client;

  beforeEach(async () => {
    log = new MemoryLog();
    servers = [await startLogDouble({ log }), await startLogDouble({ log })];
    client = connect(
      servers.map(({ address }) => address),
      { timeoutMs: 3000 },
    );
  });

  afterEach(async () => {
    client.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const entry = (text: string) => [{ payload: Buffer.from(text) }];
  const first = (): LogDouble => servers[0] ?? expect.fail("two servers run");
  const second = (): LogDouble => servers[1] ?? expect.fail("two servers run");

  async function errorOf(append: Promise<unknown>): Promise<SuraftError> {
    try {
      await append;
    } catch (error) {
      if (error instanceof SuraftError) return error;
      throw error;
    }
    return expect.fail("it succeeded");
  }

  /** What its user hears of an append: `2`, `2 again` or the kind of the failure. */
  const heard = (append: Promise<Appended>) =>
    append.then(
      ({ firstIndex, repeat }) => `${String(firstIndex)}${repeat ? " again" : ""}`,
      (error: unknown) => (error instanceof SuraftError ? error.kind : String(error)),
    );

  describe("in a session", () => {
    it("is the default: what a broken connection left unknown is neither lost nor doubled", async () => {
      const session = client.openSession();
      const before = ["a", "b"].map((text) => heard(session.append(entry(text))));
      expect(await Promise.all(before)).to.deep.equal(["1", "2"]);
      first().spoils.push({ type: "mute", store: true });
      log.on("appended", () => {
        if (log.nextIndex === 5) first().cut();
      });
      const after = ["c", "d", "e", "f"].map((text) => heard(session.append(entry(text))));
      await session.close();
      const told = await Promise.all(after);
      // The first server stored these two at least, and said nothing.
      expect(told.slice(0, 2)).to.deep.equal(["3 again", "4 again"]);
      expect(told.map((word) => parseInt(word, 10))).to.deep.equal([3, 4, 5, 6]);
      expect(log.texts).to.deep.equal(["a", "b", "c", "d", "e", "f"]);
    });

    it("survives a connection that breaks again and again", async () => {
      const session = client.openSession({ windowAppends: 50 });
      const texts = Array.from({ length: 2000 }, (_, index) => `line ${String(index)}`);
      log.on("appended", () => {
        if (log.nextIndex % 171 === 0) servers.forEach((server) => server.cut());
      });
      const answers: Promise<Appended>[] = [];
      for (const text of texts) {
        await session.room();
        answers.push(session.append(entry(text)));
      }
      await session.close();
      const indexes = (await Promise.all(answers)).map(({ firstIndex }) => firstIndex);
      expect(log.texts).to.deep.equal(texts);
      expect(indexes).to.deep.equal(texts.map((_, index) => index + 1));
    });

    it("goes on, without a double, after a node said that it does not know", async () => {
      const error = new SuraftError("unknown_outcome", "the leader was lost");
      first().spoils.push(undefined, { type: "refuse", error });
      const session = client.openSession();
      const answers = ["a", "b", "c"].map((text) => heard(session.append(entry(text))));
      await session.close();
      expect(await Promise.all(answers)).to.deep.equal(["1", "2", "3"]);
      expect(log.texts).to.deep.equal(["a", "b", "c"]);
    });

    it("leaves a silent node for another one, within its time", async () => {
      first().spoils.push(undefined, { type: "mute", store: true });
      const session = client.openSession({ timeoutMs: 1500 });
      expect(await heard(session.append(entry("a")))).to.equal("1");
      expect(await heard(session.append(entry("b")))).to.equal("2 again");
      expect(log.texts).to.deep.equal(["a", "b"]);
    });

    it("opens one producer, when it is first needed", async () => {
      const session = client.openSession();
      expect(session.producerId).to.equal(undefined);
      await session.append(entry("a"));
      expect(session.producerId).to.equal(1);
      first().cut();
      await session.append(entry("b"));
      expect(session.producerId).to.equal(1);
      await session.close();
      expect(await client.openProducer()).to.equal(2);
    });

    it("opens its producer at another node where one refuses", async () => {
      first().openFailures.push(unavailable);
      const session = client.openSession();
      expect(await heard(session.append(entry("a")))).to.equal("1");
    });

    it("ends where no producer can be had, and has appended nothing", async () => {
      first().openFailures.push(new SuraftError("not_served", "this server is too old"));
      const session = client.openSession();
      expect(await heard(session.append(entry("a")))).to.equal("unavailable");
      expect((await errorOf(session.close())).kind).to.equal("not_served");
      expect(log.texts).to.deep.equal([]);
    });

    it("takes another producer if its own expired while nothing was open", async () => {
      const session = client.openSession();
      await session.append(entry("a"));
      log.model.expire(1);
      const answers = ["b", "c"].map((text) => heard(session.append(entry(text))));
      expect(await Promise.all(answers)).to.deep.equal(["2", "3"]);
      expect(session.producerId).to.equal(2);
      expect(log.texts).to.deep.equal(["a", "b", "c"]);
    });

    it("does not know what became of open appends if its producer expired meanwhile", async () => {
      first().spoils.push({ type: "mute", store: true });
      log.on("appended", () => {
        log.model.expire(1);
        first().cut();
      });
      const session = client.openSession();
      const error = await errorOf(session.append(entry("a")));
      expect(error.kind).to.equal("unknown_outcome");
      expect(error.details).to.include({ producer_id: "1", sequence: "1", outcome: "unknown" });
      expect(log.texts).to.deep.equal(["a"]);
    });

    it("names producer and number of what it had to leave unknown", async () => {
      const mute = { type: "mute", store: false } as const;
      first().spoils.push(undefined, ...Array.from({ length: 20 }, () => mute));
      second().refuseConnections();
      const session = client.openSession({ timeoutMs: 300 });
      await session.append(entry("a"));
      const error = await errorOf(session.append(entry("b")));
      expect(error.kind).to.equal("unknown_outcome");
      expect(error.details).to.include({ producer_id: "1", sequence: "2" });
      const numbered = { producerId: 1, sequence: 2 };
      expect(await client.getOutcome(numbered)).to.deep.equal({
        type: "undecided",
        lastSequence: 1,
      });
      expect(await client.getOutcome(numbered, { settle: true })).to.deep.equal({
        type: "notCommitted",
        lastSequence: 1,
      });
    });

    it("ends where another one uses the same producer, and says so", async () => {
      const producer = { producerId: await client.openProducer(), sequence: 1 };
      const [one, other] = [client.openSession({ producer }), client.openSession({ producer })];
      expect(await heard(one.append(entry("one 1")))).to.equal("1");
      const error = await errorOf(other.append(entry("other 1")));
      expect(error.kind).to.equal("conflict");
      expect(error.details).to.include({ condition: "sequence_reused", sequence: "1" });
      expect(await heard(one.append(entry("one 2")))).to.equal("2");
      expect(log.texts).to.deep.equal(["one 1", "one 2"]);
    });

    it("goes on with an application's own producer after its restart", async () => {
      const producerId = await client.openProducer();
      const through = async (session: AppendSession, texts: readonly string[]) =>
        Promise.all(texts.map((text) => heard(session.append(entry(text)))));
      const before = client.openSession({ producer: { producerId, sequence: 1 } });
      expect(await through(before, ["a", "b"])).to.deep.equal(["1", "2"]);
      // It knows of the first answer only.
      const after = client.openSession({ producer: { producerId, sequence: 2 } });
      expect(await through(after, ["b", "c"])).to.deep.equal(["2 again", "3"]);
      const ahead = client.openSession({ producer: { producerId, sequence: 9 } });
      const gap = await errorOf(ahead.append(entry("x")));
      expect(gap.details).to.include({ condition: "sequence_gap", last_sequence: "3" });
    });

    it("resolves a repeat whose place is forgotten, with the index 0", async () => {
      log.model.forgetful = true;
      first().spoils.push({ type: "mute", store: true });
      log.once("appended", () => {
        first().cut();
      });
      const session = client.openSession();
      const appended = await session.append([...entry("a"), ...entry("b")]);
      expect(appended).to.include({ firstIndex: 0, lastIndex: 0, repeat: true });
    });

    it("carries demands with each append, and ends at the first that does not hold", async () => {
      const session = client.openSession();
      const a = heard(session.append(entry("a"), { expectedNextIndex: 1, setFencingToken: "t" }));
      const b = heard(session.append([{ payload: Buffer.from("b"), key: "k" }]));
      const holds = { fencingToken: "t", keyConditions: [{ key: "k", sinceIndex: 3 }] };
      const c = heard(session.append(entry("c"), holds));
      const d = heard(session.append(entry("d"), { expectedNextIndex: 2 }));
      const e = heard(session.append(entry("e")));
      expect(await Promise.all([a, b, c, d])).to.deep.equal(["1", "2", "3", "conflict"]);
      expect(await e).to.be.oneOf(["conflict", "unavailable"]);
      expect(log.texts).to.deep.equal(["a", "b", "c"]);
    });

    const lateRefusals: readonly (readonly [string, string, SuraftError])[] = [
      ["certain", "for good", conflict("expected_next_index", { next_index: "9" })],
      ["certain", "of a key for good", conflict("key", { key: "k", index: "3" })],
      ["unknown", "that may pass", conflict("expected_next_index", { next_index: "1" })],
      ["unknown", "of a token", conflict("fencing_token", { since_index: "1" })],
      ["unknown", "of another kind", new SuraftError("invalid", "the entry is too large")],
    ];
    for (const [fate, name, error] of lateRefusals) {
      it(`is ${fate} of an append that was left unknown before a refusal ${name}`, async () => {
        first().spoils.push({ type: "mute", store: false });
        second().spoils.push({ type: "refuse", error });
        const session = client.openSession({ timeoutMs: 1500 });
        const failure = await errorOf(session.append(entry("a"), { expectedNextIndex: 5 }));
        expect(failure.kind).to.equal(fate === "certain" ? error.kind : "unknown_outcome");
      });
    }

    it("refuses, before it sends it, what is no append, and goes on", async () => {
      const session = client.openSession();
      const bad = [{ expectedNextIndex: -1 }, { keyConditions: [{ key: "k", sinceIndex: 0.5 }] }];
      for (const demands of bad) {
        expect((await errorOf(session.append(entry("x"), demands))).kind).to.equal("invalid");
      }
      const unkeyed = session.append([{ payload: Buffer.from("x"), key: "" }]);
      expect((await errorOf(unkeyed)).kind).to.equal("invalid");
      expect(await heard(session.append(entry("a")))).to.equal("1");
    });

    it("can be switched off, and opens no producer then", async () => {
      const off: readonly SessionOptions[] = [
        { delivery: "atMostOnce" },
        { delivery: "atLeastOnce" },
      ];
      for (const options of off) {
        const session = client.openSession(options);
        await session.append(entry("a"));
        await session.close();
        expect(session.producerId).to.equal(undefined);
      }
      expect(await client.openProducer()).to.equal(1);
    });
  });

  describe("of a single append", () => {
    it("repeats a numbered one, at the next node, until its outcome is known", async () => {
      const producer = { producerId: await client.openProducer(), sequence: 1 };
      first().spoils.push({ type: "mute", store: true });
      log.once("appended", () => {
        first().cut();
      });
      const appended = await client.append(entry("a"), { producer });
      expect(appended).to.include({ firstIndex: 1, lastIndex: 1, repeat: true });
      expect(await client.append(entry("a"), { producer })).to.deep.equal(appended);
      expect(log.texts).to.deep.equal(["a"]);
    });

    it("does not repeat one without a number", async () => {
      first().spoils.push({ type: "mute", store: true });
      log.once("appended", () => {
        first().cut();
      });
      expect((await errorOf(client.append(entry("a")))).kind).to.equal("unknown_outcome");
      expect(log.texts).to.deep.equal(["a"]);
    });

    it("does not call certain what an earlier try left unknown", async () => {
      const producer = { producerId: await client.openProducer(), sequence: 1 };
      first().spoils.push({ type: "mute", store: false });
      second().spoils.push({
        type: "refuse",
        error: conflict("expected_next_index", { next_index: "1" }),
      });
      setTimeout(() => first().cut(), 50);
      const options = { producer, expectedNextIndex: 2 };
      const error = await errorOf(client.append(entry("a"), options));
      expect(error.kind).to.equal("unknown_outcome");
    });

    it("says of a condition that did not hold how the log is", async () => {
      await client.append([{ payload: Buffer.from("a"), key: "k" }]);
      const cases = [
        [{ expectedNextIndex: 1 }, { condition: "expected_next_index", next_index: "2" }],
        [{ fencingToken: "t" }, { condition: "fencing_token", since_index: "0" }],
        [
          { keyConditions: [{ key: "k", sinceIndex: 1 }] },
          { condition: "key", key: "k", index: "1" },
        ],
      ] as const;
      for (const [demands, details] of cases) {
        const error = await errorOf(client.append(entry("x"), demands));
        expect(error.kind).to.equal("conflict");
        expect(error.details).to.deep.equal(details);
      }
      expect(log.texts).to.deep.equal(["a"]);
    });

    it("tells where a numbered append stands, and what it cannot know", async () => {
      const producerId = await client.openProducer();
      await client.append([...entry("a"), ...entry("b")], {
        producer: { producerId, sequence: 1 },
      });
      expect(await client.getOutcome({ producerId, sequence: 1 })).to.deep.equal({
        type: "committed",
        firstIndex: 1,
        lastIndex: 2,
        term: 7,
        timestampMs: 1_700_000_000_000,
      });
      log.model.expire(producerId);
      const expired = errorOf(client.getOutcome({ producerId, sequence: 1 }));
      expect((await expired).kind).to.equal("producer_expired");
      const never = errorOf(client.getOutcome({ producerId: 77, sequence: 1 }));
      expect((await never).kind).to.equal("invalid");
    });
  });
});

function conflict(condition: string, details: Readonly<Record<string, string>>): SuraftError {
  return new SuraftError("conflict", "not so", { details: { condition, ...details } });
}
