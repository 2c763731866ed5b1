import { expect } from "chai";
import fc from "fast-check";

import { EntryFilter } from "../../src/log/entry-filter.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import { ReadCut, type CutStep } from "../../src/log/read-cut.js";
import { storedBytes } from "../../src/log/segment-codec.js";
import type { EntriesSegment } from "../../src/core/types.js";
import { appendOf, runOf, textEntry, type PlainEntry } from "./entries.js";
import { WrittenLog } from "./written-log.js";

/** An entry that knows its index, and whether a filter shall find it. */
function entryAt(index: number, isMarked: boolean, padding = 0): PlainEntry {
  const { payload } = textEntry(String(index).padEnd(padding, "."));
  return { payload, headers: isMarked ? [{ key: "marked", value: Buffer.from("yes") }] : [] };
}

function markedOnly(): EntryFilter {
  return new EntryFilter({ headers: [{ key: "marked", value: undefined }] });
}

/** Segments of so many entries each, of which those are marked. */
function segmentsOf(sizes: readonly number[], marked: (index: number) => boolean) {
  const written = new WrittenLog().claim();
  let index = 0;
  for (const size of sizes) {
    const entries = Array.from({ length: size }, () => entryAt(++index, marked(index)));
    written.writeAppends([appendOf(entries)], 1000 + index);
  }
  return written.entries;
}

const unlimited = { entriesMax: Infinity, bytesMax: Infinity, reverse: false, filter: undefined };

interface Cutting {
  readonly indexes: number[];
  readonly batchSizes: number[];
  readonly steps: CutStep[];
}

/** Takes segments through a cut, checking each batch by the payloads in it. */
function cutAll(cut: ReadCut, segments: readonly EntriesSegment[], step: 1 | -1): Cutting {
  const cutting: Cutting = { indexes: [], batchSizes: [], steps: [] };
  for (const segment of segments) {
    for (const taken of cut.take(segment, 200)) {
      cutting.steps.push(taken);
      if (taken.type === "pause") continue;
      const { run, firstIndex, timestampMs } = taken.batch;
      expect(timestampMs).to.equal(segment.timestampMs);
      const indexes = decodeEntries(run).map(({ payload }) =>
        Number(Buffer.from(payload).toString()),
      );
      expect(indexes).to.have.lengthOf(run.entryCount);
      expect(indexes).to.deep.equal(indexes.map((_, place) => firstIndex + step * place));
      cutting.indexes.push(...indexes);
      cutting.batchSizes.push(run.bytes.length);
      // All that is wanted before the next index has been given out.
      expect((cut.nextIndex - (indexes.at(-1) ?? 0)) * step).to.be.greaterThan(0);
    }
    if (cut.isDone) break;
  }
  return cutting;
}

