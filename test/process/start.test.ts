/** What keeps a node from starting: it says why in words, changes nothing and ends. */

import { expect } from "chai";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { FakeGcs } from "../store/fake-gcs.js";
import { serve } from "./node-process.js";
import { close, freePorts, listen, makeDirectory, removeDirectory } from "./scratch.js";
import { TestCluster } from "./test-cluster.js";
import type { Child } from "./child.js";

const exitMsMax = 15_000;

describe("a node that cannot start", function () {
  this.timeout(60_000);
  let directory: string;

  before(async () => {
    directory = await makeDirectory();
  });

  after(async () => {
    await removeDirectory(directory);
  });

  /** What the process says before it ends of itself, as a failure. */
  async function refusal(child: Child): Promise<string> {
    const { code, signal } = await child.exit(exitMsMax);
    expect(signal, child.output).to.equal(null);
    expect(code, child.output).to.be.oneOf([1, 2, 3]);
    expect(child.output, "a stack trace").not.to.match(/^\s+at .*:\d+:\d+/m);
    return child.output;
  }

  it("says that its port is in use", async () => {
    const holder = await listen(0);
    const { port } = holder.address() as AddressInfo;
    const store = join(directory, "never");
    const child = serve({
      "node-id": "n1",
      listen: `127.0.0.1:${port}`,
      store: `file://${store}`,
    });
    expect(await refusal(child)).to.match(new RegExp(`127\\.0\\.0\\.1:${port}.*uses this port`));
    expect(await readdir(directory)).not.to.include("never");
    await close(holder);
  });

  it("says that its directory cannot be written", async () => {
    const file = join(directory, "file");
    await writeFile(file, "");
    for (const store of [join(file, "store"), "/proc/suraft"]) {
      const child = serve({ "node-id": "n1", listen: "127.0.0.1:0", store: `file://${store}` });
      expect(await refusal(child)).to.include(store);
    }
  });

  it("says that its directory is read-only", async function () {
    // Root writes anywhere.
    if (process.getuid?.() === 0) return this.skip();
    const store = join(directory, "read-only");
    await mkdir(store, { mode: 0o555 });
    const child = serve({ "node-id": "n1", listen: "127.0.0.1:0", store: `file://${store}` });
    expect(await refusal(child)).to.include(store);
  });

  it("refuses a store that ignores preconditions", async () => {
    const fake = await FakeGcs.start("bucket");
    fake.behaviour.ignorePreconditions = true;
    const child = serve({
      "node-id": "n1",
      listen: "127.0.0.1:0",
      store: "gs://bucket/log",
      "api-endpoint": fake.endpoint,
    });
    expect(await refusal(child)).to.match(/gs:\/\/bucket\/log.*ignores preconditions/);
    expect([...(fake.buckets.get("bucket")?.keys() ?? [])]).not.to.match(/manifest|log\/0/);
    await fake.close();
  });

  it("says that its bucket does not exist", async () => {
    const fake = await FakeGcs.start("bucket");
    const child = serve({
      "node-id": "n1",
      listen: "127.0.0.1:0",
      store: "gs://other/log",
      "api-endpoint": fake.endpoint,
    });
    expect(await refusal(child)).to.match(/other.*not exist|no such bucket.*other/i);
    await fake.close();
  });

  it("says that its node id is taken, and leaves the other process alone", async () => {
    const cluster = await TestCluster.start({ nodeCount: 3 });
    try {
      const [first] = cluster.nodes;
      if (first === undefined) throw new Error("three nodes");
      const [port] = await freePorts(1);
      const store = `file://${cluster.storeDirectory}`;
      const sameAddress = serve({
        "node-id": first.nodeId,
        listen: `127.0.0.1:${port}`,
        advertise: first.address,
        store,
        members: cluster.members,
      });
      expect(await refusal(sameAddress)).to.match(/live process.*node id n1/);
      const elsewhere = serve({
        "node-id": first.nodeId,
        listen: `127.0.0.1:${port}`,
        store,
        members: cluster.members.replace(first.address, `127.0.0.1:${port}`),
        "election-timeout-ms": "300",
        "heartbeat-interval-ms": "60",
      });
      expect(await refusal(elsewhere)).to.match(/n1.*another|another.*n1|node id/);
      await cluster.leader();
      expect(first.isAlive).to.equal(true);
      const { firstIndex } = await first.client.append([{ payload: Buffer.from("still here") }]);
      expect(firstIndex).to.equal(1);
    } finally {
      await cluster.close();
    }
  });
});
