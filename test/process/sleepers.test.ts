/** Nodes that sleep longer than the grace, while others archive and delete what they stood on. */

import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { segmentName } from "../../src/log/names.js";
import { failureOf } from "./call.js";
import { disagreements, readAll } from "./journal.js";
import { KeptLog } from "./kept-log.js";
import { Writer } from "./writer.js";
import type { ReadEntry } from "./journal.js";
import type { NodeProcess } from "./node-process.js";

describe("a node that sleeps longer than the grace", function () {
  this.timeout(180_000);
  let kept: KeptLog;

  beforeEach(async () => {
    kept = await KeptLog.start(3);
  });

  afterEach(async () => {
    await kept.cluster.close();
  });

  function signal(nodes: readonly NodeProcess[], name: "SIGSTOP" | "SIGCONT"): void {
    for (const node of nodes) node.child.kill(name);
  }

  function othersThan(node: NodeProcess): readonly NodeProcess[] {
    return kept.cluster.nodes.filter((other) => other !== node);
  }

  /** The leader of the nodes that are awake. */
  async function leaderOf(nodes: readonly NodeProcess[]): Promise<NodeProcess> {
    for (const endMs = performance.now() + 30_000; performance.now() < endMs;) {
      for (const node of nodes) {
        const view = await node.client.status({ timeoutMs: 2_000 }).catch(() => undefined);
        if (view?.role === "leader" && view.serving) return node;
      }
      await wait(50);
    }
    throw new Error("nobody leads");
  }

  /** Has the node lead, though nobody else is there. */
  async function leading(node: NodeProcess): Promise<void> {
    const { address } = node;
    await node.client.forceLeadership({ address, timeoutMs: 60_000 });
  }

  async function expectAgreement(node: NodeProcess): Promise<readonly ReadEntry[]> {
    const log = await readAll(node.client);
    expect(disagreements(log, kept.journal.attempts), node.nodeId).to.deep.equal([]);
    return log;
  }

  it("acknowledges nothing that it leads into names that were freed", async () => {
    await kept.cluster.close();
    // Some of its creates are always under way. They take effect when it wakes, not given up before.
    kept = await KeptLog.start(3, {
      settings: { "store-request-timeout-ms": "60000", "store-timeout-ms": "60000" },
      storeParameters: { n1: "latency=300" },
    });
    const [sleeper, ...others] = kept.cluster.nodes;
    if (sleeper === undefined) throw new Error("three nodes");
    await leading(sleeper);
    const writer = new Writer(sleeper.address, kept.journal);
    await writer.progress(20);
    signal([sleeper], "SIGSTOP");
    const tail = 1 + ((await kept.holdings()).segments.at(-1) ?? 0);
    await kept.outlive(await leaderOf(others), tail + 16);

    // Alone, it is told by the store what it slept through, or by nobody.
    signal(others, "SIGSTOP");
    signal([sleeper], "SIGCONT");
    await kept.until("its creates land", ({ segments }) => (segments[0] ?? tail) < tail + 16);
    await sleeper.child.printed(/left behind/, 30_000);
    signal(others, "SIGCONT");
    await writer.progress(20);
    await writer.stop();
    expect(kept.journal.count("unknown")).to.be.greaterThan(0);
    await kept.grow(await leaderOf(kept.cluster.nodes), 5);
    for (const node of kept.cluster.nodes) await expectAgreement(node);
    await kept.until("its ghosts are swept", ({ segments }) => (segments[0] ?? 0) > tail + 16);
  });

  it("does not lead before it holds the log", async () => {
    const sleeper = await kept.cluster.follower();
    await kept.grow(await kept.cluster.leader(), 20);
    const { tailPosition } = await sleeper.client.status();
    signal([sleeper], "SIGSTOP");
    const others = othersThan(sleeper);
    await kept.outlive(await leaderOf(others), tailPosition);
    await Promise.all(others.map((node) => node.kill()));

    signal([sleeper], "SIGCONT");
    await leading(sleeper);
    expect(sleeper.child.output).to.match(/left behind/);
    await kept.grow(sleeper, 5);
    await expectAgreement(sleeper);
  });

  it("answers no read from what it slept through", async () => {
    const sleeper = await kept.cluster.follower();
    await kept.grow(await kept.cluster.leader(), 20);
    const { tailPosition } = await sleeper.client.status();
    const before = kept.journal.attempts.length;
    signal([sleeper], "SIGSTOP");
    const others = othersThan(sleeper);
    await kept.outlive(await leaderOf(others), tailPosition);

    // A ghost lies in wait where the sleeper will look.
    const ghost = join(kept.cluster.storeDirectory, segmentName(tailPosition));
    await writeFile(ghost, "not a segment at all");
    signal(others, "SIGSTOP");
    signal([sleeper], "SIGCONT");
    const log = await readAll(sleeper.client);
    expect(log.length)
      .to.equal(kept.journal.attempts.length)
      .and.be.greaterThan(before + 50);
    expect(disagreements(log, kept.journal.attempts)).to.deep.equal([]);
    expect(sleeper.child.output).to.match(/left behind/);
    signal(others, "SIGCONT");
    await kept.grow(await kept.cluster.leader(), 1);
    await expectAgreement(sleeper);
    await kept.until("the ghost is swept", ({ segments }) => !segments.includes(tailPosition));
  });

  it("says that what was trimmed meanwhile is gone", async () => {
    const sleeper = await kept.cluster.follower();
    await kept.grow(await kept.cluster.leader(), 20);
    const { tailPosition } = await sleeper.client.status();
    signal([sleeper], "SIGSTOP");
    const others = othersThan(sleeper);
    const leader = await leaderOf(others);
    await kept.outlive(leader, tailPosition);
    const { firstIndex } = await leader.client.trim(kept.journal.attempts.length - 10);
    await kept.grow(leader, 40);
    await kept.until("archives are gone", ({ archives }) => archives.length <= 2);

    signal([sleeper], "SIGCONT");
    const reading = sleeper.client.read({ start: { type: "index", index: 5 } });
    const failure = await failureOf(reading[Symbol.asyncIterator]().next());
    expect(failure).to.include({ kind: "out_of_range" });
    expect(failure.details["first_index"]).to.equal(String(firstIndex));
  });
});
