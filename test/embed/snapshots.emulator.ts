/** Snapshots of an application in a bucket: put, listed, got and let go of, by real nodes over GCS's adapter. */

import { expect } from "chai";

import { connect, type Client } from "../../src/client/client.js";
import { createNode, type EmbeddedNode } from "../../src/embed/create-node.js";
import { crc32c } from "../../src/log/crc32c.js";
import { listAll } from "../../src/log/list-all.js";
import { openStore } from "../../src/store/open-store.js";
import { freePorts } from "../cli/free-ports.js";
import { Emulator } from "../store/emulator/emulator.js";

const MIB = 1024 * 1024;
const piece = Buffer.from(Array.from({ length: MIB }, (_, at) => (at * at * 7) >>> 3));

/** So many mebibytes, no two of them alike; `seed` tells two contents apart. */
async function* content(mebibytes: number, seed = 0): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let place = 0; place < mebibytes; place++) {
    const bytes = Buffer.from(piece);
    bytes.writeUInt32LE(place, seed);
    yield bytes;
  }
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe("snapshots on fake-gcs-server", function () {
  this.timeout(60_000);
  let emulator: Emulator;
  let store: string;
  let addresses: Readonly<Record<string, string>>;
  let nodes: readonly EmbeddedNode[] = [];
  let clients: readonly Client[] = [];

  beforeEach(async () => {
    emulator = await Emulator.start("bucket-1");
    store = `gs://bucket-1/some/log?apiEndpoint=${emulator.endpoint}`;
    const port = await freePorts(2);
    addresses = { n1: `127.0.0.1:${port}`, n2: `127.0.0.1:${port + 1}` };
    await startNodes();
    clients = Object.values(addresses).map((address) => connect([address]));
    await clients[0]?.append(["a", "b", "c", "d"].map((text) => ({ payload: Buffer.from(text) })));
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    await stopNodes();
    await emulator.close();
  });

  async function startNodes(): Promise<void> {
    nodes = Object.entries(addresses).map(([nodeId, listen]) => {
      const upkeep = { graceMs: 1000, snapshotsKept: 1 };
      return createNode({ nodeId, listen, members: addresses, store, ...upkeep });
    });
    await Promise.all(nodes.map((node) => node.start()));
    await Promise.all(nodes.map((node) => node.ready({ signal: AbortSignal.timeout(20_000) })));
  }

  async function stopNodes(): Promise<void> {
    await Promise.all(nodes.map((node) => node.stop({ timeoutMs: 0 })));
  }

  async function objects(): Promise<readonly string[]> {
    const bucket = openStore(store);
    const signal = AbortSignal.timeout(10_000);
    const names: string[] = [];
    for await (const { name } of listAll(bucket, { prefix: "snapshot/", signal })) names.push(name);
    await bucket.close();
    return names;
  }

  it("are put in parts, listed and got by every node, also from an offset, and after a restart", async () => {
    const expected = await whole(content(20));
    const [first] = clients;
    const put = await first?.putSnapshot(content(20), { nextIndex: 5 });
    expect(put).to.include({ nextIndex: 5, sizeBytes: 20 * MIB, checksum: crc32c(expected) });
    expect(await objects(), "parts of 8 MiB").to.have.lengthOf(3);
    const again = await clients[1]?.putSnapshot(content(20), { nextIndex: 5 });
    expect(again).to.include({ repeat: true });
    for (const round of ["before", "after a restart"]) {
      for (const client of clients) {
        expect((await client.snapshots())[0], round).to.include({ nextIndex: 5 });
        const { content: bytes } = await client.getSnapshot();
        expect((await whole(bytes)).equals(expected), round).to.equal(true);
        const offset = 8 * MIB - 3;
        const { content: rest } = await client.getSnapshot({ nextIndex: 5, offset });
        expect((await whole(rest)).equals(expected.subarray(offset)), round).to.equal(true);
      }
      await stopNodes();
      await startNodes();
    }
  });

  it("make way for a newer one: its objects are deleted after the grace, and no other", async () => {
    // Only a leader deletes, and what it has seen named before the greater number has come.
    const views = await Promise.all(clients.map((client) => client.status()));
    const leader = clients[views.findIndex(({ role }) => role === "leader")];
    await leader?.putSnapshot(content(9), { nextIndex: 3 });
    const before = await objects();
    expect(before).to.have.lengthOf(2);
    await leader?.putSnapshot(content(9, 8), { nextIndex: 5 });
    for (const endMs = performance.now() + 30_000; ;) {
      const left = await objects();
      if (!left.some((name) => before.includes(name))) break;
      expect(performance.now(), left.join()).to.be.lessThan(endMs);
    }
    expect(await objects()).to.have.lengthOf(2);
    for (const client of clients) {
      expect((await client.snapshots()).map(({ nextIndex }) => nextIndex)).to.deep.equal([5]);
      const { content: bytes } = await client.getSnapshot();
      expect((await whole(bytes)).equals(await whole(content(9, 8)))).to.equal(true);
    }
  });

  it("leave nothing behind that were not sent whole", async () => {
    const [first] = clients;
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* content(9);
      throw new Error("the application has died");
    }
    const error = await first?.putSnapshot(broken(), { nextIndex: 5 }).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(Error);
    expect(await first?.snapshots()).to.deep.equal([]);
    for (const endMs = performance.now() + 20_000; (await objects()).length > 0;) {
      expect(performance.now()).to.be.lessThan(endMs);
    }
  });
});
