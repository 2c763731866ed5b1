import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";

import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { storeSegments } from "../../src/log/store-segments.js";
import { archiveLog } from "./archives.js";
import { clusterId, collect, failure, textsOf, WrittenLog } from "./written-log.js";

const { signal } = new AbortController();

function found(written: WrittenLog): WrittenLog {
  const members = [{ nodeId: "node-1", address: "localhost:1" }];
  const bytes = encodeManifest({ ...foundingManifest(members), clusterId });
  written.store.objects.create(manifestName(0), bytes);
  return written;
}

async function read(written: WrittenLog, startIndex?: number): Promise<string[]> {
  const options = startIndex === undefined ? { signal } : { startIndex, signal };
  return (await collect(storeSegments(written.store, options))).flatMap(textsOf);
}

describe("storeSegments", () => {
  it("reads what counts, from its beginning to the first absent position", async () => {
    const written = found(new WrittenLog()).claim().write("1", "2").void().claim().record();
    written.write("3").void().write("4").record();
    expect(await read(written)).to.deep.equal(["1", "2", "3", "4"]);
    expect(await read(written, 3)).to.deep.equal(["3", "4"]);
    expect(await read(written, 2)).to.deep.equal(["1", "2", "3", "4"]);
    expect(await read(written, 5)).to.deep.equal([]);
    expect(await read(written, 50)).to.deep.equal([]);
  });

  it("refuses what was trimmed", async () => {
    const written = new WrittenLog().claim();
    for (let i = 1; i <= 9; i++) written.write(String(i));
    const manifest = { ...archiveLog(written, { cuts: [] }), number: 0, firstIndex: 4 };
    written.store.objects.create(manifestName(0), encodeManifest(manifest));
    expect(await read(written)).to.deep.equal(["4", "5", "6", "7", "8", "9"]);
    expect(await failure(read(written, 3))).to.include({ kind: "out_of_range" });
  });

  it("gives what stands before a damaged object, and names it then", async () => {
    const written = found(new WrittenLog()).claim().write("1").write("2").write("3");
    written.store.put(3, Buffer.from("garbage"));
    const reading = storeSegments(written.store, { signal });
    expect((await reading.next()).value?.firstIndex).to.equal(1);
    expect((await reading.next()).value?.firstIndex).to.equal(2);
    const error = await failure(reading.next());
    expect(error).to.include({ kind: "corrupt" });
    expect(error).to.have.deep.property("details", { object: segmentName(3) });
  });

  it("asks for nothing more once its reader has gone, and leaves no listener", async () => {
    const written = found(new WrittenLog()).claim();
    for (let i = 1; i <= 200; i++) written.write("x".repeat(100_000));
    const { signal: own } = new AbortController();
    const reading = storeSegments(written.store, { signal: own });
    await reading.next();
    await reading.return();
    const asked = written.store.got.length;
    for (let i = 0; i < 50; i++) await nextTurn();
    expect(written.store.got.length).to.equal(asked);
    expect(getEventListeners(own, "abort").length).to.be.at.most(1);
  });
});
