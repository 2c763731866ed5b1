import { expect } from "chai";

import { objectName, parseObjectName } from "../../src/log/names.js";
import { SegmentLog } from "../../src/log/segment-log.js";
import { foundedLog, graceMs, UpkeepProcess } from "./upkeep-world.js";
import type { Death } from "./upkeep-world.js";
import { clusterId, collect, pastOf, textsOf } from "../log/written-log.js";
import type { WrittenLog } from "../log/written-log.js";
import type { ManifestView } from "../../src/core/manifest.js";

const { signal } = new AbortController();

/** Leaders change now and then, and voids stand in between. */
function grown(written: WrittenLog, segments: number): WrittenLog {
  if (written.walk.epoch === undefined) written.claim();
  for (let count = 1; count <= segments; count++) {
    if (count % 17 === 0) written.void();
    if (count % 23 === 0) written.claim();
    written.write(`${written.walk.nextIndex} of ${written.walk.tail}`);
  }
  return written;
}

/** The log grows while it is kept up. */
async function growing(
  process: UpkeepProcess,
  written: WrittenLog,
  segments: number,
): Promise<void> {
  for (let count = 0; count < segments; count += 5) {
    grown(written, 5);
    await process.pass(100);
  }
}

/** The names of all objects. */
function names(written: WrittenLog): readonly string[] {
  const { items } = written.store.objects.list({ prefix: "", limit: 1000, signal });
  return items.map(({ name }) => name);
}

function segmentNames(written: WrittenLog): readonly string[] {
  return names(written).filter((name) => parseObjectName(name)?.type === "segment");
}

/** The names that a store holds when nothing is left to do. */
function namesFor(written: WrittenLog, manifest: ManifestView): readonly string[] {
  const { floor, checkpoint, archives, number } = manifest;
  const expected = archives.map(({ id }) => objectName({ type: "archive", id }));
  if (checkpoint !== undefined) {
    expected.push(objectName({ type: "checkpoint", id: checkpoint.ledger.id }));
  }
  for (let position = floor.tail; position < written.walk.tail; position++) {
    expected.push(objectName({ type: "segment", position }));
  }
  expected.push(objectName({ type: "manifest", number: 0 }));
  if (number > 0) expected.push(objectName({ type: "manifest", number }));
  return expected.toSorted();
}

/** What a node that starts now reads, from the first index that was not trimmed. */
async function readCold(written: WrittenLog, manifest: ManifestView): Promise<readonly string[]> {
  const { firstIndex, checkpoint } = manifest;
  const past = pastOf(manifest);
  const bounds = { store: written.store, clusterId, past, cacheBytesMax: 1 };
  const log =
    checkpoint === undefined
      ? new SegmentLog(bounds)
      : new SegmentLog({ ...bounds, start: { walk: checkpoint.walk, firstIndex } });
  const { tail } = log.walk;
  for (const segment of written.committed) if (segment.position >= tail) log.append(segment);
  const segments = await collect(log.segments({ startIndex: firstIndex, signal }));
  return segments.flatMap(textsOf);
}

function writtenFrom(written: WrittenLog, firstIndex: number): readonly string[] {
  const kept = written.entries.filter((entries) => entries.firstIndex >= firstIndex);
  return kept.flatMap(textsOf);
}

/** Nothing was lost, nothing is left over, and the log reads as it was written. */
async function expectSound(written: WrittenLog, process: UpkeepProcess): Promise<void> {
  const { manifest } = process;
  expect(process.storage.past.damage).to.equal("");
  expect(names(written)).to.deep.equal(namesFor(written, manifest));
  const { firstIndex } = manifest;
  expect(await readCold(written, manifest)).to.deep.equal(writtenFrom(written, firstIndex));
}

