/** `suraft verify` beside nodes that work, and behind them when they are gone. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { runSuraft } from "../cli/run-suraft.js";
import { TestCluster } from "./test-cluster.js";
import type { VerifyReport } from "../../src/offline/verify-report.js";

describe("suraft verify", function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let store: string;

  before(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
    store = `file://${cluster.storeDirectory}`;
  });

  after(async () => {
    await cluster.close();
  });

  it("finds nothing wrong while three nodes append", async () => {
    const leader = await cluster.leader();
    const session = leader.client.openSession();
    const verified = runSuraft(["verify", "--store", store, "--json"]);
    let isVerified = false;
    const ended = verified.then(() => (isVerified = true));
    let appended = 0;
    for (; !isVerified || appended < 100; appended++) {
      await session.append([{ payload: Buffer.from(`entry ${appended}`) }]);
    }
    await session.close();
    await ended;
    const { code, stdout, stderr } = await verified;
    expect(stderr).to.equal("");
    expect(code).to.equal(0);
    expect((JSON.parse(stdout) as VerifyReport).isDamaged).to.equal(false);

    const after = await runSuraft(["verify", "--store", store, "--json"]);
    const report = JSON.parse(after.stdout) as VerifyReport;
    expect(after.code).to.equal(0);
    expect(report.readableEntries).to.equal(appended);
    expect(report.nextIndex).to.equal(appended + 1);
    // The session's producer, and its appends.
    expect(report.counts.records).to.equal(appended + 1);
    expect(report.counts.found.damaged).to.equal(0);
  });

  it("finds nothing wrong while a leader archives and deletes under it", async () => {
    const settings = {
      "checkpoint-segments": "8",
      "archive-segments": "8",
      "grace-ms": "1000",
    };
    const busy = await TestCluster.start({ nodeCount: 1, settings });
    try {
      const { client } = await busy.leader();
      let report: VerifyReport | undefined;
      for (let round = 0; round < 25; round++) {
        for (let at = 0; at < 40; at++) {
          await client.append([{ payload: Buffer.from(`entry ${round}.${at}`) }]);
        }
        const where = ["verify", "--store", `file://${busy.storeDirectory}`, "--json"];
        const { code, stdout, stderr } = await runSuraft(where);
        expect(stderr + (code === 0 ? "" : stdout)).to.equal("");
        report = JSON.parse(stdout) as VerifyReport;
        if (report.counts.archives > 1) break;
      }
      expect(report?.counts.archives).to.be.above(1);
      expect(report?.counts.checkpointsRecomputed).to.be.above(0);
    } finally {
      await busy.close();
    }
  });

  it("exits with 6 and names the object and the entries when a byte is flipped", async () => {
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    const log = join(cluster.storeDirectory, "log");
    const names = (await readdir(log)).toSorted();
    const name = names[Math.floor(names.length / 2)] ?? "";
    const path = join(log, name);
    const bytes = await readFile(path);
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
    await writeFile(path, bytes);
    const { code, stdout, stderr } = await runSuraft(["verify", "--store", store]);
    expect(code).to.equal(6);
    expect(stdout).to.match(new RegExp(`damaged objects: 1\n  log/${name}: .*; lost: entr`));
    expect(stdout).to.match(/DAMAGED: [\d,]+ of [\d,]+ entries can be read/);
    expect(stderr).to.match(/^error: the log in file:.* is damaged\n$/);
  });

  it("exits with 1 where there is no log, and with 2 for what is no store", async () => {
    const none = await runSuraft(["verify", "--store", `file://${cluster.storeDirectory}/none`]);
    expect(none.stderr).to.match(/^error: there is no cluster in file:/);
    expect(none.code).to.equal(1);
    const odd = await runSuraft(["verify", "--store", "ftp://x"]);
    expect(odd.stderr).to.match(/^error: /);
    expect(odd.code).to.equal(1);
    const missing = await runSuraft(["verify"]);
    expect(missing.code).to.equal(2);
  });
});
