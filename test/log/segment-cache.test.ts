import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";

import type { EntriesSegment } from "../../src/core/types.js";
import { memoryBytes, SegmentCache } from "../../src/log/segment-cache.js";
import { SparseIndex } from "../../src/log/sparse-index.js";
import { logStart } from "../../src/core/walk.js";
import { WrittenLog } from "./written-log.js";

function entries(count: number): readonly EntriesSegment[] {
  const written = new WrittenLog().claim();
  for (let i = 0; i < count; i++) written.write("a", "b");
  return written.entries;
}

describe("SegmentCache", () => {
  it("finds the segment that holds an index", () => {
    const cache = new SegmentCache(1_000_000);
    const segments = entries(7);
    for (const segment of segments) cache.push(segment);
    for (let index = 1; index <= 14; index++) {
      expect(cache.find(index)).to.equal(segments[Math.floor((index - 1) / 2)]);
    }
    expect(cache.find(0)).to.equal(undefined);
    expect(cache.find(15)).to.equal(undefined);
    expect(new SegmentCache(10).find(1)).to.equal(undefined);
  });

  it("keeps within its bound, dropping the oldest", () => {
    const segments = entries(100);
    const first = segments[0];
    if (first === undefined) throw new Error("no segments");
    const cache = new SegmentCache(memoryBytes(first) * 10.5);
    for (const segment of segments) cache.push(segment);
    expect(cache.segmentCount).to.be.within(9, 10);
    expect(cache.bytes).to.be.at.most(memoryBytes(first) * 10.5);
    expect(cache.find(1)).to.equal(undefined);
    expect(cache.find(199)).to.equal(segments[99]);
    expect(cache.find(201 - 2 * cache.segmentCount)).to.equal(segments[100 - cache.segmentCount]);
    expect(cache.find(200 - 2 * cache.segmentCount)).to.equal(undefined);
  });

  it("keeps the last segment, however big it is", () => {
    const cache = new SegmentCache(1);
    for (const segment of entries(3)) cache.push(segment);
    expect(cache.segmentCount).to.equal(1);
    expect(cache.find(6)?.firstIndex).to.equal(5);
  });

  it("lets go of a segment when it drops it", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const cache = new SegmentCache(memoryBytes(entries(1)[0] as EntriesSegment) * 8.5);
    const dropped = pushAll(cache);
    await nextTurn();
    collectGarbage();
    expect(dropped.map((segment) => segment.deref())).to.deep.equal([undefined, undefined]);
    expect(cache.segmentCount).to.equal(8);
  });
});

/** Fills the cache and two more; what it gave up for them can be collected. */
function pushAll(cache: SegmentCache): readonly WeakRef<EntriesSegment>[] {
  const segments = entries(10);
  for (const segment of segments) cache.push(segment);
  return segments.slice(0, 2).map((segment) => new WeakRef(segment));
}

describe("SparseIndex", () => {
  it("keeps at most its rows, a whole stride apart", () => {
    const index = new SparseIndex(8);
    for (let n = 0; n < 1000; n++) {
      index.add({ ...logStart, tail: n, nextIndex: n + 1, timestampMs: n });
      expect(index.rowCount).to.be.at.most(8);
      const { stride } = index;
      for (const at of [0, Math.floor(n / 2), n]) {
        const row = index.beforeIndex(at + 1);
        expect(row?.tail).to.equal(Math.floor(at / stride) * stride);
      }
    }
    expect(index.stride).to.equal(128);
  });

  it("finds the rows around an index, a position and a timestamp", () => {
    const index = new SparseIndex(100);
    for (const n of [0, 10, 20]) {
      index.add({ ...logStart, tail: n + 1, nextIndex: n + 1, timestampMs: n });
    }
    expect(index.beforeIndex(0)).to.equal(undefined);
    expect(index.beforeIndex(15)?.nextIndex).to.equal(11);
    expect(index.afterIndex(15)?.nextIndex).to.equal(21);
    expect(index.afterIndex(21)).to.equal(undefined);
    expect(index.above(0)?.tail).to.equal(1);
    expect(index.above(1)?.tail).to.equal(11);
    expect(index.above(21)).to.equal(undefined);
    expect(index.beforeTimestamp(10)?.tail).to.equal(1);
    expect(index.beforeTimestamp(11)?.tail).to.equal(11);
    expect(index.beforeTimestamp(0)).to.equal(undefined);
    expect(index.atOrBelow(0)).to.equal(undefined);
    expect(index.atOrBelow(11)?.tail).to.equal(11);
    expect(index.atOrBelow(20)?.tail).to.equal(11);
  });

  it("gives its rows back as they were", () => {
    const written = new WrittenLog();
    const states = [];
    for (let term = 1; term <= 40; term++) {
      written.claim(term * 2);
      for (let i = 0; i < 20; i++) {
        states.push(written.walk);
        written.write("x");
      }
    }
    for (const rowsMax of [2, 8, 512, 1024]) {
      const index = new SparseIndex(rowsMax);
      for (const state of states) index.add(state);
      expect(index.rowCount).to.be.within(Math.ceil(rowsMax / 4), rowsMax);
      for (let number = 0; number < states.length; number += index.stride) {
        const state = states[number];
        expect(index.atOrBelow(state?.tail ?? -1)).to.deep.equal(state);
      }
    }
    const first = new SparseIndex(2);
    first.add(logStart);
    expect(first.beforeIndex(1)).to.deep.equal(logStart);
  });
});
