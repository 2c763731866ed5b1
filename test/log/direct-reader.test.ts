import { expect } from "chai";

import { readLogDirectly } from "../../src/log/direct-reader.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { StoreError } from "../../src/store/store.js";
import { archiveLog } from "./archives.js";
import { clusterId, collect, failure, gate, textsOf, WrittenLog } from "./written-log.js";

const { signal } = new AbortController();

function founded(): WrittenLog {
  const written = new WrittenLog();
  const members = [{ nodeId: "node-1", address: "localhost:1" }];
  const bytes = encodeManifest({ ...foundingManifest(members), clusterId });
  written.store.objects.create(manifestName(0), bytes);
  return written;
}

async function read(written: WrittenLog, startIndex?: number): Promise<string[]> {
  const options = startIndex === undefined ? { signal } : { startIndex, signal };
  return (await collect(readLogDirectly(written.store, options))).flatMap(textsOf);
}

describe("readLogDirectly", () => {
  it("reads what counts, from its beginning to the first absent position", async () => {
    const written = founded().claim().write("1", "2").void().claim().record().write("3");
    written.void().write("4").record();
    expect(await read(written)).to.deep.equal(["1", "2", "3", "4"]);
    expect(await read(written, 3)).to.deep.equal(["3", "4"]);
    expect(await read(written, 2)).to.deep.equal(["1", "2", "3", "4"]);
    expect(await read(written, 5)).to.deep.equal([]);
  });

  it("reads archives below the floor, and not what was trimmed", async () => {
    const written = founded().claim();
    for (let i = 1; i <= 90; i++) written.write(String(i));
    const manifest = archiveLog(written, { cuts: [30, 60], firstIndex: 45 });
    written.store.objects.create(manifestName(1), encodeManifest(manifest));
    const expected = Array.from({ length: 46 }, (_, i) => String(i + 45));
    expect(await read(written)).to.deep.equal(expected);
    expect(await read(written, 80)).to.deep.equal(expected.slice(35));
    expect(await failure(read(written, 44))).to.include({ kind: "out_of_range" });
  });

  it("goes on in the archives where the floor passes it by", async () => {
    const written = new WrittenLog().claim();
    for (let i = 1; i <= 90; i++) written.write(String(i));
    const members = [{ nodeId: "node-1", address: "localhost:1" }];
    const young = { ...foundingManifest(members, 1), clusterId };
    written.store.objects.create(manifestName(0), encodeManifest(young));
    let archived = false;
    written.store.beforeGet = async (name) => {
      if (archived || name !== segmentName(40)) return;
      archived = true;
      const manifest = { ...archiveLog(written, { cuts: [30, 60] }), graceMs: 1 };
      written.store.objects.create(manifestName(1), encodeManifest(manifest));
    };
    expect(await read(written)).to.deep.equal(Array.from({ length: 90 }, (_, i) => String(i + 1)));
    expect(archived).to.equal(true);
  });

  it("stops at a gap, whatever stands behind it", async () => {
    const written = founded().claim().write("1").write("2").write("3");
    written.store.objects.delete(segmentName(2));
    expect(await read(written)).to.deep.equal(["1"]);
  });

  it("sees what was written before it began, and goes as far as the store does", async () => {
    const written = founded().claim();
    for (let i = 1; i <= 100; i++) written.write(String(i));
    expect(await read(written)).to.have.lengthOf(100);
    expect(written.store.underWayMost).to.be.greaterThan(1).and.to.be.at.most(8);
  });

  it("names a damaged object when it gets there", async () => {
    const written = founded().claim().write("1").write("2");
    written.store.put(2, Buffer.from("garbage"));
    const reading = readLogDirectly(written.store, { signal });
    expect((await reading.next()).value?.firstIndex).to.equal(1);
    const error = await failure(reading.next());
    expect(error).to.include({ kind: "corrupt" });
    expect(error).to.have.deep.property("details", { object: segmentName(2) });
  });

  it("says that a store holds no cluster", async () => {
    const error = await failure(collect(readLogDirectly(new WrittenLog().store, { signal })));
    expect(error).to.include({ kind: "invalid" });
  });

  it("fails as the store fails, and ends with the signal's reason", async () => {
    const written = founded().claim().write("1");
    written.store.beforeGet = async (name) => {
      if (name === segmentName(1)) throw new StoreError("unavailable", "later");
    };
    expect(await failure(read(written))).to.include({ kind: "unavailable" });
    const controller = new AbortController();
    const { opened, open } = gate();
    written.store.beforeGet = (name, getSignal) =>
      new Promise((resolve, reject) => {
        if (!name.startsWith("log/")) return resolve();
        getSignal.addEventListener("abort", () => reject(new StoreError("unavailable", "aborted")));
        return open();
      });
    const reading = collect(readLogDirectly(written.store, { signal: controller.signal }));
    await opened;
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await failure(reading)).to.equal(reason);
  });
});
