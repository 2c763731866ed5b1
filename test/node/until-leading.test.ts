import { expect } from "chai";

import { SuraftError } from "../../src/errors.js";
import { untilLeading } from "../../src/node/until-leading.js";
import { startTestCluster, type TestCluster } from "../../src/testing/index.js";
import type { NodeStatus } from "../../src/node/node.js";

type Told = Pick<NodeStatus, "role" | "term" | "leader"> &
  Partial<Pick<NodeStatus, "fault" | "notServingReason">>;

/** What a node says of itself, one after the other. */
function statuses(first: Told) {
  const watchers = new Set<(status: NodeStatus) => void>();
  let last = first as NodeStatus;
  return {
    status: () => last,
    watch: (watcher: (status: NodeStatus) => void) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    tell: (told: Told) => {
      last = told as NodeStatus;
      for (const watcher of watchers) watcher(last);
    },
    watchers,
  };
}

const leader = { nodeId: "n2", address: "b:1" } as NodeStatus["leader"];

describe("a node that is told to lead", () => {
  const { signal } = new AbortController();

  it("has its term once it leads, whatever it had to do before", async () => {
    const node = statuses({ role: "candidate", term: 2, leader: undefined });
    const term = untilLeading(node, signal);
    node.tell({ role: "starting", term: 2, leader: undefined });
    node.tell({ role: "starting", term: 3, leader });
    node.tell({ role: "candidate", term: 4, leader: undefined });
    node.tell({ role: "leader", term: 4, leader: undefined });
    expect(await term).to.equal(4);
    expect(node.watchers.size).to.equal(0);
  });

  it("says who leads instead, if another one was faster", async () => {
    const node = statuses({ role: "candidate", term: 2, leader: undefined });
    const failed = untilLeading(node, signal).catch((error: unknown) => error);
    node.tell({ role: "follower", term: 3, leader: undefined });
    node.tell({ role: "follower", term: 3, leader });
    const error = await failed;
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "conflict");
    expect(error)
      .to.have.property("message")
      .that.matches(/^n2 leads in term 3/);
    expect(node.watchers.size).to.equal(0);
  });

  it("says why it never will, once it is at fault", async () => {
    const node = statuses({ role: "candidate", term: 2, leader: undefined });
    const failed = untilLeading(node, signal).catch((error: unknown) => error);
    const fault = { kind: "corrupt", message: "log/3 is damaged" } as NonNullable<
      NodeStatus["fault"]
    >;
    const notServingReason = "the log is damaged";
    node.tell({ role: "follower", term: 2, leader: undefined, fault, notServingReason });
    expect(await failed).to.include({ kind: "unavailable", message: notServingReason });
    expect(node.watchers.size).to.equal(0);
  });
});

describe("members that are told to lead", function () {
  this.timeout(30_000);
  let cluster: TestCluster;

  afterEach(async () => {
    await cluster.close();
  });

  it("lead, one after the other, though a leader is there", async () => {
    cluster = await startTestCluster();
    const { client } = cluster;
    let last = 0;
    for (const { address } of (await client.status()).members) {
      const term = await client.forceLeadership({ address, timeoutMs: 10_000 });
      expect(term).to.be.at.least(last);
      last = term;
    }
  });
});
