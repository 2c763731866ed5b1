/** Reads straight from the store: beside a cluster that writes, and when no node runs. */

import { expect } from "chai";
import { openStoreReader, type StoreReader } from "../../src/client/store-reader.js";
import { runSuraft, startSuraft } from "../cli/run-suraft.js";
import { TestCluster } from "./test-cluster.js";

async function textsOf(reader: StoreReader, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const { batches } of reader.read({ start: { type: "last", count } })) {
    for (const { entries } of batches) {
      texts.push(...entries.map(({ payload }) => Buffer.from(payload).toString()));
    }
  }
  return texts;
}

describe("a log in its store", function () {
  this.timeout(60_000);
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
  });

  after(async () => {
    await cluster.close();
  });

  const url = (): string => `file://${cluster.storeDirectory}`;

  it("is read beside its nodes: everything that was acknowledged before", async () => {
    const { client } = await cluster.follower();
    const reader = openStoreReader(url());
    try {
      for (let round = 1; round <= 50; round += 1) {
        const { lastIndex } = await client.append([{ payload: Buffer.from(`round ${round}`) }]);
        if (round % 2 === 0) {
          expect(await textsOf(reader, 1)).to.deep.equal([`round ${round}`]);
        } else {
          expect((await reader.tail()).nextIndex).to.equal(lastIndex + 1);
        }
      }
    } finally {
      await reader.close();
    }
  });

  it("is followed by the command while nodes write", async () => {
    const { client } = await cluster.follower();
    const line = ["read", "--store", url(), "--last", "1", "--follow", "--poll-interval", "50ms"];
    const reading = startSuraft(line);
    await reading.seen(/round 50\n/);
    await client.append([{ payload: Buffer.from("and more") }]);
    await reading.seen(/round 50\nand more\n/);
    reading.process.kill("SIGINT");
    expect(await reading.outcome).to.include({ code: 130, stderr: "" });
  });

  it("is read when no node runs", async () => {
    const leader = await cluster.leader();
    const before = await leader.client.tail();
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    const tail = await runSuraft(["tail", "--store", url(), "--json"]);
    expect(tail).to.include({ code: 0, stderr: "" });
    const { nextIndex, firstIndex } = JSON.parse(tail.stdout) as Record<string, number>;
    expect([nextIndex, firstIndex]).to.deep.equal([before.nextIndex, before.firstIndex]);
    const last = ["--reverse", "--limit", "3", "--format", "json"];
    const read = await runSuraft(["read", "--store", url(), ...last]);
    expect(read).to.include({ code: 0, stderr: "" });
    const entries = read.stdout.trim().split("\n");
    expect(
      entries.map((line) => {
        const { index, payload } = JSON.parse(line) as { index: number; payload: string };
        return [index, payload];
      }),
    ).to.deep.equal([
      [before.nextIndex - 1, "and more"],
      [before.nextIndex - 2, "round 50"],
      [before.nextIndex - 3, "round 49"],
    ]);
    const all = await runSuraft(["read", "--store", url()]);
    expect(all.stdout.trim().split("\n")).to.have.lengthOf(51);
  });
});
