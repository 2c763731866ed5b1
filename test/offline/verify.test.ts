import { expect } from "chai";
import { crc32c } from "../../src/log/crc32c.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { manifestName, objectName, segmentName } from "../../src/log/names.js";
import { sealSegment, storedBytes } from "../../src/log/segment-codec.js";
import { bareAppend } from "../log/entries.js";
import { clusterId } from "../log/written-log.js";
import {
  archived,
  busyLog,
  checkpointAt,
  flipBit,
  found,
  put,
  replace,
  stateAt,
  told,
  verify,
} from "./whole-log.js";

describe("verifying a log", () => {
  it("finds nothing wrong with a log that was never archived", async () => {
    const written = busyLog();
    found(written);
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([]);
    expect(report.isDamaged).to.equal(false);
    const { counts } = report;
    expect(counts.segments).to.equal(written.walk.tail);
    expect(counts.bytes).to.be.greaterThan(written.walk.sizeBytes);
    expect(counts.claims).to.equal(6);
    expect(counts.entries).to.equal(72);
    expect(counts.records).to.equal(6);
    expect(counts.voids).to.equal(12);
    expect(counts.found.void).to.equal(12);
    expect([report.firstIndex, report.nextIndex]).to.deep.equal([1, 73]);
    expect(report.readableEntries).to.equal(72);
    expect(report.tailPosition).to.equal(written.walk.tail);
  });

  it("reads archives whole and recomputes the checkpoint", async () => {
    const written = busyLog();
    archived(written, { cuts: [15, 30], marks: [40] });
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([]);
    expect(report.readableEntries).to.equal(72);
    expect(report.counts.voids).to.equal(12);
    expect(report.counts.archives).to.equal(2);
    expect(report.counts.checkpointsRecomputed).to.equal(1);
    expect(report.floorPosition).to.equal(30);
  });

  it("takes the first checkpoint's word where the log was trimmed, and checks the next", async () => {
    const written = busyLog();
    const firstIndex = stateAt(written, 15).nextIndex;
    written.writeAppends([bareAppend], 1420, [{ type: "trimmed", entryOffset: 0, firstIndex }]);
    const manifest = archived(written, { cuts: [15, 30], firstIndex });
    const later = checkpointAt(written.record(), written.walk.tail, 2);
    put(written, { ...manifest, number: 2, checkpoint: later });
    const report = await verify(written);
    expect(manifest.archives).to.have.lengthOf(1);
    expect(told(report, "damage")).to.deep.equal([]);
    expect(report.counts.checkpoints).to.equal(2);
    expect(report.counts.checkpointsRecomputed).to.equal(1);
    expect(report.firstIndex).to.equal(firstIndex);
    expect(report.readableEntries).to.equal(73 - firstIndex);
  });

  it("finds a manifest that is trimmed more than the log says", async () => {
    const written = busyLog();
    archived(written, { cuts: [15, 30], firstIndex: stateAt(written, 15).nextIndex });
    expect(told(await verify(written), "damage")).to.deep.equal(["contradiction manifest/1"]);
  });

  it("reads a snapshot whole", async () => {
    const written = busyLog();
    const manifest = found(written);
    const bodies = [100, 60].map((length, place) => new Uint8Array(length).fill(7 + place));
    const parts = bodies.map((body, place) => {
      const id = { manifest: 1, nonce: String(5 + place).repeat(32) };
      written.store.objects.create(objectName({ type: "snapshot", id }), body);
      return { id, sizeBytes: body.length, checksum: crc32c(body) };
    });
    const checksum = crc32c(Buffer.concat(bodies));
    const snapshot = { parts, checksum, nextIndex: 20, timestampMs: 1 };
    const name = objectName({ type: "snapshot", id: parts[1]?.id ?? { manifest: 0, nonce: "" } });
    put(written, { ...manifest, number: 1, snapshots: [snapshot] });
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([]);
    expect(report.counts.snapshots).to.equal(1);
    put(written, { ...manifest, number: 2, snapshots: [{ ...snapshot, checksum: 1 }] });
    expect(told(await verify(written), "damage"), "of the whole").to.deep.equal([
      "damaged snapshot/1",
    ]);
    put(written, { ...manifest, number: 3, snapshots: [snapshot] });
    flipBit(written.store.objects, name);
    expect(told(await verify(written), "damage")).to.deep.equal(["damaged snapshot/1"]);
    written.store.objects.delete(name);
    expect(told(await verify(written), "damage")).to.deep.equal(["missing snapshot/1"]);
    put(written, { ...manifest, number: 4, snapshots: [{ ...snapshot, nextIndex: 999 }] });
    const beyond = told(await verify(written), "damage");
    expect(beyond).to.deep.equal(["contradiction snapshot/1", "missing snapshot/1"]);
  });
});

