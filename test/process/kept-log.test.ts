/** A log that is trimmed, archived and deleted behind its readers, by processes that may be killed. */

import { expect } from "chai";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { failureOf } from "./call.js";
import { disagreements, readAll } from "./journal.js";
import { KeptLog } from "./kept-log.js";
import { Writer } from "./writer.js";
import type { Holdings } from "./kept-log.js";
import type { NodeProcess } from "./node-process.js";

/** Whether a store holds what its manifest names, what is not archived, and nothing else. */
function isTidy({ segments, manifests, checkpoints }: Holdings): boolean {
  const [first = 0] = segments;
  const isDense = segments.every((position, place) => position === first + place);
  return isDense && checkpoints.length === 1 && manifests.length === 2 && manifests[0] === 0;
}

describe("a log that is kept up", function () {
  this.timeout(180_000);
  let kept: KeptLog;

  afterEach(async () => {
    await kept.cluster.close();
  });

  async function expectWhole(node: NodeProcess): Promise<void> {
    const log = await readAll(node.client);
    expect(disagreements(log, kept.journal.attempts), node.nodeId).to.deep.equal([]);
  }

  it("takes few objects, is read whole by every node, and is opened by a few requests", async () => {
    kept = await KeptLog.start(3);
    await kept.grow(await kept.cluster.follower(), 200);
    const holdings = await kept.until("what is archived is gone", (found) => {
      return isTidy(found) && (found.segments[0] ?? 0) > 100;
    });
    expect(holdings.archives.length).to.be.within(4, 12);
    for (const node of kept.cluster.nodes) await expectWhole(node);

    const node = await kept.cluster.follower();
    await node.kill();
    node.start();
    const { storeRequests, past } = await node.serving();
    const { creates, gets, lists } = storeRequests;
    expect(past.floorPosition).to.be.greaterThan(100);
    expect(creates + gets + lists).to.be.lessThan(100);
    await expectWhole(node);
  });

  it("loses nothing and leaves nothing behind, killed again and again", async () => {
    kept = await KeptLog.start(1);
    const [node] = kept.cluster.nodes;
    if (node === undefined) throw new Error("one node");
    const writer = new Writer(node.address, kept.journal);
    for (let kills = 0; kills < 8; kills++) {
      await writer.progress(60);
      await wait(kills * 70);
      await node.kill();
      node.start();
    }
    await writer.progress(60);
    await writer.stop();
    await node.serving();
    await kept.grow(node, 20);
    await kept.until("it is tidy", isTidy);
    await expectWhole(node);
  });

  it("is trimmed for the readers of every node at once, and lets go of what was trimmed", async () => {
    kept = await KeptLog.start(3);
    const follower = await kept.cluster.follower();
    await kept.grow(follower, 150);
    await kept.until("something is archived", ({ archives }) => archives.length > 2);
    expect(await follower.client.trim(101)).to.deep.equal({ firstIndex: 101 });
    for (const { client, nodeId } of kept.cluster.nodes) {
      const indexes = (await readAll(client)).map(({ index }) => index);
      expect(indexes[0], nodeId).to.equal(101);
      expect(indexes.at(-1)).to.equal(150);
      const reading = client.read({ start: { type: "index", index: 100 } });
      const failure = await failureOf(reading[Symbol.asyncIterator]().next());
      expect(failure).to.include({ kind: "out_of_range" });
      expect(failure.details).to.deep.include({ first_index: "101", next_index: "151" });
    }
    const beyond = await failureOf(follower.client.trim(152));
    expect(beyond).to.include({ kind: "out_of_range" });
    const old = await failureOf(follower.client.trim(120, { expectedFirstIndex: 1 }));
    expect(old).to.include({ kind: "conflict" });

    await kept.grow(follower, 30);
    await kept.until("what was trimmed is gone", (found) => {
      // Of the seven that hold the whole log those are left that reach above it.
      return isTidy(found) && found.archives.length <= 4 && (found.segments[0] ?? 0) > 90;
    });
    await Promise.all(kept.cluster.nodes.map((node) => node.kill()));
    await kept.cluster.startAll();
    for (const { client } of kept.cluster.nodes) {
      const indexes = (await readAll(client)).map(({ index }) => index);
      expect([indexes[0], indexes.at(-1)]).to.deep.equal([101, 180]);
    }
  });

  it("is trimmed by its policy", async () => {
    const policy = { "retention-entries-max": "60", "retention-interval-ms": "100" };
    kept = await KeptLog.start(3, { settings: policy });
    const leader = await kept.cluster.leader();
    await kept.grow(leader, 200);
    await kept.until("the policy is kept", async () => {
      const { firstIndex, nextIndex } = await leader.client.tail();
      expect(nextIndex - firstIndex).to.be.at.least(60);
      return nextIndex - firstIndex < 60 + 24;
    });
    await kept.until("what was trimmed is gone", (found) => {
      return isTidy(found) && (found.segments[0] ?? 0) > 100;
    });
  });
});

