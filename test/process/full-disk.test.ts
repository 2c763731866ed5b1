/** A disk that is full, and then is not. */

import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { statfs, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { calling, failureOf } from "./call.js";
import { readAll } from "./journal.js";
import { makeDirectory, removeDirectory } from "./scratch.js";
import { TestCluster } from "./test-cluster.js";

const diskBytes = 4 * 1024 * 1024;

describe("a node whose disk is full", function () {
  this.timeout(60_000);
  let disk: string;
  let mounted = false;
  let cluster: TestCluster | undefined;

  before(async function () {
    disk = await makeDirectory();
    try {
      const options = ["-t", "tmpfs", "-o", `size=${diskBytes}`, "suraft-test", disk];
      execFileSync("mount", options, { stdio: "pipe" });
      mounted = true;
    } catch {
      process.stdout.write("    (skipped: this user may not mount a small disk)\n");
      return this.skip();
    }
    cluster = await TestCluster.start({
      nodeCount: 1,
      storeDirectory: join(disk, "store"),
      settings: { "store-timeout-ms": "600", "store-request-timeout-ms": "300" },
    });
  });

  after(async () => {
    await cluster?.close();
    if (mounted) execFileSync("umount", [disk], { stdio: "pipe" });
    await removeDirectory(disk);
  });

  it("refuses appends, reads on, and takes appends again once there is space", async () => {
    const node = await cluster?.leader();
    if (node === undefined) throw new Error("the cluster runs");
    await node.client.append([{ payload: Buffer.from("before") }]);
    const ballast = join(disk, "ballast");
    const { bavail, bsize } = await statfs(disk);
    await writeFile(ballast, Buffer.alloc(bavail * bsize));

    const payload = Buffer.alloc(256 * 1024);
    const failure = await calling(node.address, (log) =>
      failureOf(log.append({ entries: [{ payload }] }, { timeoutMs: 2_500 })),
    );
    expect(failure.kind).to.be.oneOf(["unavailable", "unknown_outcome"]);
    const texts = async (): Promise<readonly string[]> =>
      (await readAll(node.client)).map((entry) => Buffer.from(entry.payload).toString());
    expect((await texts())[0]).to.equal("before");
    expect(node.isAlive).to.equal(true);

    await unlink(ballast);
    const { firstIndex } = await node.client.append([{ payload: Buffer.from("after") }], {
      timeoutMs: 30_000,
    });
    const log = await texts();
    expect(log[firstIndex - 1]).to.equal("after");
    if (failure.kind === "unavailable") expect(log).to.deep.equal(["before", "after"]);
  });
});
