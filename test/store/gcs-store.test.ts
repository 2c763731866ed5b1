import { expect } from "chai";

import { checkStore } from "../../src/store/check-store.js";
import { openStore } from "../../src/store/open-store.js";
import { settle } from "../../src/store/settle.js";
import type { Store } from "../../src/store/store.js";
import { describeStore } from "./conformance.js";
import { expectKind, listAll, signal, text } from "./expectations.js";
import { FakeGcs } from "./fake-gcs.js";
import { FaultProxy } from "./fault-proxy.js";

describeStore("gcs", async () => {
  const fake = await FakeGcs.start("bucket-1");
  const url = `gs://bucket-1/some/prefix?apiEndpoint=${fake.endpoint}`;
  return { url, open: () => openStore(url), close: () => fake.close() };
});

const bytes = Buffer.from("bytes");

describe("gcs: the requests", () => {
  let fake: FakeGcs;
  let store: Store;

  beforeEach(async () => {
    fake = await FakeGcs.start("bucket-1");
    store = openStore(`gs://bucket-1/prefix?apiEndpoint=${fake.endpoint}`);
  });

  afterEach(async () => {
    await store.close();
    await fake.close();
  });

  it("creates by one conditional upload, checked by the server, that no cache keeps", async () => {
    await store.create("log/1", bytes, { signal });
    expect(fake.requests).to.have.length(1);
    const [request] = fake.requests;
    expect(request).to.include({ method: "POST", status: 200 });
    expect(request?.headers).to.include({ "accept-encoding": "identity" });
    expect(request?.headers).not.to.have.property("authorization");
    const query = Object.fromEntries(request?.url.searchParams ?? []);
    expect(query).to.include({ ifGenerationMatch: "0", uploadType: "multipart" });
    const object = fake.buckets.get("bucket-1")?.get("prefix/log/1");
    expect(object).to.include({
      cacheControl: "no-store",
      contentType: "application/octet-stream",
      checksumGiven: true,
    });
  });

  it("sends one request for each call, whatever comes of it", async () => {
    await store.create("a", bytes, { signal });
    await store.create("a", bytes, { signal });
    await store.get("a", { signal });
    await store.get("a", { range: { start: 1, end: 3 }, signal });
    await store.get("b", { signal });
    await store.list({ prefix: "", limit: 10, signal });
    await store.delete("a", { signal });
    await store.delete("a", { signal });
    const statuses = fake.requests.map(({ method, status }) => `${method} ${status}`);
    expect(statuses).to.deep.equal([
      "POST 200",
      "POST 412",
      "GET 200",
      "GET 206",
      "GET 404",
      "GET 200",
      "DELETE 204",
      "DELETE 404",
    ]);
  });

  it("sends nothing for a forbidden name", async () => {
    await expectKind("invalid", () => store.create("../a", bytes, { signal }));
    await expectKind("invalid", () => store.get("../a", { signal }));
    await expectKind("invalid", () => store.delete("../a", { signal }));
    await expectKind("invalid", () => store.list({ prefix: " ", limit: 1, signal }));
    expect(fake.requests).to.deep.equal([]);
  });

  it("keeps to its prefix", async () => {
    const all = openStore(`gs://bucket-1?apiEndpoint=${fake.endpoint}`);
    const sibling = openStore(`gs://bucket-1/prefi?apiEndpoint=${fake.endpoint}`);
    await store.create("a", bytes, { signal });
    expect(await listAll(all, { prefix: "", limit: 10, signal })).to.deep.equal(["prefix/a"]);
    expect(await listAll(sibling, { prefix: "", limit: 10, signal })).to.deep.equal([]);
    expect(await text(sibling, "a")).to.equal("absent");
    await Promise.all([all.close(), sibling.close()]);
  });

  it("leaves out objects that it cannot name, and pages past them", async () => {
    const objects = fake.buckets.get("bucket-1");
    await store.create("log/z", bytes, { signal });
    const object = objects?.get("prefix/log/z");
    const foreign = ["log/", "log/a b", "log/ü", "log/😀", "log/b//c"];
    for (const name of foreign) if (object !== undefined) objects?.set(`prefix/${name}`, object);
    fake.behaviour.pageItemsMax = 1;
    const page = await store.list({ prefix: "log/", limit: 10, signal });
    expect(page.items.map(({ name }) => name)).to.deep.equal(["log/z"]);
  });

  it("lists everything though pages are shorter than asked for", async () => {
    fake.behaviour.pageItemsMax = 3;
    const names = Array.from({ length: 20 }, (_, n) => `log/${String(n).padStart(4, "0")}`);
    for (const name of names) await store.create(name, bytes, { signal });
    expect(await listAll(store, { prefix: "log/", limit: 10, signal })).to.deep.equal(names);
  });

  it("calls an object corrupt that does not have its checksum", async () => {
    await store.create("a", bytes, { signal });
    fake.damage("bucket-1", "prefix/a");
    const error = await expectKind("corrupt", () => store.get("a", { signal }));
    expect(error.message).to.contain("a").and.to.contain(store.url);
  });

  it("waits a second or more before it repeats a create of one name", async () => {
    fake.behaviour.nameIntervalMs = Infinity;
    await store.create("a", bytes, { signal }); // Takes the name's one try.
    await store.delete("a", { signal });
    const waits: number[] = [];
    const settled = await settle(store, "a", bytes, {
      signal,
      wait: (ms) => {
        waits.push(ms);
        if (waits.length === 3) fake.behaviour.nameIntervalMs = 0;
        return Promise.resolve();
      },
    });
    expect(settled.type).to.equal("mine");
    expect(waits).to.have.length(3);
    expect(Math.min(...waits)).to.be.at.least(1000);
    expect(waits.toSorted((a, b) => a - b)).to.deep.equal(waits);
    const statuses = fake.requests.map(({ status }) => status);
    expect(statuses).to.deep.equal([200, 204, 429, 429, 429, 200]);
  });
});

