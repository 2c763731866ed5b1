/** Leadership handed over under load: no request fails. */

import { expect } from "chai";
import { SuraftError } from "../../src/errors.js";
import { failureOf } from "./call.js";
import { readAll } from "./journal.js";
import { PlainWriter } from "./plain-writer.js";
import { TestCluster } from "./test-cluster.js";

const inFlight = 16;

describe("a cluster under load of plain gRPC clients", function () {
  this.timeout(90_000);
  let cluster: TestCluster;
  let writer: PlainWriter;

  beforeEach(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
    writer = new PlainWriter(
      cluster.nodes.map(({ address }) => address),
      inFlight,
    );
    await writer.progress(200);
  });

  afterEach(async () => {
    await writer.stop();
    await cluster.close();
  });

  async function check(): Promise<void> {
    await writer.stop();
    expect(writer.failures).to.deep.equal([]);
    for (const { client } of cluster.nodes) {
      const log = new Map(
        (await readAll(client)).map(({ index, payload }) => [
          index,
          Buffer.from(payload).toString(),
        ]),
      );
      for (const [index, payload] of writer.acknowledged) {
        expect(log.get(index)).to.equal(payload);
      }
    }
  }

  it("hands the leadership over, to the node that is named and to the best", async () => {
    const follower = await cluster.follower();
    const named = await follower.client.transferLeadership({ targetId: follower.nodeId });
    expect(named).to.deep.equal({ nodeId: follower.nodeId, address: follower.address });
    expect((await cluster.leader()).nodeId).to.equal(follower.nodeId);
    await writer.progress(100);
    const { nodeId } = await follower.client.transferLeadership();
    expect(nodeId).to.not.equal(follower.nodeId);
    await writer.progress(100);
    await check();
  });

  it("restarts every node, one after another", async () => {
    const leader = await cluster.leader();
    const others = cluster.nodes.filter((node) => node !== leader);
    for (const node of [leader, ...others]) {
      node.child.kill("SIGTERM");
      expect(await node.child.exit(15_000)).to.deep.equal({ code: 0, signal: null });
      await cluster.startAll();
      await writer.progress(100);
    }
    await check();
  });

  it("has nothing to hand over to the leader itself", async () => {
    const leader = await cluster.leader();
    const { nodeId, address } = leader;
    const { term } = await leader.client.status();
    for (const { client } of cluster.nodes) {
      expect(await client.transferLeadership({ targetId: nodeId })).to.deep.equal({
        nodeId,
        address,
      });
    }
    expect((await leader.client.status()).term).to.equal(term);
  });

  it("refuses a transfer to a stranger and to a dead node", async () => {
    const leader = await cluster.leader();
    const refusal = (targetId: string): Promise<SuraftError> =>
      failureOf(leader.client.transferLeadership({ targetId }));
    expect((await refusal("n9")).message).to.equal(
      "n9 is no member of the cluster that may lead; the members are n1, n2, n3",
    );
    const follower = await cluster.follower();
    await follower.kill();
    const dead = await leader.view(() => true).then(() => refusal(follower.nodeId));
    expect(dead.kind).to.be.oneOf(["conflict"]);
    expect((await cluster.leader()).nodeId).to.equal(leader.nodeId);
  });
});
