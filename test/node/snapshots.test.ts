import { expect } from "chai";

import { snapshotSizeBytes } from "../../src/core/manifest.js";
import { crc32c } from "../../src/log/crc32c.js";
import { objectName } from "../../src/log/names.js";
import type { SnapshotRef } from "../../src/core/manifest.js";
import type { NodeSnapshots } from "../../src/node/node.js";
import type { WrittenLog } from "../log/written-log.js";
import { foundedLog, UpkeepProcess } from "./upkeep-world.js";
import type { Death } from "./upkeep-world.js";

/** More manifests than a snapshot's objects may wait for to be named. */
const manifestsEnough = 260;

function snapshotsOf(process: UpkeepProcess): NodeSnapshots {
  const { log } = process.storage;
  return process.storage.snapshots({ log, barrier: () => Promise.resolve() });
}

function bytesOf(snapshot: number): Buffer {
  return Buffer.from(`the state before index ${snapshot}`);
}

async function put(process: UpkeepProcess, nextIndex: number): Promise<SnapshotRef> {
  const bytes = bytesOf(nextIndex);
  const upload = await snapshotsOf(process).begin(nextIndex, AbortSignal.timeout(10_000));
  try {
    await upload.write(bytes);
    return (await upload.finish(crc32c(bytes))).snapshot;
  } finally {
    await upload.abandon();
  }
}

/** The names of the objects of snapshots. */
function names(written: WrittenLog): readonly string[] {
  const { signal } = new AbortController();
  const page = written.store.objects.list({ prefix: "snapshot/", limit: 1000, signal });
  return page.items.map(({ name }) => name);
}

function namesOf(snapshots: readonly SnapshotRef[]): readonly string[] {
  const parts = snapshots.flatMap((snapshot) => snapshot.parts);
  return parts.map(({ id }) => objectName({ type: "snapshot", id })).toSorted();
}

async function read(process: UpkeepProcess, snapshot: SnapshotRef): Promise<string> {
  const pieces: Uint8Array[] = [];
  const { signal } = new AbortController();
  const content = snapshotsOf(process).read(snapshot, { offset: 0, signal });
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Enough entries for some hundred snapshots. */
function grown(written: WrittenLog): WrittenLog {
  written.claim();
  for (let count = 0; count < manifestsEnough + 20; count++) written.write("entry");
  return written;
}

describe("a node's snapshots", function () {
  this.timeout(60_000);

  it("are kept over a restart, the newest three, and others go after a grace", async () => {
    const written = grown(foundedLog());
    const process = await UpkeepProcess.start(written);
    for (let nextIndex = 1; nextIndex <= manifestsEnough; nextIndex++)
      await put(process, nextIndex);
    expect(process.manifest.number, "a manifest each, at the least").to.be.greaterThan(
      manifestsEnough - 1,
    );
    await process.rest();
    process.stop();
    const other = await UpkeepProcess.start(written, { nowMs: process.nowMs });
    const { signal } = new AbortController();
    const kept = await snapshotsOf(other).list(signal);
    const last = [2, 1, 0].map((before) => manifestsEnough - before);
    expect(kept.map(({ nextIndex }) => nextIndex)).to.deep.equal(last);
    for (const snapshot of kept) {
      expect(await read(other, snapshot)).to.equal(bytesOf(snapshot.nextIndex).toString());
      expect(snapshotSizeBytes(snapshot)).to.equal(bytesOf(snapshot.nextIndex).length);
    }
    // The objects of those whose number was reached are gone; manifests go on, and the rest goes too.
    expect(names(written).length).to.be.lessThan(manifestsEnough);
    expect(names(written)).to.include.members([...namesOf(kept)]);
    other.stop();
  });

  /** Puts two snapshots; the process may die meanwhile. */
  async function putTwo(written: WrittenLog, death?: Death): Promise<UpkeepProcess> {
    const process = await UpkeepProcess.start(written, death === undefined ? {} : { death });
    for (const nextIndex of [3, 5]) {
      const ended = put(process, nextIndex).then(
        () => true,
        () => false,
      );
      let isOver = false;
      void ended.then(() => (isOver = true));
      while (!isOver && !process.store.isDead) await process.pass(1);
      if (process.store.isDead) break;
    }
    process.stop();
    return process;
  }

  it("are whole or not there, whichever step a process died at, and nothing of them stays", async () => {
    const whole = await putTwo(grown(foundedLog()));
    expect(whole.manifest.snapshots.map(({ nextIndex }) => nextIndex)).to.deep.equal([3, 5]);
    const steps = whole.store.changes;
    expect(steps, "two parts and two manifests, at the least").to.be.greaterThan(3);
    let orphanCount = 0;
    for (let atChange = 1; atChange <= steps; atChange++) {
      for (const tookEffect of [false, true]) {
        const written = grown(foundedLog());
        const first = await putTwo(written, { atChange, tookEffect });
        expect(first.store.isDead, `step ${atChange}`).to.equal(true);
        const second = await UpkeepProcess.start(written, { nowMs: first.nowMs });
        const { signal } = new AbortController();
        for (const snapshot of await snapshotsOf(second).list(signal)) {
          expect(await read(second, snapshot)).to.equal(bytesOf(snapshot.nextIndex).toString());
        }
        expect(await put(second, 5), "whatever became of it").to.include({ nextIndex: 5 });
        // Manifests, until whatever was left unnamed can be named no more.
        for (let more = 6; more < manifestsEnough + 6; more++) await put(second, more);
        const orphans = names(written).filter((name) => name.includes(`${256}-`));
        orphanCount += orphans.length;
        await second.rest();
        const left = names(written).filter((name) => orphans.includes(name));
        expect(left, `step ${atChange}`).to.deep.equal([]);
        second.stop();
      }
    }
    expect(orphanCount).to.be.greaterThan(0);
  });
});
