/** The key-value store while its nodes and its own processes are killed. */

import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { makeDirectory, removeDirectory } from "../process/scratch.js";
import { TestCluster } from "../process/test-cluster.js";
import { KvClient, KvHistory, type Known } from "./kv-client.js";
import { isLinearizable } from "./register-check.js";
import { ServiceProcess } from "./service-process.js";

const keys = ["a", "b", "c"];
const clientCount = 5;

describe("the key-value store under kill -9", function () {
  this.timeout(180_000);
  let cluster: TestCluster;
  let directory: string;
  const services: ServiceProcess[] = [];

  before(async () => {
    directory = await makeDirectory();
    cluster = await TestCluster.start({ nodeCount: 3 });
    const address = cluster.nodes.map((node) => node.address).join(",");
    for (const name of ["one", "two"]) {
      const flags = { address, snapshots: join(directory, name) };
      services.push(await ServiceProcess.start({ name: "kv", flags, directory }));
    }
  });

  after(async () => {
    await Promise.all(services.map((service) => service.kill()));
    await cluster?.close();
    await removeDirectory(directory);
  });

  it("has a linearizable history for every key", async () => {
    const history = new KvHistory();
    const over = new AbortController();
    const urls = services.map(({ url }) => url);
    const clients = Array.from({ length: clientCount }, (_, at) =>
      work(new KvClient(urls, history), at, over.signal),
    );
    await killAll(history);
    over.abort();
    await Promise.all(clients);
    for (const key of keys) {
      const operations = history.operations.get(key) ?? [];
      const done = operations.filter(({ endedMs }) => endedMs < Number.POSITIVE_INFINITY);
      expect(done.length, `operations of ${key} that had an answer`).to.be.greaterThan(100);
      expect(isLinearizable(operations), `the history of ${key} is linearizable`).to.equal(true);
    }
  });

  /** Each kind of process once, and the leader twice. */
  async function killAll(history: KvHistory): Promise<void> {
    const [one, two] = services;
    await history.grown(100);
    for (const service of [one, undefined, two, undefined]) {
      if (service === undefined) {
        const leader = await cluster.leader();
        await leader.kill();
        await cluster.leader();
        leader.start();
        await leader.serving();
      } else {
        await service.kill();
        await service.start();
      }
      await history.grown(100);
    }
  }

  /** Reads, sets, removes and compares, at random, until the end. */
  async function work(client: KvClient, name: number, over: AbortSignal): Promise<void> {
    const known = new Map<string, Known>();
    for (let count = 1; !over.aborted; count += 1) {
      const key = keys[Math.floor(Math.random() * keys.length)] ?? "a";
      const dice = Math.random();
      const value = dice < 0.05 ? undefined : `${name}.${count}`;
      if (dice < 0.4) {
        const found = await client.get(key);
        if (found !== undefined) known.set(key, found);
      } else {
        await client.write(key, value, dice < 0.9 ? known.get(key) : undefined);
        known.delete(key);
        const found = await client.get(key);
        if (found !== undefined) known.set(key, found);
      }
      // Time to think, so that a history has a length that can be judged.
      await wait(5);
    }
  }
});