describe("ReadCut", () => {
  it("gives exactly what is wanted, in order, whatever the limits and the direction", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });
    const options = fc.record({
      reverse: fc.boolean(),
      filtered: fc.boolean(),
      entriesMax: fc.constantFrom(1, 3, 10, Infinity),
      start: fc.double({ min: 0, max: 1, noNaN: true }),
      end: fc.double({ min: 0, max: 1, noNaN: true }),
      every: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(sizes, options, (lengths, { reverse, filtered, every, ...limits }) => {
        const count = lengths.reduce((total, length) => total + length, 0);
        const marked = (index: number): boolean => index % every === 0;
        const places = [limits.start, limits.end].map((at) => 1 + Math.round(at * (count - 1)));
        const low = Math.min(...places);
        const high = Math.max(...places);
        const segments = segmentsOf(lengths, marked);
        const cut = new ReadCut({
          ...unlimited,
          reverse,
          filter: filtered ? markedOnly() : undefined,
          startIndex: reverse ? high : low,
          endIndex: reverse ? low - 1 : high + 1,
          entriesMax: limits.entriesMax,
        });
        const upwards = segments.filter((s) => s.firstIndex + s.entryCount > low);
        const downwards = segments.filter((s) => s.firstIndex <= high).toReversed();
        const { indexes } = cutAll(cut, reverse ? downwards : upwards, reverse ? -1 : 1);
        const between = Array.from({ length: high - low + 1 }, (_, place) => low + place);
        const wanted = between.filter((index) => !filtered || marked(index));
        const expected = (reverse ? wanted.toReversed() : wanted).slice(0, limits.entriesMax);
        expect(indexes).to.deep.equal(expected);
        expect(cut.isDone).to.equal(true);
      }),
      { numRuns: 300 },
    );
  });

  it("stops before the bytes would exceed their limit, and counts only what it gives", () => {
    for (const reverse of [false, true]) {
      for (const filter of [undefined, markedOnly()]) {
        const written = new WrittenLog().claim();
        const isMarked = filter !== undefined;
        // 20 bytes of payload, and 9 of the header of the marked.
        const entries = Array.from({ length: 20 }, (_, at) =>
          entryAt(at + 1, isMarked && at % 2 === 0, 20),
        );
        written.writeAppends([appendOf(entries)], 1000);
        const size = isMarked ? 29 : 20;
        for (const [bytesMax, count] of [
          [1, 1],
          [size * 3, 3],
          [size * 3 + size - 1, 3],
          [size * 4, 4],
        ] as const) {
          const startIndex = reverse ? 20 : 1;
          const endIndex = reverse ? 0 : 21;
          const range = { startIndex, endIndex, reverse, filter, bytesMax };
          const cut = new ReadCut({ ...unlimited, ...range });
          let taken = 0;
          for (const segment of written.entries) {
            for (const step of cut.take(segment, 1000)) {
              if (step.type === "batch") taken += step.batch.run.entryCount;
            }
          }
          expect([taken, cut.isDone]).to.deep.equal([count, true]);
        }
      }
    }
  });

  it("keeps batches to the size asked for, one entry at least", () => {
    const segments = segmentsOf([300], () => true);
    for (const reverse of [false, true]) {
      const cut = new ReadCut({
        ...unlimited,
        reverse,
        filter: markedOnly(),
        startIndex: reverse ? 300 : 1,
        endIndex: reverse ? 0 : 301,
      });
      const { indexes, batchSizes } = cutAll(cut, segments, reverse ? -1 : 1);
      expect(indexes).to.have.lengthOf(300);
      expect(Math.max(...batchSizes)).to.be.within(100, 200);
    }
    const [big] = new WrittenLog().claim().write("x".repeat(5000), "y").entries;
    if (big === undefined) throw new Error("no segment");
    const cut = new ReadCut({ ...unlimited, reverse: true, startIndex: 2, endIndex: 0 });
    const counts = [...cut.take(big, 200)].map((step) =>
      step.type === "batch" ? step.batch.run.entryCount : 0,
    );
    expect(counts).to.deep.equal([1, 1]);
  });

  it("does not copy what stands one behind the other", () => {
    const segments = segmentsOf([10], (index) => index > 3);
    const run = runOf([entryAt(1, false)]);
    expect(run.entryCount).to.equal(1);
    const cut = new ReadCut({ ...unlimited, filter: markedOnly(), startIndex: 1, endIndex: 11 });
    const [step] = segments.flatMap((segment) => [...cut.take(segment, 10_000)]);
    if (step?.type !== "batch") throw new Error("no batch");
    const [segment] = segments;
    if (segment === undefined) throw new Error("no segment");
    expect(step.batch.run.entryCount).to.equal(7);
    expect(step.batch.run.bytes.buffer).to.equal(storedBytes(segment).buffer);
  });

  it("pauses while nothing matches, again and again, and says how far it came", () => {
    const written = new WrittenLog().claim();
    const many = appendOf(Array.from({ length: 16_384 }, () => textEntry("")));
    for (let at = 0; at < 10; at++) written.writeAppends([many], 1000);
    const cut = new ReadCut({
      ...unlimited,
      filter: markedOnly(),
      startIndex: 1,
      endIndex: 163_841,
    });
    const reached: number[] = [];
    for (const segment of written.entries) {
      for (const step of cut.take(segment, 10_000)) {
        expect(step.type).to.equal("pause");
        reached.push(cut.nextIndex);
      }
    }
    expect(cut.isDone).to.equal(true);
    // An empty entry costs its own field and its payload's.
    expect(reached.length).to.be.within(10, 30);
    const gaps = reached.map((index, place) => index - (reached[place - 1] ?? 1));
    expect(Math.max(...gaps)).to.be.at.most(16_384);
  });

  it("pauses by what there is to look at, not by entries alone", () => {
    const headers = Array.from({ length: 2000 }, () => ({ key: "k", value: Buffer.alloc(0) }));
    const entries = Array.from({ length: 100 }, () => ({ payload: Buffer.alloc(0), headers }));
    const written = new WrittenLog().claim().writeAppends([appendOf(entries)], 1000);
    const cut = new ReadCut({ ...unlimited, filter: markedOnly(), startIndex: 1, endIndex: 101 });
    const steps = written.entries.flatMap((segment) => [...cut.take(segment, 10_000)]);
    // Two fields for each header, and a pause at the end of an entry.
    expect(steps.length).to.be.within(18, 25);
  });
});
