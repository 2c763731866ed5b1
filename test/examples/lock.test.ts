import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Client } from "suraft/client";
import { MemorySnapshots } from "suraft/replica";
import { startTestCluster, type TestCluster } from "suraft/testing";
import { openLockSession, type LockSession } from "../../examples/lock/lock-client.js";
import { startLockServer } from "../../examples/lock/lock-server.js";
import { openLockService, type LockService } from "../../examples/lock/lock-service.js";
import type { JsonServer } from "../../examples/shared/json-server.js";
import { Child } from "../process/child.js";
import { makeDirectory, removeDirectory } from "../process/scratch.js";
import { failureOf } from "../replica/tally.js";
import { exampleMain, ServiceProcess } from "./service-process.js";

describe("the lock example", function () {
  this.timeout(30_000);
  let cluster: TestCluster;
  let client: Client;
  const services: LockService[] = [];

  beforeEach(async () => {
    cluster = await startTestCluster({ nodeCount: 1 });
    ({ client } = cluster);
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.stop()));
    await cluster.close();
  });

  async function open(snapshots?: MemorySnapshots): Promise<LockService> {
    const service = await openLockService({
      client,
      ...(snapshots === undefined ? {} : { snapshots }),
    });
    services.push(service);
    return service;
  }

  it("gives a lock to one, and to those in line one after another, with greater tokens", async () => {
    const [one, two] = [await open(), await open()];
    const sessions = [await one.open(60_000), await two.open(60_000), await one.open(60_000)];
    const [a = 0, b = 0, c = 0] = sessions;
    const lock = "l";
    const held = await one.acquire({ session: a, lock, waitMs: 0 });
    expect(held).to.deep.equal({ type: "held", token: 4 });
    expect(await two.acquire({ session: a, lock, waitMs: 0 })).to.deep.equal(held);
    expect(await two.acquire({ session: b, lock, waitMs: 0 })).to.deep.equal({ type: "waiting" });
    expect(await one.acquire({ session: c, lock, waitMs: 0 })).to.deep.equal({ type: "waiting" });
    const next = two.acquire({ session: b, lock, waitMs: 20_000 });
    await one.holder(lock);
    await one.release(a, lock);
    const { token } = (await next) as { readonly token: number };
    expect(token).to.be.greaterThan(4);
    await one.close(b);
    expect(await two.holder(lock)).to.include({ holder: c });
    await one.close(c);
    expect(await two.holder(lock)).to.equal(undefined);
  });

  it("ends a session that is not renewed, and frees what it held", async () => {
    const [one, two] = [await open(), await open()];
    const [dead, alive] = [await one.open(300), await two.open(60_000)];
    await one.acquire({ session: dead, lock: "l", waitMs: 0 });
    const standing = await two.acquire({ session: alive, lock: "l", waitMs: 20_000 });
    expect(standing.type).to.equal("held");
    expect(await failureOf(one.renew(dead))).to.have.property("kind", "conflict");
    await two.renew(alive);
  });

  it("lets a renewal win over an end that was proposed without knowing of it", async () => {
    const service = await open();
    const session = await service.open(60_000);
    await service.renew(session);
    const late = { op: "expire", session, renewed: session };
    await client.append([{ payload: Buffer.from(JSON.stringify(late)) }]);
    await service.renew(session);
    const due = { op: "expire", session, renewed: 4 };
    await client.append([{ payload: Buffer.from(JSON.stringify(due)) }]);
    expect(await failureOf(service.renew(session))).to.have.property("kind", "conflict");
  });

  it("knows sessions, holders and lines again from a snapshot", async () => {
    const snapshots = new MemorySnapshots();
    const one = await open(snapshots);
    const [a, b] = [await one.open(60_000), await one.open(500)];
    await one.acquire({ session: a, lock: "l", waitMs: 0 });
    await one.acquire({ session: b, lock: "l", waitMs: 0 });
    const before = await one.holder("l");
    const bounds = { signal: new AbortController().signal };
    const state = {
      sessions: [
        [a, { ttlMs: 60_000, renewed: a }],
        [b, { ttlMs: 500, renewed: b }],
      ],
      locks: [["l", before]],
    };
    await snapshots.put(5, chunk(JSON.stringify(state)), bounds);
    await one.stop();
    const two = await open(snapshots);
    expect(await two.holder("l")).to.deep.equal({ holder: a, token: 3, waiting: [b] });
    // Nobody renews b: the new process ends it by itself.
    const c = await two.open(60_000);
    await two.acquire({ session: c, lock: "l", waitMs: 0 });
    while ((await two.holder("l"))?.waiting.includes(b) === true);
    expect(await two.holder("l")).to.deep.equal({ holder: a, token: 3, waiting: [c] });
  });

  it("refuses what makes no sense", async () => {
    const service = await open();
    expect(await failureOf(service.open(1))).to.have.property("kind", "invalid");
    const session = await service.open(60_000);
    const nameless = service.acquire({ session, lock: "", waitMs: 0 });
    expect(await failureOf(nameless)).to.have.property("kind", "invalid");
    const stranger = service.acquire({ session: 999, lock: "l", waitMs: 0 });
    expect(await failureOf(stranger)).to.have.property("kind", "conflict");
    const rubbish = ["null", '{"op":"open"}', '{"op":"acquire","session":2}', '{"op":"x"}'];
    await client.append(rubbish.map((text) => ({ payload: Buffer.from(text) })));
    await service.renew(session);
  });

  describe("from a program", () => {
    let server: JsonServer;
    const sessions: LockSession[] = [];

    beforeEach(async () => {
      server = await startLockServer(await open(), "127.0.0.1:0");
    });

    afterEach(async () => {
      await Promise.all(sessions.splice(0).map((one) => one.close().catch(() => undefined)));
      await server.close();
    });

    async function session(ttlMs: number): Promise<LockSession> {
      // The first address is nobody's.
      const urls = ["http://127.0.0.1:1", `http://${server.address}`];
      const opened = await openLockSession({ urls, ttlMs });
      sessions.push(opened);
      return opened;
    }

    it("holds a lock beyond its time by renewing, and hands it over", async () => {
      const [one, two] = [await session(600), await session(600)];
      const lease = await one.acquire("l");
      const next = two.acquire("l");
      const untilMs = performance.now() + 1500;
      while (performance.now() < untilMs) {
        expect(lease.lost.aborted).to.equal(false);
        await services[0]?.holder("l");
      }
      await lease.release();
      expect((await next).token).to.be.greaterThan(lease.token);
    });

    it("hears that its locks are lost when nobody answers any more", async () => {
      const one = await session(400);
      const lease = await one.acquire("l");
      const lost = new Promise((resolve) => lease.lost.addEventListener("abort", resolve));
      await server.close();
      await lost;
      expect(await failureOf(one.acquire("m"))).to.have.property("kind", "conflict");
    });

    it("gives up its place in line with the signal", async () => {
      const [one, two] = [await session(5000), await session(5000)];
      await one.acquire("l");
      const abort = new AbortController();
      const waiting = failureOf(two.acquire("l", { signal: abort.signal }));
      while ((await services[0]?.holder("l"))?.waiting.length !== 1);
      abort.abort();
      expect(await waiting).to.have.property("kind", "cancelled");
      expect((await services[0]?.holder("l"))?.waiting).to.deep.equal([]);
    });
  });
});

