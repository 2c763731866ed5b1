import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";

import { crc32c } from "../../src/log/crc32c.js";
import { append, startTestService, type TestService } from "../service/test-service.js";
import { runSuraft } from "./run-suraft.js";

const state = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at) & 255));

describe("suraft snapshot", function () {
  this.timeout(30_000);
  let test: TestService;
  let directory: string;

  beforeEach(async () => {
    test = await startTestService();
    await test.log.append(append("a", "b", "c"));
    directory = await mkdtemp(path.join(tmpdir(), "suraft-snapshot-"));
    await writeFile(path.join(directory, "state"), state);
  });

  afterEach(async () => {
    await test.stop();
    await rm(directory, { recursive: true });
  });

  const run = (line: string[], input: string | Uint8Array = "") =>
    runSuraft(["snapshot", ...line, "--address", test.address], { input });

  it("puts a file or standard input, lists, and gets it back, byte for byte", async () => {
    const file = path.join(directory, "state");
    const put = await run(["put", "--next-index", "3", "--file", file]);
    expect(put).to.deep.include({ code: 0, stdout: "3\n", stderr: "" });
    expect(await run(["put", "--next-index", "4", "--json"], "small")).to.include({ code: 0 });
    const listed = await run(["list", "--json"]);
    const [newest, older] = listed.stdout.trimEnd().split("\n");
    expect(JSON.parse(newest ?? "")).to.include({ nextIndex: 4, sizeBytes: 5 });
    const whole = { nextIndex: 3, sizeBytes: state.length, checksum: crc32c(state) };
    expect(JSON.parse(older ?? "")).to.include(whole);
    expect((await run(["get"])).stdout, "the newest").to.equal("small");
    const output = path.join(directory, "copy");
    const got = await run(["get", "--next-index", "3", "--output", output]);
    expect(got).to.deep.include({ code: 0, stdout: "3\n", stderr: "" });
    expect((await readFile(output)).equals(state)).to.equal(true);
    expect(await readdir(directory), "no part is left").to.have.members(["state", "copy"]);
  });

  it("shows a table to people", async () => {
    await run(["put", "--next-index", "3"], "hello");
    const { stdout } = await run([]);
    expect(stdout).to.match(/^NEXT INDEX +BYTES +CRC32C +PUT\n +3 +5 +9a71bb4c +20/);
  });

  it("says what is wrong, and leaves no file", async () => {
    const none = await run(["get", "--output", path.join(directory, "copy")]);
    expect(none).to.include({ code: 1, stdout: "" });
    expect(none.stderr).to.contain("there is no snapshot");
    expect(await readdir(directory)).to.deep.equal(["state"]);
    const beyond = await run(["put", "--next-index", "9"], "x");
    expect(beyond).to.include({ code: 1 });
    expect(beyond.stderr).to.contain(
      "index 9 is beyond the tail; the log begins at 1, and its next index is 4",
    );
    await run(["put", "--next-index", "4"], "x");
    const older = await run(["put", "--next-index", "3"], "x");
    expect(older, "a condition").to.include({ code: 5 });
    expect(older.stderr).to.contain("the newest snapshot covers the log up to index 4");
    expect(await run(["put"], "x")).to.include({ code: 2 });
    const missing = await run(["put", "--next-index", "4", "--file", path.join(directory, "no")]);
    expect(missing).to.include({ code: 1 });
    expect(missing.stderr).to.contain("there is no such file");
    const unwritable = await run(["get", "--output", path.join(directory, "no", "copy")]);
    expect(unwritable).to.include({ code: 1 });
    expect(unwritable.stderr).to.contain("cannot write");
  });
});
