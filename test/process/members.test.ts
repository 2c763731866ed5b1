/** Members that come, move and go while plain gRPC clients append. */

import { expect } from "chai";
import { failureOf } from "./call.js";
import { readAll } from "./journal.js";
import { NodeProcess } from "./node-process.js";
import { PlainWriter } from "./plain-writer.js";
import { freePorts } from "./scratch.js";
import { TestCluster } from "./test-cluster.js";

const inFlight = 8;
const stopMsMax = 15_000;

describe("a cluster that gets other members", function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  let joining: NodeProcess[];

  beforeEach(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
    joining = [];
  });

  afterEach(async () => {
    await Promise.all(joining.map((node) => node.close()));
    await cluster.close();
  });

  /** Nodes with nothing but a name, an address and the store, not started. */
  async function newNodes(count: number): Promise<readonly NodeProcess[]> {
    const ports = await freePorts(count);
    const nodes = ports.map(
      (port, at) =>
        new NodeProcess({
          nodeId: `n${4 + joining.length + at}`,
          address: `127.0.0.1:${port}`,
          store: `file://${cluster.storeDirectory}`,
        }),
    );
    joining.push(...nodes);
    return nodes;
  }

  it("replaces all of its nodes by others, and no request fails", async () => {
    const fresh = await newNodes(3);
    const writer = new PlainWriter(
      [...cluster.nodes, ...fresh].map(({ address }) => address),
      inFlight,
    );
    for (const node of fresh) {
      node.start();
      // It is no member yet, and serves all the same: it hands on to the leader.
      await node.view(({ notServingReason }) => notServingReason.includes("no member"));
    }
    const [first] = cluster.nodes;
    const { client } = first ?? (await cluster.leader());
    const { membersVersion } = await client.status();
    const added = await client.changeMembers({
      add: fresh.map(({ nodeId, address }) => ({ nodeId, address })),
      expectedVersion: membersVersion,
    });
    expect(added).to.include({ version: membersVersion + 1 });
    expect(added.warnings).to.deep.equal([]);
    await Promise.all(fresh.map((node) => node.serving()));
    const removed = await client.changeMembers({
      removeIds: cluster.nodes.map(({ nodeId }) => nodeId),
    });
    expect(removed.members.map(({ nodeId }) => nodeId)).to.deep.equal(["n4", "n5", "n6"]);
    const ids = fresh.map(({ nodeId }) => nodeId);
    await Promise.all(
      fresh.map((node) => node.view(({ leader }) => ids.includes(leader?.nodeId ?? ""))),
    );
    for (const node of cluster.nodes) {
      node.child.kill("SIGTERM");
      expect(await node.child.exit(stopMsMax)).to.deep.equal({ code: 0, signal: null });
    }
    await writer.stop();
    expect(writer.failures).to.deep.equal([]);
    expect(writer.acknowledged.size).to.be.greaterThan(100);
    for (const node of fresh) {
      const log = new Map(
        (await readAll(node.client)).map(({ index, payload }) => [index, payload]),
      );
      for (const [index, payload] of writer.acknowledged) {
        expect(Buffer.from(log.get(index) ?? []).toString()).to.equal(payload);
      }
    }
  });

  it("removes a node, which says so, stands no more and stops", async () => {
    const follower = await cluster.follower();
    const leader = await cluster.leader();
    await leader.client.changeMembers({ removeIds: [follower.nodeId] });
    await follower.view(({ notServingReason }) => notServingReason.includes("no member"));
    expect(follower.child.output).to.contain(`${follower.nodeId} was removed from the cluster`);
    expect((await leader.client.append([{ payload: Buffer.from("on") }])).firstIndex).to.equal(1);
    expect((await leader.client.status()).leader?.nodeId).to.equal(leader.nodeId);

    // What it reads when it starts again is no news.
    await follower.kill();
    follower.start();
    await follower.view(({ notServingReason }) => notServingReason.includes("no member"));
    const { output } = follower.child;
    expect(output.match(/members, version .*/g)).to.have.lengthOf(1);
    expect(output).not.to.contain("was removed");
  });

  it("finds a node that comes back at another address", async () => {
    const follower = await cluster.follower();
    await follower.kill();
    const [port] = await freePorts(1);
    const moved = new NodeProcess({
      nodeId: follower.nodeId,
      address: `127.0.0.1:${port}`,
      store: `file://${cluster.storeDirectory}`,
    });
    joining.push(moved);
    moved.start();
    await moved.serving();
    const leader = (await moved.client.status()).leader?.nodeId;
    const leading = cluster.nodes.find(({ nodeId }) => nodeId === leader);
    const { members } = (await leading?.client.status()) ?? { members: [] };
    const seen = members.find(({ nodeId }) => nodeId === moved.nodeId);
    expect(seen?.address).to.equal(moved.address);
  });

  it("refuses what does not fit, and changes nothing", async () => {
    const leader = await cluster.leader();
    const [stranger] = await newNodes(1);
    const { nodeId, address } = stranger ?? leader;
    const refusal = async (change: Parameters<typeof leader.client.changeMembers>[0]) =>
      await failureOf(leader.client.changeMembers(change));
    const before = await leader.client.status();
    expect((await refusal({ add: [{ nodeId: "n1", address }] })).kind).to.equal("invalid");
    expect((await refusal({ removeIds: ["n1", "n2", "n3"] })).kind).to.equal("invalid");
    const old = await refusal({ removeIds: ["n1"], expectedVersion: 7 });
    expect(old).to.include({ kind: "conflict" });
    expect(old.details).to.include({ members_version: "0" });
    const silent = await refusal({ add: [{ nodeId, address }] });
    expect(silent).to.include({ kind: "conflict" });
    expect(silent.message).to.contain(`${address} does not answer`);
    const other = await cluster.follower();
    const wrong = await refusal({ add: [{ nodeId: "n9", address: other.address }] });
    expect(wrong.message).to.contain(`this node is ${other.nodeId}, not n9`);
    const after = await leader.client.status();
    expect(after.members).to.deep.equal(before.members);
    expect(after.membersVersion).to.equal(0);
    const learner = { nodeId, address, learner: true };
    const { warnings } = await leader.client.changeMembers({ add: [learner] });
    expect(warnings.join()).to.contain(`${address} does not answer`);
  });

  it("is led by force where the majority is gone for good", async () => {
    const last = await cluster.follower();
    const lost = cluster.nodes.filter((node) => node !== last);
    const { lastIndex } = await last.client.append([{ payload: Buffer.from("kept") }]);
    await Promise.all(lost.map((node) => node.kill()));
    await last.view(({ leader }) => leader === undefined);
    expect(await last.client.forceLeadership({ address: last.address })).to.be.greaterThan(1);
    const removeIds = lost.map(({ nodeId }) => nodeId);
    expect((await last.client.changeMembers({ removeIds })).members).to.have.length(1);
    const appended = await last.client.append([{ payload: Buffer.from("on") }]);
    expect(appended.firstIndex).to.equal(lastIndex + 1);
  });
});

describe("a cluster with the store as arbiter", function () {
  this.timeout(60_000);

  it("goes on with one node left", async () => {
    const cluster = await TestCluster.start({
      nodeCount: 3,
      settings: { "election-quorum": "storage", "lease-ms": "2000" },
    });
    try {
      const last = await cluster.follower();
      const { lastIndex } = await last.client.append([{ payload: Buffer.from("before") }]);
      await Promise.all(cluster.nodes.filter((node) => node !== last).map((node) => node.kill()));
      await last.view(({ role }) => role === "leader", 30_000);
      const { firstIndex } = await last.client.append([{ payload: Buffer.from("after") }]);
      expect(firstIndex).to.equal(lastIndex + 1);
      await cluster.startAll();
      await cluster.leader();
    } finally {
      await cluster.close();
    }
  });
});
