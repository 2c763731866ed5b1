import { expect } from "chai";
import fc from "fast-check";

import { SuraftError } from "../../src/errors.js";
import { objectName, segmentName } from "../../src/log/names.js";
import { LogPast } from "../../src/log/log-past.js";
import { SegmentLog } from "../../src/log/segment-log.js";
import { storedBytes } from "../../src/log/segment-codec.js";
import { arbitraryDeeds, archiveLog, logOf } from "./archives.js";
import { clusterId, collect, failure, pastOf, textsOf, WrittenLog } from "./written-log.js";
import type { ManifestView } from "../../src/core/manifest.js";

const { signal } = new AbortController();

/** A node that has just started, from the checkpoint at the log's tail. */
function started(written: WrittenLog, manifest: ManifestView, past = pastOf(manifest)): SegmentLog {
  const { firstIndex } = manifest;
  const start = { walk: written.walk, firstIndex };
  return new SegmentLog({ store: written.store, clusterId, past, start, cacheBytesMax: 1 });
}

async function firsts(log: SegmentLog, startIndex: number): Promise<number[]> {
  const segments = await collect(log.segments({ startIndex, signal }));
  return segments.map(({ firstIndex }) => firstIndex);
}

async function firstsBack(log: SegmentLog, startIndex: number): Promise<number[]> {
  const segments = await collect(log.segmentsBack({ startIndex, signal }));
  return segments.map(({ firstIndex }) => firstIndex);
}

/** Segments of one entry: at position `i` stands the entry with index `i`. */
function letters(count: number): WrittenLog {
  const written = new WrittenLog().claim();
  for (let i = 1; i <= count; i++) written.write(`entry ${i}`);
  return written;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

describe("a log whose past is archived", () => {
  it("reads as it did before, from anywhere, both ways, whatever was archived", async () => {
    const cuts = fc.array(fc.nat(), { minLength: 1, maxLength: 4 });
    const sizes = fc.constantFrom(1, 300, 100_000);
    await fc.assert(
      fc.asyncProperty(arbitraryDeeds, cuts, sizes, fc.nat(), async (deeds, at, chunkBytes, of) => {
        const written = logOf(deeds);
        const { entries, walk } = written;
        const places = at.map((cut) => 1 + (cut % walk.tail)).toSorted((a, b) => a - b);
        const unique = [...new Set(places)];
        const marks = [of % walk.tail];
        const log = started(written, archiveLog(written, { cuts: unique, marks, chunkBytes }));
        const texts = entries.map(textsOf);
        for (const index of range(1, walk.nextIndex + 1)) {
          const behind = entries.findIndex((e) => e.firstIndex + e.entryCount > index);
          const read = await collect(log.segments({ startIndex: index, signal }));
          expect(read.map(textsOf)).to.deep.equal(behind < 0 ? [] : texts.slice(behind));
          if (index === walk.nextIndex) continue;
          const back = await collect(log.segmentsBack({ startIndex: index, signal }));
          expect(back.map(textsOf)).to.deep.equal(texts.slice(0, behind + 1).toReversed());
        }
        for (const { timestampMs } of entries) {
          const first = entries.find((e) => e.timestampMs >= timestampMs)?.firstIndex;
          expect(await log.findTimestamp(timestampMs, signal)).to.equal(first);
          expect(await log.findTimestamp(timestampMs - 1, signal)).to.equal(first);
        }
        expect(await log.findTimestamp(0, signal)).to.equal(1);
      }),
      { numRuns: 60 },
    );
  });

  it("takes a get for a large part, not for a segment", async () => {
    const written = letters(2000);
    const manifest = archiveLog(written, { cuts: [1000, 2001], chunkBytes: 4096 });
    const log = started(written, manifest);
    expect(await firsts(log, 1)).to.deep.equal(range(1, 2001));
    // Two indexes, the first chunk, and both archives, each in one part.
    expect(log.gets).to.equal(5);
    expect(await firstsBack(log, 2000)).to.deep.equal(range(1, 2001).toReversed());
    expect(log.gets).to.be.lessThan(12);
  });

  it("begins in the middle with two gets", async () => {
    const written = letters(2000);
    const log = started(written, archiveLog(written, { cuts: [2001], chunkBytes: 4096 }));
    for await (const { firstIndex } of log.segments({ startIndex: 1234, signal })) {
      expect(firstIndex).to.equal(1234);
      break;
    }
    // The index and a chunk; and what was asked for ahead.
    expect(log.gets).to.equal(3);
    expect(await log.findTimestamp(1000 + 1500 * 10, signal)).to.equal(1500);
    expect(log.gets).to.equal(4);
  });

  it("begins at a mark in what is not archived yet", async () => {
    const written = letters(900);
    const manifest = archiveLog(written, { cuts: [100], marks: [400, 700] });
    const log = started(written, manifest);
    for await (const { firstIndex } of log.segments({ startIndex: 710, signal })) {
      expect(firstIndex).to.equal(710);
      break;
    }
    const asked = written.store.got.map((name) => Number(name.slice("log/".length)));
    expect(Math.min(...asked)).to.equal(700);
    expect(asked.length).to.be.lessThan(40);
  });

  it("is read once, however many readers want it", async () => {
    const written = letters(500);
    const log = started(written, archiveLog(written, { cuts: [501], chunkBytes: 4096 }));
    const all = await Promise.all(range(0, 50).map(() => firsts(log, 1)));
    for (const one of all) expect(one).to.deep.equal(range(1, 501));
    expect(log.gets).to.equal(3);
  });

  it("stops when the reader does, and ends with the signal's reason while the store hangs", async () => {
    const written = letters(100);
    const log = started(written, archiveLog(written, { cuts: [101] }));
    written.store.beforeGet = (_, get) =>
      new Promise((_resolve, reject) => get.addEventListener("abort", () => reject(get.reason)));
    const controller = new AbortController();
    const reading = collect(log.segments({ startIndex: 1, signal: controller.signal }));
    const reason = new Error("enough");
    setImmediate(() => controller.abort(reason));
    expect(await failure(reading)).to.equal(reason);
    written.store.beforeGet = async () => undefined;
    expect(await firsts(log, 1)).to.deep.equal(range(1, 101));
    expect(written.store.underWay).to.equal(0);
  });
});

describe("a log that was trimmed", () => {
  it("begins at its first index, for readers both ways, and says so", async () => {
    const written = letters(90);
    const manifest = archiveLog(written, { cuts: [30, 60], firstIndex: 45 });
    const log = started(written, manifest);
    expect(manifest.archives).to.have.lengthOf(1);
    expect(await firsts(log, 45)).to.deep.equal(range(45, 91));
    expect(await firstsBack(log, 90)).to.deep.equal(range(45, 91).toReversed());
    expect(await firstsBack(log, 44)).to.deep.equal([]);
    expect(await log.findTimestamp(0, signal)).to.equal(45);
    for (const startIndex of [1, 44, 92]) {
      const error = await failure(firsts(log, startIndex));
      expect(error).to.include({ kind: "out_of_range" });
      expect(error).to.have.deep.property("details", { first_index: "45", next_index: "91" });
    }
  });

  it("is gone for a reader that it overtakes", async () => {
    const written = letters(90);
    const manifest = archiveLog(written, { cuts: [60] });
    const log = started(written, manifest);
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { firstIndex } of log.segments({ startIndex: 5, signal })) {
        seen.push(firstIndex);
        if (seen.length < 3) continue;
        log.restart({ walk: written.walk, firstIndex: 50 });
      }
    };
    expect(await failure(reading())).to.include({ kind: "out_of_range" });
    expect(seen).to.deep.equal([5, 6, 7]);
  });
});

