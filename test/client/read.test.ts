import { expect } from "chai";
import { connect, type Client } from "../../src/client/client.js";
import { SuraftError } from "../../src/errors.js";
import { MemoryLog, startLogDouble, type LogDouble } from "./log-double.js";
import type { ReadOptions } from "../../src/client/types.js";
import { create } from "@bufbuild/protobuf";
import { EntrySchema } from "../../gen/suraft/v1/log_pb.js";

const gone = new SuraftError("unavailable", "the node is stopping");

describe("a read", () => {
  let servers: LogDouble[] = [];
  let client: Client | undefined;
  let log = new MemoryLog();

  beforeEach(() => {
    log = new MemoryLog();
  });

  afterEach(async () => {
    client?.close();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
  });

  async function start(count = 1): Promise<LogDouble> {
    servers = await Promise.all(Array.from({ length: count }, () => startLogDouble({ log })));
    client = connect(
      servers.map(({ address }) => address),
      { timeoutMs: 3000 },
    );
    const [first] = servers;
    if (first === undefined) throw new Error("a test needs a server");
    return first;
  }

  function fill(count: number): void {
    for (let number = log.nextIndex; number <= count; number += 1) {
      append(`e${String(number)}`, number * 1000);
    }
  }

  function append(text: string, timestampMs = 0): void {
    log.append([create(EntrySchema, { payload: Buffer.from(text) })], timestampMs);
  }

  /** Texts in the order of delivery; checks that the indexes are dense. */
  async function texts(options: ReadOptions, stopAfter = Infinity): Promise<string[]> {
    const found: string[] = [];
    let next: number | undefined;
    for await (const { batches } of client?.read({ timeoutMs: 3000, ...options }) ?? []) {
      for (const batch of batches) {
        expect(batch.firstIndex).to.equal(next ?? batch.firstIndex);
        next = batch.firstIndex + batch.entries.length;
        found.push(...batch.entries.map(({ payload }) => Buffer.from(payload).toString()));
      }
      if (found.length >= stopAfter) {
        break;
      }
    }
    return found;
  }

  it("delivers everything from the first entry on and ends at the tail", async () => {
    await start();
    fill(3);
    expect(await texts({})).to.deep.equal(["e1", "e2", "e3"]);
  });

  it("asks for what its options say", async () => {
    const { reads } = await start();
    fill(9);
    const start1 = { type: "index", index: 2 } as const;
    expect(await texts({ start: start1, endIndex: 5 })).to.deep.equal(["e2", "e3", "e4"]);
    expect(await texts({ start: { type: "last", count: 2 } })).to.deep.equal(["e8", "e9"]);
    const since = { type: "timestamp", timestampMs: 7000 } as const;
    expect(await texts({ start: since, entriesMax: 2, local: true })).to.deep.equal(["e7", "e8"]);
    expect(reads.map(({ consistency }) => consistency)).to.deep.equal([1, 1, 2]);
  });

  it("goes on at another node right behind what it delivered", async () => {
    const first = await start(2);
    fill(6);
    first.readFailures.push({ after: 4, error: gone });
    expect(await texts({})).to.deep.equal(["e1", "e2", "e3", "e4", "e5", "e6"]);
    expect(servers[1]?.reads.at(-1)?.start).to.deep.equal({ case: "startIndex", value: 5n });
  });

  it("keeps its limits where it goes on", async () => {
    const first = await start(2);
    fill(9);
    first.readFailures.push({ after: 2, error: gone });
    const options = { start: { type: "last", count: 6 }, entriesMax: 3 } as const;
    expect(await texts(options)).to.deep.equal(["e4", "e5", "e6"]);
    first.readFailures.push({ after: 3, error: gone });
    expect(await texts(options)).to.deep.equal(["e4", "e5", "e6"]);
  });

  it("settles where the last n begin when it begins, not when it goes on", async () => {
    const first = await start(2);
    fill(3);
    first.readFailures.push({ after: 0, error: gone });
    const reading = texts({ start: { type: "last", count: 0 }, follow: true }, 1);
    while (servers[1]?.reads.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    append("new");
    expect(await reading).to.deep.equal(["new"]);
    expect(servers[1]?.reads[0]?.start).to.deep.equal({ case: "startIndex", value: 4n });
  });

  it("follows across a broken connection without loss or repetition", async () => {
    const first = await start();
    fill(2);
    log.on("appended", () => {
      if (log.nextIndex === 5) {
        first.cut();
      }
    });
    const reading = texts({ follow: true }, 6);
    for (let number = 3; number <= 6; number += 1) {
      append(`e${String(number)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await reading).to.deep.equal(["e1", "e2", "e3", "e4", "e5", "e6"]);
  });

  it("ends when the caller gives up", async () => {
    await start();
    fill(1);
    const controller = new AbortController();
    const reading = texts({ follow: true, signal: controller.signal });
    setImmediate(() => {
      controller.abort();
    });
    const error: unknown = await reading.catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "cancelled");
  });

  it("passes on an error that no retry can mend, with its details", async () => {
    await start(2);
    fill(2);
    const error: unknown = await texts({ start: { type: "index", index: 9 } }).catch(
      (failure: unknown) => failure,
    );
    expect(error).to.have.property("kind", "out_of_range");
    expect(error).to.have.deep.property("details", { first_index: "1", next_index: "3" });
  });

  it("gives up within its time when no node can be reached", async () => {
    const first = await start();
    first.refuseConnections();
    const error: unknown = await texts({ timeoutMs: 200 }).catch((failure: unknown) => failure);
    expect(error).to.have.property("kind", "unavailable");
  });

  it("leaves a node that is silent though it should have spoken", async () => {
    await start();
    fill(1);
    const error: unknown = await texts({ follow: true, timeoutMs: 150 }).catch(
      (failure: unknown) => failure,
    );
    expect(error)
      .to.have.property("message")
      .that.matches(/has not answered/);
    expect(servers[0]?.reads.length).to.be.at.least(1);
  });
});
