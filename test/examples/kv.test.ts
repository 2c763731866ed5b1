import { readFileSync } from "node:fs";
import { expect } from "chai";
import { SuraftError, type Client } from "suraft/client";
import { MemorySnapshots } from "suraft/replica";
import { startTestCluster, type TestCluster } from "suraft/testing";
import { startKvServer } from "../../examples/kv/kv-server.js";
import { openKvStore, type KvStore } from "../../examples/kv/kv-store.js";
import type { Change } from "../../examples/kv/kv-machine.js";
import type { JsonServer } from "../../examples/shared/json-server.js";
import { makeDirectory, removeDirectory } from "../process/scratch.js";
import { failureOf } from "../replica/tally.js";
import { ServiceProcess } from "./service-process.js";

describe("the key-value example", function () {
  this.timeout(30_000);
  let cluster: TestCluster;
  let client: Client;
  const stores: KvStore[] = [];

  beforeEach(async () => {
    cluster = await startTestCluster({ nodeCount: 1 });
    ({ client } = cluster);
  });

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await cluster.close();
  });

  async function open(snapshots?: MemorySnapshots): Promise<KvStore> {
    const store = await openKvStore({ client, ...(snapshots === undefined ? {} : { snapshots }) });
    stores.push(store);
    return store;
  }

  it("sets, reads, compares and removes, in every process alike", async () => {
    const [one, two] = [await open(), await open()];
    expect(await one.put("a", "1")).to.deep.equal({ type: "done", version: 1 });
    expect(await two.get("a")).to.deep.equal({ value: "1", version: 1 });
    expect(await two.put("a", "2", { if: 1 })).to.deep.equal({ type: "done", version: 2 });
    const found = { value: "2", version: 2 };
    expect(await one.put("a", "3", { if: 1 })).to.deep.equal({ type: "conflict", found });
    expect(await one.put("a", "3", { if: 0 })).to.deep.equal({ type: "conflict", found });
    expect(await one.delete("a", { if: 2 })).to.deep.equal({ type: "done", version: 5 });
    expect(await two.get("a")).to.equal(undefined);
    expect(await two.put("a", "4", { if: 0 })).to.deep.equal({ type: "done", version: 6 });
  });

  it("lets one of many win", async () => {
    const [one, two] = [await open(), await open()];
    const tries = Array.from({ length: 20 }, (_, at) =>
      (at % 2 === 0 ? one : two).put("leader", String(at), { if: 0 }),
    );
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter(({ type }) => type === "done")).to.have.length(1);
  });

  it("tells watchers of every change once, in order, also those before", async () => {
    const [one, two] = [await open(), await open()];
    await one.put("a/1", "x");
    const abort = new AbortController();
    const seen: Change[] = [];
    const watching = (async () => {
      for await (const change of two.watch({ prefix: "a/", from: 1, signal: abort.signal })) {
        if (seen.push(change) === 4) abort.abort();
      }
    })();
    await one.put("b", "x");
    await one.put("a/2", "y");
    await one.put("a/2", "z", { if: 1 });
    await one.delete("a/1");
    await two.put("a/3", "end");
    await watching;
    expect(seen).to.deep.equal([
      { index: 1, key: "a/1", value: "x" },
      { index: 3, key: "a/2", value: "y" },
      { index: 5, key: "a/1", value: undefined },
      { index: 6, key: "a/3", value: "end" },
    ]);
  });

  it("turns a watcher away that asks for what is forgotten", async () => {
    const snapshots = new MemorySnapshots();
    const one = await open(snapshots);
    for (let count = 0; count < 5; count += 1) await one.put("a", String(count));
    const bounds = { signal: new AbortController().signal };
    await snapshots.put(6, chunk('["a","4",5]\n'), bounds);
    const two = await open(snapshots);
    expect(await two.get("a")).to.deep.equal({ value: "4", version: 5 });
    const failure = await failureOf(two.watch({ from: 2 }).next());
    expect(failure).to.be.instanceOf(SuraftError).with.property("kind", "out_of_range");
    expect(failure).to.have.deep.property("details", { first_index: "6" });
  });

  it("passes over entries that are no commands", async () => {
    const store = await open();
    const rubbish = ["", "null", "7", "{}", '{"op":"put","key":1}', '{"op":"put","key":"a"}'];
    await client.append(rubbish.map((text) => ({ payload: Buffer.from(text) })));
    await client.append([{ payload: Buffer.from('{"op":"put","key":"a","value":"1"}') }]);
    expect(await store.get("a")).to.deep.equal({ value: "1", version: 7 });
  });

  describe("over HTTP", () => {
    let server: JsonServer;

    beforeEach(async () => {
      server = await startKvServer(await open(), "127.0.0.1:0");
    });

    afterEach(async () => {
      await server.close();
    });

    async function call(method: string, path: string, body?: string) {
      const options = { method, ...(body === undefined ? {} : { body }) };
      const response = await fetch(`http://${server.address}${path}`, options);
      return { status: response.status, ...((await response.json()) as object) };
    }

    it("says by its status what became of a call", async () => {
      const put = await call("PUT", "/keys/a%2Fb", "hello");
      expect(put).to.deep.equal({ status: 200, key: "a/b", version: 1 });
      expect(await call("GET", "/keys/a%2Fb")).to.include({ status: 200, value: "hello" });
      const conflict = await call("PUT", "/keys/a%2Fb?if=0", "other");
      expect(conflict).to.include({ status: 412, kind: "conflict", value: "hello", version: 1 });
      expect(await call("GET", "/keys/none")).to.include({ status: 404, kind: "absent" });
      expect(await call("PUT", "/keys/a?if=x", "")).to.include({ status: 400, kind: "invalid" });
      expect(await call("PUT", `/keys/${"k".repeat(257)}`, "")).to.include({ status: 400 });
      expect(await call("POST", "/keys/a", "")).to.include({ status: 404, kind: "not_served" });
      expect(await call("GET", "/keys/%ff")).to.include({ status: 400 });
    });

    it("streams changes to a watcher", async () => {
      await call("PUT", "/keys/a", "1");
      const response = await fetch(`http://${server.address}/watch?from=1`);
      const lines = response.body?.pipeThrough(new TextDecoderStream());
      const reader = lines?.getReader();
      expect((await reader?.read())?.value).to.equal('{"index":1,"key":"a","value":"1"}\n');
      await call("DELETE", "/keys/a");
      expect((await reader?.read())?.value).to.equal('{"index":2,"key":"a"}\n');
      await reader?.cancel();
    });
  });
});

describe("the key-value example's process", function () {
  this.timeout(60_000);

  it("is started by the README's command", () => {
    const readme = readFileSync(new URL("../../../examples/kv/README.md", import.meta.url), "utf8");
    const { scripts } = JSON.parse(
      readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
    ) as { readonly scripts: Readonly<Record<string, string>> };
    expect(readme).to.contain("npm run example:kv");
    expect(scripts["example:kv"]).to.contain("dist/examples/kv/main.js");
  });

  it("needs nothing but itself, and keeps its keys when it is killed or stopped", async () => {
    const directory = await makeDirectory();
    const service = await ServiceProcess.start({ name: "kv", flags: {}, directory });
    try {
      const url = `${service.url}/keys/a`;
      await fetch(url, { method: "PUT", body: "1" });
      await service.kill();
      await service.start();
      expect(await (await fetch(url)).json()).to.deep.equal({ key: "a", value: "1", version: 1 });
      expect(await service.stop()).to.equal(0);
      await service.start();
      expect(await (await fetch(url)).json()).to.have.property("value", "1");
    } finally {
      await service.kill();
      await removeDirectory(directory);
    }
  });
});

async function* chunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
