/**
 * The key-value store from Python and from TypeScript on one log. Wants a Python with grpcio-tools:
 * SURAFT_PYTHON.
 */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { startTestCluster, type TestCluster } from "suraft/testing";
import { openKvStore, type KvStore } from "../../examples/kv/kv-store.js";
import { Child } from "../process/child.js";
import { makeDirectory, removeDirectory } from "../process/scratch.js";

const run = promisify(execFile);
const folder = fileURLToPath(new URL("../../../examples/kv-python/", import.meta.url));
const python = process.env["SURAFT_PYTHON"] ?? "python3";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the key-value store from Python", function () {
  this.timeout(120_000);
  let directory: string;
  let cluster: TestCluster;
  let store: KvStore;

  before(async () => {
    directory = await makeDirectory();
    await run(join(folder, "generate.sh"), [directory], {
      env: { ...process.env, PYTHON: python },
    });
    cluster = await startTestCluster();
    store = await openKvStore({ client: cluster.client });
  });

  after(async () => {
    await store?.close();
    await cluster?.close();
    await removeDirectory(directory);
  });

  function command(args: readonly string[]): readonly string[] {
    return [join(folder, "kv.py"), "--address", cluster.addresses.join(","), ...args];
  }

  async function kv(...args: readonly string[]): Promise<Outcome> {
    const env = { ...process.env, PYTHONPATH: directory };
    try {
      return { code: 0, ...(await run(python, command(args), { env })) };
    } catch (error) {
      return error as Outcome;
    }
  }

  it("reads what TypeScript wrote, and the other way round", async () => {
    await store.put("a", "grün");
    expect(await kv("get", "a")).to.include({ code: 0, stdout: "1\tgrün\n" });
    const { code, stdout } = await kv("put", "b", "blau");
    expect(code).to.equal(0);
    expect(await store.get("b")).to.deep.equal({ value: "blau", version: Number(stdout) });
    expect(await kv("delete", "a")).to.include({ code: 0 });
    expect(await store.get("a")).to.equal(undefined);
    expect(await kv("get", "a")).to.include({ code: 4, stderr: "a is not set\n" });
  });

  it("agrees on conditions", async () => {
    const { stdout } = await kv("put", "c", "1", "--if", "0");
    const version = Number(stdout);
    const found = { value: "1", version };
    expect(await store.put("c", "2", { if: 0 })).to.deep.equal({ type: "conflict", found });
    const next = await store.put("c", "2", { if: version });
    expect(next.type).to.equal("done");
    expect(await kv("put", "c", "3", "--if", stdout.trim())).to.include({ code: 5 });
    expect(await kv("get", "c"))
      .to.have.property("stdout")
      .that.matches(/^\d+\t2\n$/);
  });

  it("agrees on what is no command", async () => {
    const rubbish = [
      "",
      "[]",
      "null",
      '{"op":"put","key":1,"value":"x"}',
      '{"op":"put","key":"d"}',
    ];
    const odd = ['{"op":"put","key":"d","value":"x","if":true}', '{"op":"x","key":"d"}'];
    const entries = [...rubbish, ...odd].map((text) => ({ payload: Buffer.from(text) }));
    await cluster.client.append(entries);
    expect(await kv("get", "d")).to.include({ code: 4 });
    expect(await store.get("d")).to.equal(undefined);
  });

  it("goes on at another node when the leader is killed, and watches", async () => {
    const watcher = new Child({
      command: python,
      arguments: command(["watch", "w/"]),
      environment: { PYTHONPATH: directory },
    });
    try {
      await store.put("w/1", "before");
      await watcher.printed(/put w\/1 before/, 20_000);
      await (await cluster.leader()).kill();
      expect(await kv("put", "w/2", "after")).to.include({ code: 0 });
      await watcher.printed(/put w\/2 after/, 30_000);
    } finally {
      await watcher.end();
    }
  });
});