describe("a past that is damaged", function () {
  this.timeout(180_000);
  let kept: KeptLog;
  let node: NodeProcess;

  beforeEach(async () => {
    kept = await KeptLog.start(1);
    const [only] = kept.cluster.nodes;
    if (only === undefined) throw new Error("one node");
    node = only;
    await kept.grow(node, 100);
    await kept.until("it is tidy", isTidy);
  });

  afterEach(async () => {
    await kept.cluster.close();
  });

  function pathOf(name: string): string {
    return join(kept.cluster.storeDirectory, name);
  }

  async function spoil(name: string): Promise<() => Promise<void>> {
    const bytes = await readFile(pathOf(name));
    const spoilt = Uint8Array.from(bytes);
    for (const place of [50, spoilt.length - 60]) spoilt[place] = (spoilt[place] ?? 0) ^ 1;
    await writeFile(pathOf(name), spoilt);
    return async () => writeFile(pathOf(name), bytes);
  }

  /** The node does not start, says why, and changes nothing; mended, it starts. */
  async function expectRefusal(name: string, mend: () => Promise<void>): Promise<void> {
    const before = await kept.holdings();
    const child = node.start();
    const { code } = await child.exit(30_000);
    expect(code).to.not.equal(0);
    expect(child.output).to.contain(name).and.not.contain("    at ");
    expect(await kept.holdings()).to.deep.equal(before);
    await mend();
    node.start();
    await node.serving();
    const log = await readAll(node.client);
    expect(disagreements(log, kept.journal.attempts)).to.deep.equal([]);
  }

  async function onlyName(kind: "manifests" | "checkpoints" | "archives"): Promise<string> {
    const { manifests, checkpoints, archives } = await kept.holdings();
    const last = { manifests: manifests.at(-1) ?? 0, checkpoints, archives };
    if (kind === "manifests") return `manifest/${String(last.manifests).padStart(20, "0")}`;
    const name = last[kind].at(-1);
    if (name === undefined) throw new Error(`no ${kind}`);
    return name;
  }

  it("does not let a node start from a damaged manifest", async () => {
    const name = await onlyName("manifests");
    await node.kill();
    await expectRefusal(name, await spoil(name));
  });

  it("does not let a node start from a damaged or missing checkpoint", async () => {
    const name = await onlyName("checkpoints");
    await node.kill();
    await expectRefusal(name, await spoil(name));
    await node.kill();
    const bytes = await readFile(pathOf(name));
    await rm(pathOf(name));
    await expectRefusal(name, async () => writeFile(pathOf(name), bytes));
  });

  it("is read around a damaged or missing archive, which is named", async () => {
    const name = await onlyName("archives");
    for (const damage of [
      spoil,
      async (spoilt: string) => {
        const bytes = await readFile(pathOf(spoilt));
        await rm(pathOf(spoilt));
        return async () => writeFile(pathOf(spoilt), bytes);
      },
    ]) {
      await node.kill();
      const mend = await damage(name);
      node.start();
      await node.serving();
      const failure = await failureOf(readAll(node.client));
      expect(failure).to.include({ kind: "corrupt" });
      expect(failure.details).to.include({ object: name });
      const tail = await node.client.tail();
      expect(tail.nextIndex).to.be.greaterThan(100);
      const last: number[] = [];
      for await (const { batches } of node.client.read({ start: { type: "last", count: 5 } })) {
        for (const { firstIndex } of batches) last.push(firstIndex);
      }
      expect(last).to.have.lengthOf(5);
      await kept.grow(node, 1);
      await mend();
      const log = await readAll(node.client);
      expect(disagreements(log, kept.journal.attempts)).to.deep.equal([]);
    }
  });
});