describe("a log whose floor moves while it is read", () => {
  /** Readers learn of the later manifest only if they ask. */
  function moving(written: WrittenLog, first: ManifestView) {
    const state = { nowMs: 0, manifest: first, reads: 0 };
    const past = new LogPast({
      first: { manifest: first, ageMs: 0 },
      ageMs: () => state.nowMs,
      read: () => {
        state.reads++;
        return Promise.resolve({ manifest: state.manifest, ageMs: state.nowMs });
      },
    });
    return { state, log: started(written, first, past) };
  }

  it("goes on in the archives, whichever way it is read", async () => {
    for (const read of [firsts, firstsBack]) {
      const written = letters(200);
      const { state, log } = moving(written, archiveLog(written, { cuts: [] }));
      let deleted = false;
      written.store.beforeGet = async (name) => {
        if (deleted || name !== segmentName(100)) return;
        deleted = true;
        state.manifest = archiveLog(written, { cuts: [90, 150], number: 2 });
        state.nowMs += 3_600_000;
      };
      const back = read === firstsBack;
      const expected = range(1, 201);
      const found = await read(log, back ? 200 : 1);
      expect(found).to.deep.equal(back ? expected.toReversed() : expected);
      expect(state.reads).to.be.greaterThan(0);
    }
  });

  it("does not believe a ghost at a name that was freed", async () => {
    const written = letters(200);
    const ghost = new WrittenLog().claim();
    for (let i = 1; i <= 200; i++) ghost.write(`ghost ${i}`);
    const { state, log } = moving(written, archiveLog(written, { cuts: [] }));
    state.manifest = archiveLog(written, { cuts: [90, 150], number: 2 });
    for (const segment of ghost.committed) {
      if (segment.position < 150) written.store.put(segment.position, storedBytes(segment));
    }
    state.nowMs += 3_600_000;
    const segments = await collect(log.segments({ startIndex: 1, signal }));
    expect(segments.flatMap(textsOf)).to.deep.equal(range(1, 201).map((i) => `entry ${i}`));
  });

  it("goes on where an archive was replaced by trimming", async () => {
    const written = letters(200);
    const first = archiveLog(written, { cuts: [50, 100, 150], chunkBytes: 1000 });
    const { state, log } = moving(written, first);
    const [dropped] = first.archives;
    if (dropped === undefined) throw new Error("three archives");
    written.store.objects.delete(objectName({ type: "archive", id: dropped.id }));
    state.manifest = { ...first, number: 2, firstIndex: 60, archives: first.archives.slice(1) };
    expect(await firsts(log, 70)).to.deep.equal(range(70, 201));
    const error = await failure(firsts(log, 10));
    expect(error).to.include({ kind: "out_of_range" });
    expect(error).to.have.deep.property("details", { first_index: "60", next_index: "201" });
  });
});

