/** What linearizable reads cost in store requests: counted, on real nodes. */

import { expect } from "chai";
import { setTimeout as wait } from "node:timers/promises";
import { Journal } from "./journal.js";
import { makeDirectory, removeDirectory } from "./scratch.js";
import { TestCluster } from "./test-cluster.js";
import { Writer } from "./writer.js";
import type { NodeProcess } from "./node-process.js";

/** Slow enough that all reads of a round have come before the second look is sent. */
const latencyMs = 500;

describe("the proof of linearizable reads", function () {
  this.timeout(90_000);
  let directory: string;
  let cluster: TestCluster;

  before(async () => {
    directory = await makeDirectory();
    const store = `file://${directory}?latency=${latencyMs}`;
    const settings = { store, "election-timeout-ms": "2000", "store-timeout-ms": "30000" };
    cluster = await TestCluster.start({ nodeCount: 3, settings });
  });

  after(async () => {
    await cluster.close();
    await removeDirectory(directory);
  });

  async function gets(): Promise<number> {
    const views = await Promise.all(cluster.nodes.map(({ client }) => client.status()));
    return views.reduce((total, { storeRequests }) => total + storeRequests.gets, 0);
  }

  /** All nodes hold what was committed, and none asks for anything. */
  async function rest(): Promise<void> {
    for (let before = -1, now = await gets(); before !== now; now = await gets()) {
      before = now;
      await wait(2 * latencyMs);
    }
  }

  /** What reads at once at a node cost in gets of all nodes. */
  async function costOf(node: NodeProcess, count: number): Promise<number> {
    const before = await gets();
    const read = (): Promise<unknown> => node.client.tail({ timeoutMs: 30_000 });
    await Promise.all(Array.from({ length: count }, read));
    return (await gets()) - before;
  }

  it("is one look at rest, for one reader or for a thousand, at any node", async () => {
    await rest();
    for (const node of [await cluster.leader(), await cluster.follower()]) {
      expect(await costOf(node, 1), `1 at ${node.nodeId}`).to.equal(1);
      // The first to come has a look, and all the others the next.
      expect(await costOf(node, 1000), `1,000 at ${node.nodeId}`).to.be.within(1, 3);
    }
  });

  it("is no look at all while appends are under way", async () => {
    const leader = await cluster.leader();
    const writer = new Writer(leader.address, new Journal());
    await writer.progress(100);
    const before = (await leader.client.status()).storeRequests.gets;
    for (const node of cluster.nodes) {
      const read = (): Promise<unknown> => node.client.tail({ timeoutMs: 30_000 });
      await Promise.all(Array.from({ length: 200 }, read));
    }
    const after = (await leader.client.status()).storeRequests.gets;
    await writer.stop();
    expect(after - before).to.equal(0);
  });
});
