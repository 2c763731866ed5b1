/** A log that moves from one store to another, and nodes that go on with it there. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { groupDigits } from "../../src/cli/terminal.js";
import { runSuraft } from "../cli/run-suraft.js";
import { makeDirectory, removeDirectory } from "./scratch.js";
import { TestCluster } from "./test-cluster.js";
import type { VerifyReport } from "../../src/offline/verify-report.js";

describe("suraft export and import", function () {
  this.timeout(60_000);
  let directory: string;
  let cluster: TestCluster;
  let source: string;

  before(async () => {
    directory = await makeDirectory();
    cluster = await TestCluster.start({ nodeCount: 1 });
    source = `file://${cluster.storeDirectory}`;
    const { client } = await cluster.leader();
    const session = client.openSession();
    for (let index = 1; index <= 300; index++) {
      const header = { key: "n", value: Buffer.from(String(index)) };
      await session.append([
        { payload: Buffer.from(`entry ${index}`), headers: [header], key: `key ${index}` },
      ]);
    }
    await session.close();
  });

  after(async () => {
    await cluster.close();
    await removeDirectory(directory);
  });

  for (const from of [1, 101]) {
    it(`moves the entries from index ${from} on, and a node goes on behind them`, async () => {
      const storeDirectory = join(directory, `store-${from}`);
      const target = `file://${storeDirectory}`;
      const file = join(directory, `log-${from}`);
      const members = ["--members", "n1=127.0.0.1:1"];
      const exported = await runSuraft(["export", "--store", source, "--from", `${from}`, file]);
      const bytes = await readFile(file);
      const told = `exported ${301 - from} entries (index ${from} to 300), ${groupDigits(bytes.length)} bytes\n`;
      expect(exported).to.deep.equal({ code: 0, stdout: "", stderr: told });

      const cut = join(directory, "cut");
      await writeFile(cut, bytes.subarray(0, bytes.length / 2));
      const refused = await runSuraft(["import", "--store", target, ...members, cut]);
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.match(/^error: .*cut: .*cut off.*\n$/);

      const options = { input: bytes };
      const done = await runSuraft(["import", "--store", target, ...members, "-"], options);
      expect(done.stderr).to.equal("");
      expect(done.stdout).to.match(
        new RegExp(`^imported ${301 - from} entries \\(index ${from} to 300\\) in `),
      );
      const again = await runSuraft(["import", "--store", target, ...members, file]);
      expect(again.code).to.equal(1);
      expect(again.stderr).to.match(/holds a log already/);

      const other = await TestCluster.start({ nodeCount: 1, storeDirectory });
      try {
        const { client } = await other.leader();
        const { lastIndex } = await client.append([
          { payload: Buffer.from("new"), key: "key 300" },
        ]);
        expect(lastIndex).to.equal(301);
        const entries: string[] = [];
        for await (const { batches } of client.read()) {
          for (const batch of batches) {
            for (const { payload, headers, key } of batch.entries) {
              const values = headers.map((header) => Buffer.from(header.value).toString());
              entries.push([Buffer.from(payload).toString(), ...values, key].join());
            }
          }
        }
        expect(entries).to.have.lengthOf(302 - from);
        expect(entries[0]).to.equal(`entry ${from},${from},key ${from}`);
        expect(entries.at(-2)).to.equal("entry 300,300,key 300");
      } finally {
        await other.close();
      }
      const verified = await runSuraft(["verify", "--store", target, "--json"]);
      const report = JSON.parse(verified.stdout) as VerifyReport;
      expect(report.isDamaged).to.equal(false);
      expect([report.firstIndex, report.nextIndex]).to.deep.equal([from, 302]);
    });
  }

  it("makes no file of what cannot be exported, and overwrites none", async () => {
    const file = join(directory, "none");
    const beyond = await runSuraft(["export", "--store", source, "--from", "999", file]);
    expect(beyond.code).to.equal(1);
    expect(beyond.stderr).to.match(
      /^error: index 999 is beyond the tail; the log begins at 1, and its next index is \d+\n$/,
    );
    await writeFile(file, "precious");
    const there = await runSuraft(["export", "--store", source, file]);
    expect(there.code).to.equal(1);
    expect(there.stderr).to.equal(`error: cannot write ${file}: it is there already\n`);
    expect(await readFile(file, "utf8")).to.equal("precious");
    const odd = await runSuraft(["import", "--store", source, "--members", "n1", file]);
    expect(odd.code).to.equal(2);
  });
});