describe("verifying a damaged log", () => {
  it("finds a flipped bit, says which entries are lost, and goes on", async () => {
    const written = busyLog();
    found(written);
    const segment = written.entries[9];
    if (segment === undefined) throw new Error("too short");
    flipBit(written.store.objects, segmentName(segment.position));
    const report = await verify(written);
    const { firstIndex, entryCount } = segment;
    const lost = `${firstIndex}-${firstIndex + entryCount}`;
    expect(told(report, "damage")).to.deep.equal([`damaged log/${segment.position} ${lost}`]);
    expect(report.isDamaged).to.equal(true);
    expect(report.readableEntries).to.equal(72 - entryCount);
    expect(report.counts.voids).to.equal(12);
    expect(report.nextIndex).to.equal(73);
  });

  it("loses no entry by a damaged object at any position that has none", async () => {
    const { committed, walk } = busyLog();
    const held = new Map(committed.map((segment) => [segment.position, segment]));
    for (let position = 0; position < walk.tail; position++) {
      const written = busyLog();
      found(written);
      flipBit(written.store.objects, segmentName(position));
      const report = await verify(written);
      const segment = held.get(position);
      const entryCount = segment?.type === "entries" ? segment.entryCount : 0;
      expect(report.counts.found.damaged, `position ${position}`).to.equal(1);
      const isLast = position === walk.tail - 1;
      expect(report.readableEntries, `position ${position}`).to.equal(72 - entryCount);
      expect(report.lost.length, `position ${position}`).to.equal(entryCount > 0 || isLast ? 1 : 0);
    }
  });

  it("finds a segment that was deleted in the middle", async () => {
    for (const position of [7, 8, 25]) {
      const written = busyLog();
      found(written);
      const before = stateAt(written, position).nextIndex;
      const after = stateAt(written, position + 1).nextIndex;
      written.store.objects.delete(segmentName(position));
      const report = await verify(written);
      const lost = after > before ? ` ${before}-${after}` : "";
      expect(told(report, "damage")).to.deep.equal([`missing log/${position}${lost}`]);
      expect(report.readableEntries).to.equal(72 - (after - before));
    }
  });

  it("takes a gap that a leader leaves behind for one", async () => {
    const written = busyLog();
    found(written);
    const end = written.walk.tail;
    written.write("under way").write("behind it");
    written.store.objects.delete(segmentName(end));
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([]);
    expect(told(report)).to.include(`gap log/${end}`);
    expect(report.nextIndex).to.equal(73);
    expect(report.tailPosition).to.equal(end);
  });

  it("finds that all segments up to a checkpoint are gone", async () => {
    const written = busyLog();
    found(written);
    const checkpoint = checkpointAt(written, 20);
    put(written, { ...manifestOf(written), number: 1, checkpoint });
    for (let position = 10; position < written.walk.tail; position++) {
      written.store.objects.delete(segmentName(position));
    }
    const report = await verify(written);
    const { nextIndex } = checkpoint.walk;
    const before = stateAt(written, 10).nextIndex;
    expect(told(report, "damage")).to.deep.equal([`missing log/10 ${before}-${nextIndex}`]);
    expect(report.tailPosition).to.equal(20);
  });

  it("finds an archive that was deleted", async () => {
    const written = busyLog();
    const { archives } = archived(written, { cuts: [15, 30] });
    const [first] = archives;
    if (first === undefined) throw new Error("no archive");
    written.store.objects.delete(objectName({ type: "archive", id: first.id }));
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([`missing archive/1 1-${first.nextIndex}`]);
    expect(report.readableEntries).to.equal(73 - first.nextIndex);
  });

  it("finds a damaged chunk of an archive, and reads the others", async () => {
    const written = busyLog();
    const { archives } = archived(written, { cuts: [30] });
    const [archive] = archives;
    if (archive === undefined) throw new Error("no archive");
    const name = objectName({ type: "archive", id: archive.id });
    flipBit(written.store.objects, name);
    const report = await verify(written);
    expect(report.counts.found.damaged).to.equal(1);
    expect(report.lost).to.have.lengthOf(1);
    expect(report.readableEntries).to.be.within(50, 71);
  });

  it("finds a damaged index of an archive", async () => {
    const written = busyLog();
    const { archives } = archived(written, { cuts: [15, 30] });
    const [, archive] = archives;
    if (archive === undefined) throw new Error("no archive");
    const name = objectName({ type: "archive", id: archive.id });
    const bytes = bytesOf(written, name);
    const at = bytes.length - 20;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    replace(written.store.objects, name, bytes);
    const report = await verify(written);
    const { firstIndex, nextIndex } = archive;
    expect(told(report, "damage")).to.deep.equal([`damaged archive/1 ${firstIndex}-${nextIndex}`]);
  });

  it("finds a checkpoint whose ledger is not what the log establishes", async () => {
    const written = busyLog();
    found(written);
    const other = checkpointAt(written, 20);
    const walk = stateAt(written, 40);
    put(written, { ...manifestOf(written), number: 1, checkpoint: { ...other, walk } });
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal(["contradiction checkpoint/1"]);
    expect(report.readableEntries).to.equal(72);
  });

  it("finds a checkpoint whose walk is not what the segments come to", async () => {
    const written = busyLog();
    found(written);
    const checkpoint = checkpointAt(written, 20);
    const walk = { ...checkpoint.walk, nextIndex: checkpoint.walk.nextIndex + 1 };
    put(written, { ...manifestOf(written), number: 1, checkpoint: { ...checkpoint, walk } });
    expect(told(await verify(written), "damage")).to.deep.equal(["contradiction manifest/1"]);
  });

  it("finds damaged manifests, and judges by the greatest that is whole", async () => {
    const written = busyLog();
    const manifest = archived(written, { cuts: [30] });
    put(written, { ...manifest, number: 2, nonce: "2".repeat(32) });
    flipBit(written.store.objects, manifestName(2));
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal(["damaged manifest/2"]);
    expect(report.manifest).to.equal(1);
    expect(report.readableEntries).to.equal(72);
  });

  it("says that nothing can be judged without a manifest", async () => {
    const report = await verify(busyLog());
    expect(report.isDamaged).to.equal(true);
    expect(told(report)).to.deep.equal(["missing manifest/0"]);
  });

  it("finds manifests that contradict one another", async () => {
    const written = busyLog();
    const manifest = archived(written, { cuts: [15, 30] });
    put(written, { ...manifest, number: 2, archives: manifest.archives.slice(1) });
    const report = await verify(written);
    expect(told(report, "damage")).to.include("contradiction manifest/2");
    expect(told(report, "damage").some((line) => line.startsWith("missing archive/1"))).to.equal(
      true,
    );
  });
});