describe("the lock example's process", function () {
  this.timeout(60_000);

  it("is started by the README's command", () => {
    const read = (path: string) =>
      readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
    const { scripts } = JSON.parse(read("package.json")) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    expect(read("examples/lock/README.md")).to.contain("npm run example:lock");
    expect(scripts["example:lock"]).to.contain("dist/examples/lock/main.js");
  });

  it("elects a leader among programs, and another one when it is killed", async () => {
    const directory = await makeDirectory();
    const service = await ServiceProcess.start({ name: "lock", flags: {}, directory });
    const flags = ["--url", service.url, "--ttl", "1000"];
    const say = (name: string) => `echo "${name} leads by $LOCK_TOKEN"; exec sleep 600`;
    const run = (name: string): Child =>
      new Child({
        command: process.execPath,
        arguments: [exampleMain("lock"), "run", ...flags, "leader", "--", "sh", "-c", say(name)],
      });
    const programs: Child[] = [];
    try {
      const first = run("one");
      programs.push(first);
      const [, token] = await first.printed(/one leads by (\d+)/, 20_000);
      const second = run("two");
      programs.push(second);
      await first.end();
      const [, next] = await second.printed(/two leads by (\d+)/, 20_000);
      expect(Number(next)).to.be.greaterThan(Number(token));
      const third = run("three");
      programs.push(third);
      second.kill("SIGTERM");
      await third.printed(/three leads by (\d+)/, 20_000);
    } finally {
      await Promise.all(programs.map((program) => program.end()));
      await service.kill();
      await removeDirectory(directory);
    }
  });
});

async function* chunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
