import { expect } from "chai";
import fc from "fast-check";

import { SegmentLog } from "../../src/log/segment-log.js";
import { describeRetention, isRetaining, retainedFrom } from "../../src/node/retention.js";
import { archiveLog } from "../log/archives.js";
import { clusterId, pastOf, wholePast, WrittenLog } from "../log/written-log.js";
import type { LogPlace } from "../../src/log/log-history.js";
import type { RetentionPolicy } from "../../src/node/retention.js";

const keepAll: RetentionPolicy = {
  ageMs: undefined,
  entriesMax: undefined,
  bytesMax: undefined,
  entriesMin: undefined,
};

/** A place behind each entry: an entry a second, of 100 bytes. */
const places: readonly LogPlace[] = Array.from({ length: 101 }, (_, entries) => ({
  nextIndex: entries + 1,
  timestampMs: entries * 1000,
  sizeBytes: entries * 100,
}));
const tail: LogPlace = { nextIndex: 101, timestampMs: 100_000, sizeBytes: 10_000 };

function retained(policy: Partial<RetentionPolicy>, nowMs = 100_000): number | undefined {
  const lastPlace = (holds: (place: LogPlace) => boolean) => places.findLast(holds);
  return retainedFrom({ ...keepAll, ...policy }, { tail, lastPlace }, nowMs);
}

describe("a retention policy", () => {
  it("trims by age, number or bytes, whichever trims most", () => {
    expect(retained({ ageMs: 30_000 })).to.equal(70);
    expect(retained({ entriesMax: 20 })).to.equal(81);
    expect(retained({ bytesMax: 1000 })).to.equal(91);
    expect(retained({ ageMs: 30_000, entriesMax: 20, bytesMax: 5000 })).to.equal(81);
    expect(retained({ ageMs: 10_000, entriesMax: 20 })).to.equal(90);
  });

  it("keeps so many of the last entries, however old and big they are", () => {
    expect(retained({ ageMs: 30_000, entriesMin: 50 })).to.equal(51);
    expect(retained({ ageMs: 30_000, entriesMin: 50 }, 1e9)).to.equal(51);
    expect(retained({ ageMs: 30_000 }, 1e9)).to.equal(101);
    expect(retained({ bytesMax: 1, entriesMin: 1000 })).to.equal(undefined);
  });

  it("trims nothing of a log that is within it, or if it has no limit", () => {
    expect(retained({ ageMs: 200_000 })).to.equal(undefined);
    expect(retained({ entriesMax: 1000 })).to.equal(undefined);
    expect(retained({})).to.equal(undefined);
    expect(isRetaining(keepAll)).to.equal(false);
    expect(isRetaining({ ...keepAll, entriesMin: 5 })).to.equal(false);
    expect(isRetaining({ ...keepAll, bytesMax: 5 })).to.equal(true);
  });

  it("is told to people, with when it is looked at", () => {
    const told = (more: object): string | undefined =>
      describeRetention({
        retentionAgeMs: undefined,
        retentionEntriesMax: 150,
        retentionBytesMax: undefined,
        retentionEntriesMin: undefined,
        retentionIntervalMs: 60_000,
        retentionToSnapshot: false,
        ...more,
      });
    expect(told({})).to.equal(
      "entries before the last 150 are trimmed: by the leader, whole segments at a time, every 60000 ms",
    );
    expect(
      told({ retentionAgeMs: 5000, retentionEntriesMin: 9, retentionToSnapshot: true }),
    ).to.include(
      "older than 5000 ms or before the last 150 are trimmed, none of the last 9, only what the",
    );
    expect(told({ retentionEntriesMax: undefined })).to.equal(undefined);
  });

  it("never trims more than it may, and what is left over is less than a step", () => {
    const limit = fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined });
    fc.assert(
      fc.property(limit, limit, limit, limit, (age, entriesMax, bytes, entriesMin) => {
        const ageMs = age === undefined ? undefined : age * 1000;
        const bytesMax = bytes === undefined ? undefined : bytes * 100;
        const index = retained({ ageMs, entriesMax, bytesMax, entriesMin }) ?? 1;
        const kept = tail.nextIndex - index;
        if (index > 1) expect(kept).to.be.at.least(entriesMin ?? 0);
        const floors = [age, entriesMax, bytes].filter((value) => value !== undefined);
        if (floors.length > 0) {
          const wanted = Math.max(Math.min(...floors), entriesMin ?? 0);
          expect(kept).to.be.within(Math.min(100, wanted), Math.min(100, wanted + 1));
        } else {
          expect(kept).to.equal(100);
        }
      }),
    );
  });
});

describe("the places that a log knows", () => {
  const written = new WrittenLog().claim();
  for (let i = 1; i <= 200; i++) written.write(`entry ${i}`);

  it("are all of them where the node has seen the log grow", () => {
    const from = { store: written.store, clusterId, past: wholePast() };
    const log = new SegmentLog(from);
    written.tell(log);
    const place = log.history.lastPlace(({ nextIndex }) => nextIndex <= 123);
    expect(place).to.include({ nextIndex: 123, timestampMs: 1000 + 122 * 10 });
    expect(log.history.lastPlace(() => false)).to.equal(undefined);
  });

  it("are the ends of archives, the floor and the marks where it has just started", () => {
    const manifest = archiveLog(written, { cuts: [50, 100], marks: [150, 170] });
    const start = { walk: written.walk, firstIndex: 1 };
    const past = pastOf(manifest);
    const log = new SegmentLog({ store: written.store, clusterId, past, start });
    const found = (index: number) =>
      log.history.lastPlace(({ nextIndex }) => nextIndex <= index)?.nextIndex;
    expect([49, 50, 99, 120, 160, 400].map(found)).to.deep.equal([
      undefined,
      50,
      50,
      100,
      150,
      170,
    ]);
    const { floor } = manifest;
    const middle = log.history.lastPlace(({ sizeBytes }) => sizeBytes < floor.sizeBytes - 10);
    expect(middle?.nextIndex).to.equal(50);
  });
});