describe("verifying a log with what the protocol leaves behind", () => {
  it("lists ghosts, orphans and old manifests, and finds no damage", async () => {
    const written = busyLog();
    const bytes = bytesOf(written, segmentName(4));
    const manifest = archived(written, { cuts: [30] });
    put(written, { ...manifest, number: 2 });
    written.store.objects.create(segmentName(4), bytes);
    for (const type of ["archive", "checkpoint", "snapshot"] as const) {
      const id = { manifest: 2, nonce: "e".repeat(32) };
      written.store.objects.create(objectName({ type, id }), bytes);
    }
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([]);
    const others = ["oldManifest manifest/1", "ghost log/4", "orphan archive/2"];
    expect(told(report)).to.include.members([
      ...others,
      "orphan checkpoint/2",
      "orphan snapshot/2",
    ]);
  });

  it("lists a ghost of another leader than the archive has, which is no damage", async () => {
    const written = busyLog();
    archived(written, { cuts: [30] });
    const epoch = { term: 99, leaderId: "late", nonce: "9".repeat(32) };
    const claim = sealSegment(clusterId, { type: "claim", position: 4, epoch, window: 4 });
    written.store.objects.create(segmentName(4), storedBytes(claim));
    const report = await verify(written);
    expect(report.isDamaged).to.equal(false);
    expect(told(report)).to.include("ghost log/4");
  });

  it("finds an archive that holds other bytes than its own epoch left at a position", async () => {
    const written = busyLog();
    const [segment] = written.entries;
    if (segment === undefined) throw new Error("too short");
    archived(written, { cuts: [30] });
    const { position, epoch } = segment;
    const forged = sealSegment(clusterId, { type: "claim", position, epoch, window: 9 });
    written.store.objects.create(segmentName(position), storedBytes(forged));
    const report = await verify(written);
    expect(told(report, "damage")).to.deep.equal([`contradiction log/${position}`]);
  });

  it("tells another cluster's segments from other voids", async () => {
    const written = busyLog();
    found(written);
    const epoch = { term: 99, leaderId: "them", nonce: "9".repeat(32) };
    const position = written.walk.tail;
    const claim = sealSegment("another", { type: "claim", position, epoch, window: 4 });
    written.store.objects.create(segmentName(position), storedBytes(claim));
    const report = await verify(written);
    expect(report.isDamaged).to.equal(false);
    expect(report.counts.foreign).to.equal(1);
    expect(told(report)).to.include(`foreign log/${position}`);
  });

  it("lists names that it does not know", async () => {
    const written = busyLog();
    found(written);
    written.store.objects.create("log/README", new Uint8Array(3));
    const report = await verify(written);
    expect(told(report)).to.include("unknownName log/README");
    expect(report.counts.segments).to.equal(written.walk.tail);
  });
});

type Written = ReturnType<typeof busyLog>;

function bytesOf(written: Written, name: string): Uint8Array {
  const result = written.store.objects.get(name, undefined);
  if (result.type === "absent") throw new Error(`${name} is not there`);
  return Uint8Array.from(result.bytes);
}

function manifestOf(written: Written) {
  const manifest = found(written);
  replace(written.store.objects, manifestName(0), encodeManifest(manifest));
  return manifest;
}
