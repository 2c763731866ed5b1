import { expect } from "chai";
import { SuraftError } from "../../src/errors.js";
import { objectName, segmentName } from "../../src/log/names.js";
import { verifyLog } from "../../src/offline/verify.js";
import { StoreError } from "../../src/store/store.js";
import { archived, busyLog, checkpointAt, found, put, told } from "./whole-log.js";
import { archiveLog } from "../log/archives.js";
import { failure, WatchedStore } from "../log/written-log.js";

const signal = new AbortController().signal;

/** Runs once, when the verification has come to an object. */
function whenAsked(written: ReturnType<typeof busyLog>, name: string, act: () => void): void {
  let isDone = false;
  written.store.beforeGet = (asked) => {
    if (!isDone && asked === name) {
      isDone = true;
      act();
    }
    return Promise.resolve();
  };
}

describe("verifying a log at which nodes are at work", () => {
  it("follows what is archived and deleted under it into the archives", async () => {
    for (const grace of [1, 3_600_000]) {
      for (const at of [1, 12, 29, 40]) {
        const written = busyLog();
        found(written, grace);
        whenAsked(written, segmentName(at), () => {
          const manifest = archiveLog(written, { cuts: [15, 30] });
          const checkpoint = checkpointAt(written, written.walk.tail);
          put(written, { ...manifest, graceMs: grace, checkpoint });
          // Nobody answers for a name below the floor once a grace has passed.
          if (grace > 1) restore(written);
        });
        const report = await verifyLog(written.store, { signal, width: 3 });
        expect(told(report, "damage"), `at ${at}`).to.deep.equal([]);
        expect(report.readableEntries, `at ${at}`).to.equal(72);
        expect(report.counts.entries, `at ${at}`).to.equal(72);
      }
    }
  });

  it("takes an archive's absence for none where a later manifest does not name it", async () => {
    const written = busyLog();
    const manifest = archived(written, { cuts: [15, 30] });
    const [first] = manifest.archives;
    if (first === undefined) throw new Error("no archive");
    const name = objectName({ type: "archive", id: first.id });
    whenAsked(written, name, () => {
      const trimmed = { firstIndex: first.nextIndex, archives: manifest.archives.slice(1) };
      put(written, { ...manifest, ...trimmed, number: 2 });
      written.store.objects.delete(name);
    });
    const report = await verifyLog(written.store, { signal });
    expect(told(report, "damage")).to.deep.equal([]);
    expect(report.manifest).to.equal(2);
    expect(report.firstIndex).to.equal(first.nextIndex);
    expect(report.readableEntries).to.equal(73 - first.nextIndex);
  });

  it("looks at what is appended meanwhile up to where the log ended, and calls nothing missing", async () => {
    const written = busyLog();
    found(written);
    const { tail } = written.walk;
    let appended = 0;
    written.store.beforeGet = () => {
      if (appended++ < 200) written.write("more");
      return Promise.resolve();
    };
    const report = await verifyLog(written.store, { signal, width: 3 });
    expect(told(report, "damage")).to.deep.equal([]);
    expect(report.tailPosition).to.be.at.least(tail);
  });

  it("takes segments that land out of order for no damage", async () => {
    const written = busyLog();
    found(written);
    const { tail } = written.walk;
    written.write("late").write("early");
    const late = written.store.objects.get(segmentName(tail), undefined);
    if (late.type === "absent") throw new Error("not written");
    written.store.objects.delete(segmentName(tail));
    whenAsked(written, segmentName(tail + 1), () => written.store.put(tail, late.bytes));
    const report = await verifyLog(written.store, { signal, width: 1 });
    expect(report.isDamaged).to.equal(false);
    expect(report.counts.entries).to.equal(74);
  });

  it("fails where the store does not answer, and where there is no log", async () => {
    const written = busyLog();
    found(written);
    written.store.beforeGet = (name) => {
      const error = new StoreError("forbidden", `${name}: no`);
      return name === segmentName(5) ? Promise.reject(error) : Promise.resolve();
    };
    const refused = await failure(verifyLog(written.store, { signal }));
    expect(refused).to.be.instanceOf(SuraftError).with.property("kind", "forbidden");
    const none = await failure(verifyLog(new WatchedStore(), { signal }));
    expect(none).to.be.instanceOf(SuraftError).with.property("kind", "invalid");
  });

  it("holds no more objects at once than it may", async () => {
    const written = busyLog();
    found(written);
    await verifyLog(written.store, { signal, width: 4 });
    // The gets ahead, and the one at the tail.
    expect(written.store.underWayMost).to.be.within(3, 5);
  });
});

/** Puts the segments back that an archive took the place of: they are deleted a grace later. */
function restore(written: ReturnType<typeof busyLog>): void {
  const other = busyLog();
  for (let position = 0; position < other.walk.tail; position++) {
    const object = other.store.objects.get(segmentName(position), undefined);
    if (object.type === "found") written.store.objects.create(segmentName(position), object.bytes);
  }
}