describe("a damaged past that is archived", () => {
  function corruptionOf(error: unknown): string | undefined {
    if (!(error instanceof SuraftError)) throw error;
    expect(error.kind).to.equal("corrupt");
    expect(error.message).to.contain(error.details["object"]);
    return error.details["object"];
  }

  it("names the archive that is damaged, anywhere that is read, and reads all others", async () => {
    const written = letters(120);
    const manifest = archiveLog(written, { cuts: [40, 80], chunkBytes: 1000 });
    const [first] = manifest.archives;
    if (first === undefined) throw new Error("two archives");
    const name = objectName({ type: "archive", id: first.id });
    const found = written.store.objects.get(name, undefined);
    if (found.type === "absent") throw new Error("it was created");
    for (const at of [10, 2000, found.bytes.length - 100]) {
      const bytes = Uint8Array.from(found.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      written.store.objects.delete(name);
      written.store.objects.create(name, bytes);
      const log = started(written, manifest);
      expect(corruptionOf(await failure(firsts(log, 1)))).to.equal(name);
      expect(await firsts(log, 40)).to.deep.equal(range(40, 121));
    }
    written.store.objects.delete(name);
    written.store.objects.create(name, found.bytes.subarray(0, 500));
    expect(corruptionOf(await failure(firsts(started(written, manifest), 1)))).to.equal(name);
  });

  it("names the archive that is gone", async () => {
    const written = letters(50);
    const manifest = archiveLog(written, { cuts: [40] });
    const names = manifest.archives.map(({ id }) => objectName({ type: "archive", id }));
    for (const name of names) written.store.objects.delete(name);
    const log = started(written, manifest);
    expect(corruptionOf(await failure(firsts(log, 1)))).to.equal(names[0]);
    expect(corruptionOf(await failure(firstsBack(log, 50)))).to.equal(names[0]);
    expect(await firsts(log, 40)).to.deep.equal(range(40, 51));
  });

  it("names the manifest in whose archives something is missing", async () => {
    const written = letters(90);
    const manifest = archiveLog(written, { cuts: [30, 60, 80] });
    const archives = manifest.archives.filter((_, place) => place !== 1);
    const log = started(written, { ...manifest, archives });
    expect(corruptionOf(await failure(firsts(log, 40)))).to.contain("manifest/");
    expect(await firsts(log, 70)).to.deep.equal(range(70, 91));
  });

  it("names an archive that does not go on where the one before it ends", async () => {
    const written = letters(90);
    const other = new WrittenLog().claim();
    for (let i = 1; i <= 90; i++) other.write(`other ${i}`);
    const manifest = archiveLog(written, { cuts: [30, 60] });
    const forged = archiveLog(other, { cuts: [30, 60], number: 2 });
    for (const { id } of forged.archives) {
      const name = objectName({ type: "archive", id });
      const found = other.store.objects.get(name, undefined);
      if (found.type === "found") written.store.objects.create(name, found.bytes);
    }
    const archives = [...manifest.archives.slice(0, 1), ...forged.archives.slice(1)];
    const log = started(written, { ...manifest, archives, number: 2 });
    expect(corruptionOf(await failure(firsts(log, 1)))).to.contain("archive/");
  });

  it("is found where the floor does not go on where the last archive ends", async () => {
    const written = letters(90);
    const manifest = archiveLog(written, { cuts: [30, 60] });
    const log = started(written, { ...manifest, floor: { ...manifest.floor, sizeBytes: 1 } });
    expect(corruptionOf(await failure(firsts(log, 70)))).to.contain("log/");
  });
});