describe("gcs: the start-up check", () => {
  let fake: FakeGcs;

  beforeEach(async () => {
    fake = await FakeGcs.start("bucket-1");
  });

  afterEach(() => fake.close());

  const check = async (url: string) => {
    const store = openStore(`${url}?apiEndpoint=${fake.endpoint}`);
    await checkStore(store, { signal }).finally(() => store.close());
  };

  it("costs two requests at first, and one from then on", async () => {
    await check("gs://bucket-1/prefix");
    await check("gs://bucket-1/prefix");
    expect(fake.requests.map(({ status }) => status)).to.deep.equal([200, 412, 412]);
  });

  it("refuses a store that ignores preconditions", async () => {
    fake.behaviour.ignorePreconditions = true;
    const error = await expectKind("invalid", () => check("gs://bucket-1"));
    expect(error.message).to.contain("ignores preconditions").and.to.contain("gs://bucket-1");
  });

  it("refuses a bucket that does not exist", async () => {
    const error = await expectKind("invalid", () => check("gs://other-bucket"));
    expect(error.message).to.contain("bucket does not exist");
  });

  it("refuses an account that may not create", async () => {
    fake.behaviour.forbidCreate = true;
    const error = await expectKind("forbidden", () => check("gs://bucket-1"));
    expect(error.message).to.contain("storage.objects.create");
  });

  it("goes on trying while the store does not answer, until told to stop", async () => {
    const proxy = await FaultProxy.start(fake.endpoint);
    const store = openStore(`gs://bucket-1?apiEndpoint=${proxy.endpoint}`);
    const controller = new AbortController();
    proxy.source = () => ({ type: "lose_request" });
    let waits = 0;
    const wait = (ms: number) => {
      expect(ms).to.be.at.least(1000);
      if (++waits === 5) controller.abort();
      return Promise.resolve();
    };
    const options = { signal: controller.signal, wait };
    await expectKind("unavailable", () => checkStore(store, options));
    expect(waits).to.equal(5);
    await store.close();
    await proxy.close();
  });
});