describe("upkeep in a node", () => {
  it("keeps a growing log in few objects, and reads it back whole", async () => {
    const written = grown(foundedLog(), 10);
    const process = await UpkeepProcess.start(written);
    for (let rounds = 0; rounds < 5; rounds++) {
      await growing(process, written, 30);
      await process.rest();
      await expectSound(written, process);
    }
    const { archives, floor, checkpoint } = process.manifest;
    expect(archives.length).to.be.greaterThan(2);
    expect(floor.tail).to.be.greaterThan(60);
    expect(written.walk.tail - (checkpoint?.walk.tail ?? 0)).to.be.lessThan(16);
    process.stop();
  });

  it("asks the store for nothing while there is nothing to do", async () => {
    const written = foundedLog();
    const process = await UpkeepProcess.start(written);
    await growing(process, written, 100);
    await process.rest();
    expect(process.manifest.archives.length).to.be.greaterThan(1);
    const before = process.counts;
    await process.pass(100 * graceMs);
    for (let ticks = 0; ticks < 100; ticks++) await process.pass(graceMs);
    expect(process.counts).to.deep.equal(before);
    process.stop();
  });

  it("deletes nothing before a grace has passed", async () => {
    const written = foundedLog();
    const process = await UpkeepProcess.start(written);
    await growing(process, written, 100);
    while (process.nowMs < graceMs - 200) await process.pass(100);
    expect(process.manifest.floor.tail).to.be.greaterThan(50);
    expect(process.counts.deletes).to.equal(0);
    expect(segmentNames(written)).to.have.lengthOf(written.walk.tail);
    await process.rest();
    expect(process.counts.deletes).to.be.greaterThan(50);
    process.stop();
  });

  it("lets go of what was trimmed, archives too", async () => {
    const written = foundedLog();
    const process = await UpkeepProcess.start(written);
    await growing(process, written, 150);
    await process.rest();
    const { archives } = process.manifest;
    const firstIndex = (archives.at(-1)?.firstIndex ?? 1) + 1;
    written.record({ type: "trimmed", entryOffset: 0, firstIndex });
    await process.rest();
    expect(process.manifest.firstIndex).to.equal(firstIndex);
    expect(process.manifest.archives).to.have.lengthOf(1);
    await expectSound(written, process);
    const { nextIndex } = written.walk;
    written.record({ type: "trimmed", entryOffset: 0, firstIndex: nextIndex });
    await growing(process, written, 40);
    await process.rest();
    expect(process.manifest).to.include({ firstIndex: nextIndex });
    await expectSound(written, process);
    process.stop();
  });

  it("goes on without deleting where it may not, and says so once", async () => {
    const written = foundedLog();
    const process = await UpkeepProcess.start(written, { mayDelete: () => false });
    await growing(process, written, 100);
    while (process.nowMs < 3 * graceMs) await process.pass(100);
    await growing(process, written, 60);
    while (process.nowMs < 10 * graceMs) await process.pass(100);
    const refusals = process.lines.filter((line) => line.includes("may not delete"));
    expect(refusals).to.have.lengthOf(1);
    expect(process.storage.past.damage).to.equal("");
    expect(process.manifest.archives.length).to.be.greaterThan(1);
    expect(segmentNames(written)).to.have.lengthOf(written.walk.tail);
    // A few tries in each grace.
    expect(process.counts.deletes).to.be.lessThan(10 * 8 + 1);
    process.stop();
    const other = await UpkeepProcess.start(written, { nowMs: process.nowMs });
    await other.rest();
    await expectSound(written, other);
    other.stop();
  });

  it("shares the work with a second process that believes that it leads", async () => {
    const written = grown(foundedLog(), 100);
    const [one, other] = [await UpkeepProcess.start(written), await UpkeepProcess.start(written)];
    for (let rounds = 0; rounds < 200; rounds++) {
      if (rounds % 10 === 0) grown(written, 3);
      await Promise.all([one.pass(100), other.pass(100)]);
    }
    await Promise.all([one.rest(), other.rest()]);
    one.stop();
    await other.rest();
    await expectSound(written, other);
    other.stop();
  });
});

describe("upkeep that dies at a step", function () {
  this.timeout(120_000);

  /** A log that grows and is trimmed, and is at rest then, or dead. */
  async function kept(written: WrittenLog, death?: Death): Promise<UpkeepProcess> {
    const process = await UpkeepProcess.start(written, death === undefined ? {} : { death });
    await growing(process, written, 45);
    written.record({ type: "trimmed", entryOffset: 0, firstIndex: 12 });
    await growing(process, written, 20);
    await process.rest();
    return process;
  }

  it("loses nothing and leaves nothing behind, whichever step it was", async () => {
    const whole = await kept(foundedLog());
    const steps = whole.store.changes;
    expect(steps).to.be.greaterThan(30);
    expect(whole.manifest.archives).to.have.lengthOf(1);
    for (let atChange = 1; atChange <= steps; atChange++) {
      for (const tookEffect of [false, true]) {
        const written = foundedLog();
        const first = await kept(written, { atChange, tookEffect });
        expect(first.store.isDead, `step ${atChange}`).to.equal(true);
        const second = await UpkeepProcess.start(written, { nowMs: first.nowMs });
        await second.rest();
        await expectSound(written, second);
        expect(second.storage.log.firstIndex).to.equal(12);
        second.stop();
      }
    }
  });
});

describe("upkeep of a damaged past", () => {
  it("archives nothing that is damaged or gone, deletes nothing, and names the object", async () => {
    for (const bytes of [Buffer.from("garbage"), undefined]) {
      const written = grown(foundedLog(), 30);
      const name = objectName({ type: "segment", position: 20 });
      written.store.objects.delete(name);
      if (bytes !== undefined) written.store.objects.create(name, bytes);
      const process = await UpkeepProcess.start(written);
      await growing(process, written, 70);
      const before = segmentNames(written);
      await process.rest();
      expect(process.storage.past.damage).to.contain(name);
      expect(process.manifest.floor.tail).to.equal(0);
      expect(process.manifest.archives).to.deep.equal([]);
      expect(segmentNames(written)).to.deep.equal(before);
      process.stop();
    }
  });
});
