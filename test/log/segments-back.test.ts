import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";

import { SuraftError } from "../../src/errors.js";
import { segmentName } from "../../src/log/names.js";
import { storedBytes } from "../../src/log/segment-codec.js";
import { SegmentLog } from "../../src/log/segment-log.js";
import { clusterId, collect, failure, textsOf, wholePast, WrittenLog } from "./written-log.js";

const signal = new AbortController().signal;

/** A log that holds one segment in memory and reads everything else again. */
function logOf(written: WrittenLog, options: { indexRowsMax?: number; cacheBytesMax?: number }) {
  const from = { store: written.store, clusterId, past: wholePast() };
  const log = new SegmentLog({ ...from, cacheBytesMax: 1, ...options });
  written.tell(log);
  return log;
}

async function firstsBack(log: SegmentLog, startIndex: number): Promise<number[]> {
  const segments = await collect(log.segmentsBack({ startIndex, signal }));
  return segments.map(({ firstIndex }) => firstIndex);
}

/** Segments of two entries each. */
function pairs(count: number, written = new WrittenLog().claim()): WrittenLog {
  for (let i = 1; i <= count; i++) written.write(`${i}a`, `${i}b`);
  return written;
}

describe("reading a log backwards", () => {
  it("comes from any index to the first, whatever is in memory and however sparse the index", async () => {
    const step = fc.constantFrom("claim", "void", "one", "three" as const);
    const sizes = fc.record({
      cacheBytesMax: fc.constantFrom(1, 3000, 1_000_000),
      indexRowsMax: fc.constantFrom(2, 4, 1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), sizes, async (steps, options) => {
        const written = new WrittenLog().claim();
        let n = 0;
        for (const next of steps) {
          if (next === "claim") written.claim();
          else if (next === "void") written.void();
          else if (next === "one") written.write(String(++n));
          else written.write(String(++n), String(++n), String(++n));
        }
        const log = logOf(written, options);
        for (let index = 0; index <= n; index++) {
          const segments = await collect(log.segmentsBack({ startIndex: index, signal }));
          const texts = segments.flatMap((segment) => textsOf(segment).toReversed()).map(Number);
          const last = texts[0] ?? 0;
          expect(last).to.be.at.least(index);
          const beyond = last - index;
          expect(beyond).to.be.lessThan(segments[0]?.entryCount ?? 1);
          expect(texts).to.deep.equal(Array.from({ length: last }, (_, i) => last - i));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("reads from memory what is there, with no request", async () => {
    const written = pairs(5);
    const log = logOf(written, { cacheBytesMax: 1_000_000 });
    expect(await firstsBack(log, 10)).to.deep.equal([9, 7, 5, 3, 1]);
    expect(await firstsBack(log, 5)).to.deep.equal([5, 3, 1]);
    expect(written.store.got).to.deep.equal([]);
  });

  it("asks once for each segment of one leadership, several at once", async () => {
    const written = pairs(300);
    const log = logOf(written, {});
    written.store.beforeGet = () => nextTurn(undefined);
    expect(await firstsBack(log, 600)).to.have.lengthOf(300);
    expect(written.store.got).to.have.lengthOf(new Set(written.store.got).size);
    // A third of what was asked for so far, at most.
    expect(written.store.underWayMost).to.be.within(16, 100);
  });

  it("asks for little where little is wanted of a long log", async () => {
    const written = pairs(1000);
    const log = logOf(written, { indexRowsMax: 16 });
    for (const startIndex of [1990, 1500, 1000, 3]) {
      const before = log.gets;
      const reading = log.segmentsBack({ startIndex, signal });
      await reading.next();
      await reading.return();
      // Rows are 64 segments apart: the nearer row is at most 32 away, and 16 are read ahead.
      expect(log.gets - before, String(startIndex)).to.be.at.most(32 + 16);
    }
  });

  it("goes on over leaders' claims and what never counted", async () => {
    const written = pairs(2).claim().claim().void();
    pairs(2, written).void().claim();
    pairs(1, written.void()).claim(99);
    for (const indexRowsMax of [2, 1000]) {
      const log = logOf(written, { indexRowsMax });
      expect(await firstsBack(log, 10)).to.deep.equal([9, 7, 5, 3, 1]);
    }
  });

  it("reports a damaged object when it gets there, and reads what is below it", async () => {
    for (const indexRowsMax of [2, 4, 1000]) {
      for (const position of [1, 5, 9]) {
        const written = pairs(10);
        const log = logOf(written, { indexRowsMax });
        const segment = written.committed[position];
        if (segment === undefined) throw new Error("no such segment");
        const bytes = Uint8Array.from(storedBytes(segment));
        bytes[20] = (bytes[20] ?? 0) ^ 1;
        written.store.put(position, bytes);
        const reading = log.segmentsBack({ startIndex: 20, signal });
        for (let at = 10; at > position; at--) {
          expect((await reading.next()).value?.position).to.equal(at);
        }
        const error = await failure(reading.next());
        expect(error).to.be.instanceOf(SuraftError).with.property("kind", "corrupt");
        expect(error).to.have.deep.property("details", { object: segmentName(position) });
        const below = 2 * (position - 1);
        if (below > 0) expect(await firstsBack(log, below)).to.have.lengthOf(position - 1);
      }
    }
  });

  it("reports where the store tells another story than was committed", async () => {
    const written = pairs(10);
    const log = logOf(written, {});
    const stranger = pairs(10, new WrittenLog().claim(77));
    const other = stranger.committed[4];
    if (other === undefined) throw new Error("no such segment");
    written.store.put(4, storedBytes(other));
    const error = await failure(firstsBack(log, 20));
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "corrupt");
    expect(error).to.have.property("message").that.contains("something else than was committed");
  });

  it("refuses to begin at the next index or beyond", async () => {
    const log = logOf(pairs(3), {});
    for (const startIndex of [7, 8, -1, NaN]) {
      expect(await failure(firstsBack(log, startIndex))).to.include({ kind: "out_of_range" });
    }
    expect(await firstsBack(log, 0)).to.deep.equal([]);
    expect(await firstsBack(logOf(new WrittenLog(), {}), 0)).to.deep.equal([]);
  });

  it("lets go of what it asked for when its reader stops", async () => {
    const written = pairs(100);
    const log = logOf(written, {});
    const controller = new AbortController();
    for (const stopAfter of [1, 5, 100]) {
      let taken = 0;
      for await (const _ of log.segmentsBack({ startIndex: 200, signal: controller.signal })) {
        expect(getEventListeners(controller.signal, "abort").length).to.be.at.most(1);
        if (++taken === stopAfter) break;
      }
    }
    expect(getEventListeners(controller.signal, "abort")).to.have.lengthOf(0);
    const before = written.store.got.length;
    for (let i = 0; i < 20; i++) await nextTurn();
    expect(written.store.got.length).to.equal(before);
  });
});
