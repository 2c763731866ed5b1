import { expect } from "chai";
import { connect } from "../../src/client/index.js";
import { startTestCluster } from "../../src/testing/index.js";

describe("a cluster for users' tests", () => {
  it("is up at once, and every node serves", async () => {
    const cluster = await startTestCluster();
    try {
      const views = await Promise.all(
        cluster.addresses.map((address) => cluster.client.status({ address })),
      );
      expect(views.map(({ serving }) => serving)).to.deep.equal([true, true, true]);
      expect(new Set(views.map(({ leader }) => leader?.nodeId)).size).to.equal(1);
    } finally {
      await cluster.close();
    }
  });

  it("keeps its log when nodes are killed, and takes them back", async () => {
    const cluster = await startTestCluster();
    try {
      await cluster.client.append([{ payload: Buffer.from("a") }]);
      const leader = await cluster.leader();
      await leader.kill();
      expect(leader.isRunning).to.equal(false);
      await cluster.client.append([{ payload: Buffer.from("b") }]);
      expect((await cluster.leader()).nodeId).not.to.equal(leader.nodeId);
      await leader.start();
      const client = connect([leader.address]);
      expect((await client.tail()).nextIndex).to.equal(3);
      client.close();
    } finally {
      await cluster.close();
    }
  });

  it("has a log of its own", async () => {
    const clusters = await Promise.all([1, 1].map((nodeCount) => startTestCluster({ nodeCount })));
    const [one, two] = clusters;
    await one?.client.append([{ payload: Buffer.from("a") }]);
    expect((await one?.client.tail())?.nextIndex).to.equal(2);
    expect((await two?.client.tail())?.nextIndex).to.equal(1);
    await Promise.all(clusters.map((cluster) => cluster.close()));
  });
});
