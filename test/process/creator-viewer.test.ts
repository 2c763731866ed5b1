/** A bucket in which the nodes' account may create and view, and not delete. */

import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { FakeGcs } from "../store/fake-gcs.js";
import { readAll } from "./journal.js";
import { keptSettings } from "./kept-log.js";
import { NodeProcess } from "./node-process.js";
import { freePorts } from "./scratch.js";

describe("a node that may not delete in its bucket", function () {
  this.timeout(120_000);
  let fake: FakeGcs;
  let node: NodeProcess;

  beforeEach(async () => {
    fake = await FakeGcs.start("bucket");
    fake.behaviour.forbidDelete = true;
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    node = new NodeProcess({
      nodeId: "n1",
      address,
      store: "gs://bucket/log",
      members: `n1=${address}`,
      settings: { ...keptSettings, "api-endpoint": fake.endpoint },
    });
    node.start();
    await node.serving();
  });

  afterEach(async () => {
    await node.close();
    await fake.close();
  });

  function names(prefix: string): readonly string[] {
    const all = [...(fake.buckets.get("bucket")?.keys() ?? [])];
    return all.filter((name) => name.startsWith(`log/${prefix}`));
  }

  async function grow(count: number): Promise<void> {
    for (let appended = 0; appended < count; appended++) {
      await node.client.append([{ payload: Buffer.from("entry") }], { timeoutMs: 30_000 });
    }
  }

  /** The log grows until something is so. */
  async function growUntil(isSo: () => boolean): Promise<void> {
    for (const endMs = performance.now() + 40_000; performance.now() < endMs && !isSo();) {
      await grow(5);
      await wait(100);
    }
    expect(isSo()).to.equal(true);
  }

  it("keeps the log up all the same, says so once, and leaves the rest to one that may", async () => {
    const refused = () => fake.requests.filter(({ method }) => method === "DELETE").length;
    await growUntil(() => refused() > 0);
    expect(refused()).to.be.within(1, 20);
    await node.child.printed(/may not delete/, 20_000);
    await growUntil(() => names("archive/").length > 2);
    const segments = names("log/").length;
    expect(node.child.output.match(/may not delete/g)).to.have.lengthOf(1);
    expect((await node.client.status()).past.damage).to.equal("");

    await node.kill();
    node.start();
    await node.serving();
    expect((await readAll(node.client)).length).to.be.greaterThan(100);
    expect(names("log/").length).to.be.at.least(segments);
    fake.behaviour.forbidDelete = false;
    const old = names("log/").slice(0, 20);
    await growUntil(() => !names("log/").some((name) => old.includes(name)));
    expect((await readAll(node.client)).length).to.be.greaterThan(100);
  });
});
