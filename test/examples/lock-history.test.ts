/** Mutual exclusion at the resource, while nodes, the service's processes and holders are killed. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { Child } from "../process/child.js";
import { makeDirectory, removeDirectory } from "../process/scratch.js";
import { TestCluster } from "../process/test-cluster.js";
import { faultsOf, FencedCounter } from "./fenced-counter.js";
import { ServiceProcess } from "./service-process.js";

const ttlMs = 1000;
const holderCount = 3;
const holderProgram = fileURLToPath(new URL("holder-process.js", import.meta.url));

describe("the judge of mutual exclusion", () => {
  const call = (counter: FencedCounter, method: string, token: number, name: string, value = 0) =>
    counter.take({ method, token, name, value });

  it("finds a lost write, a token of two and a second write under one", () => {
    const lost = new FencedCounter();
    call(lost, "PUT", 1, "a", 1);
    call(lost, "PUT", 2, "b", 1);
    expect(faultsOf(lost)).to.have.length(1);
    const shared = new FencedCounter();
    call(shared, "GET", 1, "a");
    call(shared, "GET", 1, "b");
    expect(faultsOf(shared)).to.deep.equal(["token 1 was a's and b's"]);
    const twice = new FencedCounter();
    call(twice, "PUT", 1, "a", 1);
    call(twice, "PUT", 1, "a", 2);
    expect(faultsOf(twice)).to.deep.equal(["2 writes were made under token 1"]);
  });

  it("finds nothing wrong where a late holder was turned away", () => {
    const counter = new FencedCounter();
    call(counter, "GET", 1, "a");
    call(counter, "PUT", 2, "b", 1);
    expect(call(counter, "PUT", 1, "a", 1)).to.equal(409);
    expect(faultsOf(counter)).to.deep.equal([]);
  });
});

describe("locks under kill -9", function () {
  this.timeout(90_000);
  let cluster: TestCluster;
  let directory: string;
  let counter: FencedCounter;
  let resource = "";
  const services: ServiceProcess[] = [];
  const holders = new Map<string, Child>();

  before(async () => {
    directory = await makeDirectory();
    counter = new FencedCounter();
    resource = await counter.start();
    cluster = await TestCluster.start({ nodeCount: 3 });
    const address = cluster.nodes.map((node) => node.address).join(",");
    for (const name of ["one", "two"]) {
      const flags = { address, snapshots: join(directory, name) };
      services.push(await ServiceProcess.start({ name: "lock", flags, directory }));
    }
  });

  after(async () => {
    await Promise.all([...holders.values()].map((holder) => holder.end()));
    await Promise.all(services.map((service) => service.kill()));
    counter?.stop();
    await cluster?.close();
    await removeDirectory(directory);
  });

  function startHolder(): void {
    const name = randomUUID();
    const urls = services.map(({ url }) => url);
    const child = new Child({
      command: process.execPath,
      arguments: [holderProgram, resource, name, String(ttlMs), ...urls],
    });
    holders.set(name, child);
  }

  /** Whoever has just read the counter, and so holds the lock and is about to write. */
  async function atWork(): Promise<{ readonly name: string; readonly holder: Child }> {
    const from = counter.calls.length;
    const found = () =>
      counter.calls.slice(from).find((one) => one.method === "GET" && one.accepted);
    await counter.until(() => found() !== undefined);
    const name = found()?.name ?? "";
    const holder = holders.get(name);
    if (holder === undefined) throw new Error(`${name} is nobody`);
    return { name, holder };
  }

  /** So many writes more were taken. */
  async function progress(count: number): Promise<void> {
    const wanted = counter.writes + count;
    await counter.until(() => counter.writes >= wanted);
  }

  it("are one holder's at a time, as the resource sees it", async () => {
    for (let count = 0; count < holderCount; count += 1) startHolder();
    await progress(10);
    // A holder dies with the lock in hand.
    const dead = await atWork();
    await dead.holder.end();
    holders.delete(dead.name);
    startHolder();
    await progress(10);
    // A holder sleeps with the lock in hand, beyond its time, and wakes up to write.
    const asleep = await atWork();
    asleep.holder.kill("SIGSTOP");
    const others = () =>
      counter.calls.slice(from).filter((one) => one.name !== asleep.name && one.accepted);
    const from = counter.calls.length;
    await counter.until(() => others().length > 10);
    asleep.holder.kill("SIGCONT");
    await progress(5);
    // The log's leader, and each process of the service.
    const leader = await cluster.leader();
    await leader.kill();
    await progress(5);
    leader.start();
    for (const service of services) {
      await service.kill();
      await progress(5);
      await service.start();
    }
    await progress(5);
    expect(faultsOf(counter)).to.deep.equal([]);
    expect(counter.writes).to.be.at.least(50);
  });
});
