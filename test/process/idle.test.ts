/** What rest costs. */

import { expect } from "chai";
import { within } from "./child.js";
import { TestCluster } from "./test-cluster.js";
import type { NodeProcess } from "./node-process.js";

describe("an idle cluster", function () {
  this.timeout(60_000);
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
  });

  after(async () => {
    await cluster.close();
  });

  it("makes no store request", async () => {
    const leader = await cluster.leader();
    const { lastIndex } = await leader.client.append([{ payload: Buffer.from("last") }]);
    await Promise.all(
      cluster.nodes.map((node) => within(idleProgress(node, lastIndex, 1), 20_000, () => "idle")),
    );
    const before = await storeRequests();
    const began = performance.now();
    await Promise.all(
      cluster.nodes.map((node) => within(idleProgress(node, lastIndex, 2), 30_000, () => "idle")),
    );
    expect(performance.now() - began, "too short to say anything").to.be.greaterThan(1_000);
    expect(await storeRequests()).to.deep.equal(before);
  });

  async function storeRequests(): Promise<readonly unknown[]> {
    return await Promise.all(
      cluster.nodes.map(async ({ client }) => (await client.status()).storeRequests),
    );
  }
});

/**
 * Follows the log at a node, from what it holds, until the node has said so many times that nothing
 * is new. It says so every few seconds.
 */
async function idleProgress(node: NodeProcess, lastIndex: number, times: number): Promise<void> {
  let count = -1;
  const start = { type: "index", index: lastIndex } as const;
  for await (const { progress } of node.client.read({ start, follow: true, local: true })) {
    if (progress !== undefined && ++count >= times) return;
  }
}
