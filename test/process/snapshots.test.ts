/** Snapshots of an application, with real processes that are killed meanwhile. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { connect } from "../../src/client/client.js";
import type { SnapshotDownload } from "../../src/client/types.js";
import { crc32c } from "../../src/log/crc32c.js";
import type { NodeProcess } from "./node-process.js";
import { TestCluster } from "./test-cluster.js";

const MIB = 1024 * 1024;
const piece = Buffer.from(Array.from({ length: MIB }, (_, at) => (at * at * 7) >>> 3));

/** So many mebibytes, no two of them alike. */
async function* content(
  mebibytes: number,
  before: (place: number) => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<Uint8Array> {
  for (let place = 0; place < mebibytes; place++) {
    await before(place);
    const bytes = Buffer.from(piece);
    bytes.writeUInt32LE(place);
    yield bytes;
  }
}

async function checksumOf(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let checksum = 0;
  for await (const one of bytes) checksum = crc32c(one, checksum);
  return checksum;
}

describe("snapshots, with real processes", function () {
  this.timeout(120_000);
  let cluster: TestCluster;

  beforeEach(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
    const { client } = await cluster.leader();
    const payloads = ["a", "b", "c", "d"].map((text) => ({ payload: Buffer.from(text) }));
    await client.append(payloads);
  });

  afterEach(async () => {
    await cluster.close();
  });

  async function objects(): Promise<readonly string[]> {
    return await readdir(join(cluster.storeDirectory, "snapshot")).catch(() => []);
  }

  it("are put at a follower, and there on every node, and after all have been killed", async () => {
    const follower = await cluster.follower();
    const put = await follower.client.putSnapshot(content(20), { nextIndex: 5 });
    expect(put).to.include({ sizeBytes: 20 * MIB, checksum: await checksumOf(content(20)) });
    expect(await objects(), "in parts of 8 MiB").to.have.lengthOf(3);
    const everywhere = async (): Promise<void> => {
      for (const { client } of cluster.nodes) {
        expect((await client.snapshots()).map(({ nextIndex }) => nextIndex)).to.deep.equal([5]);
        const { content: bytes }: SnapshotDownload = await client.getSnapshot();
        expect(await checksumOf(bytes)).to.equal(put.checksum);
      }
    };
    await everywhere();
    for (const node of cluster.nodes) await node.kill();
    await cluster.startAll();
    await everywhere();
  });

  it("are put again elsewhere when the node is killed that takes one, whole or not at all", async () => {
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    for (const [nextIndex, victim] of [
      [3, follower],
      [4, leader],
    ] as const) {
      const others = cluster.nodes.filter((node) => node !== victim);
      const client = connect([victim, ...others].map(({ address }) => address));
      let seen: readonly number[] = [];
      const once = async (place: number): Promise<void> => {
        if (place !== 12 || !victim.isAlive) return;
        await victim.kill();
        const listed = await (others[0] as NodeProcess).client.snapshots();
        seen = listed.map((snapshot) => snapshot.nextIndex);
      };
      const put = await client.putSnapshot(() => content(20, once), { nextIndex });
      expect(victim.isAlive, "it was not done before the kill").to.equal(false);
      expect(seen, "nothing of it was listed").not.to.include(nextIndex);
      expect(put).to.include({ repeat: false, sizeBytes: 20 * MIB });
      const { content: bytes } = await client.getSnapshot({ nextIndex });
      expect(await checksumOf(bytes)).to.equal(put.checksum);
      client.close();
      await cluster.startAll();
    }
  });

  it("go on at another node when the one is killed that gives one", async () => {
    const follower = await cluster.follower();
    const put = await follower.client.putSnapshot(content(40), { nextIndex: 5 });
    const others = cluster.nodes.filter((node) => node !== follower);
    const client = connect([follower, ...others].map(({ address }) => address));
    const { content: bytes } = await client.getSnapshot();
    let checksum = 0;
    let sizeBytes = 0;
    for await (const one of bytes) {
      checksum = crc32c(one, checksum);
      sizeBytes += one.length;
      if (sizeBytes > 10 * MIB && follower.isAlive) await follower.kill();
    }
    expect(sizeBytes).to.equal(40 * MIB);
    expect(checksum).to.equal(put.checksum);
    client.close();
  });

  it("pass through a node that stays small", async () => {
    const follower = await cluster.follower();
    await follower.client.putSnapshot(content(8), { nextIndex: 2 });
    const before = await peakBytes(follower);
    await follower.client.putSnapshot(content(320), { nextIndex: 3 });
    const { content: bytes } = await follower.client.getSnapshot();
    await checksumOf(bytes);
    const grown = (await peakBytes(follower)) - before;
    expect(grown, "of 320 MiB in memory").to.be.lessThan(128 * MIB);
  });
});

/** The most memory that a process ever had. */
async function peakBytes({ child: { pid } }: NodeProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
