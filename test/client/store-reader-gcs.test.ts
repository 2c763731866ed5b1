/** Reads straight from a bucket: the adapter, and the requests that are paid for. */

import { expect } from "chai";
import { openStoreReader } from "../../src/client/store-reader.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { openStore } from "../../src/store/open-store.js";
import { clusterId, WrittenLog } from "../log/written-log.js";
import { FakeGcs } from "../store/fake-gcs.js";

const { signal } = new AbortController();

/** As it stands in a URL. */
const segmentOfTail = encodeURIComponent(segmentName(21));

describe("a reader of a bucket", () => {
  let server: FakeGcs;
  let url: string;

  before(async () => {
    server = await FakeGcs.start("my-log");
    url = `gs://my-log/production?apiEndpoint=${server.endpoint}`;
    const written = new WrittenLog().claim();
    for (let index = 1; index <= 20; index += 1) written.write(String(index));
    const store = openStore(url);
    const manifest = { ...foundingManifest([{ nodeId: "n1", address: "n1:1" }]), clusterId };
    await store.create(manifestName(0), encodeManifest(manifest), { signal });
    for (let position = 0; position < written.walk.tail; position += 1) {
      const found = written.store.objects.get(segmentName(position), undefined);
      if (found.type !== "found") throw new Error("a written segment stands");
      await store.create(segmentName(position), found.bytes, { signal });
    }
    await store.close();
  });

  after(async () => {
    await server.close();
  });

  it("reads it, and pays for what it says", async () => {
    server.requests.length = 0;
    const reader = openStoreReader(url);
    const texts: string[] = [];
    for await (const { batches } of reader.read({ start: { type: "last", count: 3 } })) {
      for (const { entries } of batches) {
        texts.push(...entries.map(({ payload }) => Buffer.from(payload).toString()));
      }
    }
    expect(texts).to.deep.equal(["18", "19", "20"]);
    const methods = new Set(server.requests.map(({ method }) => method));
    expect([...methods]).to.deep.equal(["GET"]);
    await reader.tail();
    // The listing and the manifest, 21 segments, looks past the tail, and one look more.
    expect(server.requests.length).to.be.within(2 + 21 + 1, 2 + 21 + 64);
    const looks = (): number =>
      server.requests.filter(({ url: asked }) => asked.href.includes(segmentOfTail)).length;
    const before = looks();
    for (let round = 1; round <= 3; round += 1) {
      expect((await reader.tail()).nextIndex).to.equal(21);
      expect(looks()).to.equal(before + round);
    }
    await reader.close();
  });

  it("says which bucket there is not", async () => {
    const missing = openStoreReader(url.replace("my-log", "no-such-bucket"));
    const error: unknown = await missing.tail().catch((failure: unknown) => failure);
    expect(error).to.include({ kind: "invalid" });
    expect(error).to.have.property("message").that.contains("no-such-bucket");
    await missing.close();
  });
});
