/** Nodes that are told to stop, stopped in their tracks, or killed, under load. */

import { expect } from "chai";
import { disagreements, Journal, readAll } from "./journal.js";
import { TestCluster } from "./test-cluster.js";
import { Writer } from "./writer.js";
import type { NodeProcess } from "./node-process.js";

const stopMsMax = 15_000;

describe("a cluster under load", function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let journal: Journal;
  let writers: readonly Writer[];
  let attemptsBefore = 0;

  before(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
    journal = new Journal();
  });

  after(async () => {
    await cluster.close();
  });

  beforeEach(async () => {
    await cluster.startAll();
    attemptsBefore = journal.attempts.length;
    writers = cluster.nodes.map(({ address }) => new Writer(address, journal));
    await Promise.all(writers.map((writer) => writer.progress(50)));
  });

  afterEach(async () => {
    await Promise.allSettled(writers.map((writer) => writer.stop()));
  });

  function writerAt(node: NodeProcess): Writer {
    const writer = writers[cluster.nodes.indexOf(node)];
    if (writer === undefined) throw new Error("each node has a writer");
    return writer;
  }

  /** With all nodes back, stops the writers and holds every node's log against what they were told. */
  async function check(): Promise<void> {
    await cluster.startAll();
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const { client } of cluster.nodes) {
      const found = disagreements(await readAll(client), journal.attempts);
      expect(found.slice(0, 10), `${found.length} in all`).to.deep.equal([]);
    }
  }

  it("answers every append of a leader that is told to stop: acknowledged or refused", async () => {
    const leader = await cluster.leader();
    leader.child.kill("SIGTERM");
    expect(await leader.child.exit(stopMsMax)).to.deep.equal({ code: 0, signal: null });
    const others = cluster.nodes.filter((node) => node !== leader);
    await Promise.all(others.map((node) => writerAt(node).progress(50)));
    await check();
    expect(unknownOutcomes()).to.deep.equal([]);
  });

  it("answers every append of a follower that is told to stop: acknowledged or refused", async () => {
    const follower = await cluster.follower();
    follower.child.kill("SIGTERM");
    expect(await follower.child.exit(stopMsMax)).to.deep.equal({ code: 0, signal: null });
    await writerAt(await cluster.leader()).progress(50);
    await check();
    expect(unknownOutcomes()).to.deep.equal([]);
  });

  it("loses nothing when the leader freezes, is replaced and wakes up", async () => {
    const frozen = await cluster.leader();
    frozen.child.kill("SIGSTOP");
    const others = cluster.nodes.filter((node) => node !== frozen);
    await Promise.all(
      others.map((node) =>
        node.view(({ serving, leader }) => serving && leader?.nodeId !== frozen.nodeId),
      ),
    );
    await Promise.all(others.map((node) => writerAt(node).progress(50)));
    frozen.child.kill("SIGCONT");
    await frozen.view(({ role, serving }) => role === "follower" && serving);
    await writerAt(frozen).progress(50);
    await check();
  });

  it("loses nothing when every node is killed at once", async () => {
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await cluster.startAll();
    await Promise.all(writers.map((writer) => writer.progress(50)));
    await check();
  });

  /** Why what this test's writers began is unknown, if it is. */
  function unknownOutcomes(): readonly string[] {
    return journal.attempts
      .slice(attemptsBefore)
      .flatMap(({ outcome }) => (outcome.type === "unknown" ? [why(outcome.error)] : []))
      .slice(0, 10);
  }
});

/** What an error says, and what that goes back to. */
function why(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.cause === undefined ? error.message : `${error.message} <- ${why(error.cause)}`;
}
