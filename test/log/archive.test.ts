import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { ArchiveIndexSchema, ArchiveSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { ArchiveIndex as StoredIndex } from "../../gen/suraft/storage/v1/storage_pb.js";
import { logStart } from "../../src/core/walk.js";
import { decodeArchiveIndex, decodeChunk, indexRange } from "../../src/log/archive-codec.js";
import { ArchiveWriter } from "../../src/log/archive-writer.js";
import { crc32c } from "../../src/log/crc32c.js";
import { storedBytes } from "../../src/log/segment-codec.js";
import { arbitraryDeeds, archiveOf, logOf, sampleLog, statesOf } from "./archives.js";
import { clusterId, WrittenLog } from "./written-log.js";
import { withChecksum } from "./with-checksum.js";
import type { ArchiveRef } from "../../src/core/manifest.js";
import type { Segment } from "../../src/core/types.js";
import type { ArchiveIndex, ChunkRow } from "../../src/log/archive-codec.js";
import type { Archive } from "./archives.js";

function indexOf({ ref, bytes }: Pick<Archive, "ref" | "bytes">): ArchiveIndex {
  const { start, end } = indexRange(ref);
  const decoded = decodeArchiveIndex(bytes.subarray(start, end), ref, clusterId);
  if (decoded.type === "corrupt") throw new Error(decoded.reason);
  return decoded.value;
}

function chunkOf({ bytes }: Pick<Archive, "bytes">, row: ChunkRow): readonly Segment[] {
  const decoded = decodeChunk(bytes.subarray(row.start, row.end), row, clusterId);
  if (decoded.type === "corrupt") throw new Error(decoded.reason);
  return decoded.value;
}

function sample(chunkBytes = 300): Archive {
  return archiveOf(sampleLog.committed, { from: logStart, to: sampleLog.walk.tail, chunkBytes });
}

describe("an archive", () => {
  it("holds what counted, whatever its range and the size of its chunks", () => {
    const sizes = fc.constantFrom(1, 100, 300, 1000, 100_000);
    fc.assert(
      fc.property(arbitraryDeeds, fc.nat(), fc.nat(), sizes, (deeds, one, other, chunkBytes) => {
        const { committed, walk } = logOf(deeds);
        const states = statesOf(committed, logStart, walk.tail);
        const places = [one % (walk.tail + 1), other % (walk.tail + 1)].toSorted((a, b) => a - b);
        const [start = 0, to = 0] = places;
        const from = states[start] ?? logStart;
        if (start === to) return;
        const archive = archiveOf(committed, { from, to, chunkBytes });
        expect(archive.end).to.deep.equal(states[to]);
        const { rows } = indexOf(archive);
        expect(rows[0]?.from).to.deep.equal(from);
        expect(rows.at(-1)?.to).to.deep.equal(states[to]);
        for (const row of rows) expect(row.from).to.deep.equal(states[row.from.tail]);
        const held = rows.flatMap((row) => chunkOf(archive, row));
        const counted = committed.filter(({ position }) => position >= start && position < to);
        expect(held.map(storedBytes)).to.deep.equal(counted.map(storedBytes));
      }),
    );
  });

  it("is what a stranger reads with protobuf-es, and byte for byte what it writes", () => {
    fc.assert(
      fc.property(arbitraryDeeds, (deeds) => {
        const { committed, walk } = logOf(deeds);
        const { bytes, ref } = archiveOf(committed, { from: logStart, to: walk.tail });
        const read = fromBinary(ArchiveSchema, bytes);
        expect(read.crc32c).to.equal(ref.checksum);
        const fields = toBinary(ArchiveSchema, create(ArchiveSchema, { ...read, crc32c: 0 }));
        expect(Buffer.from(bytes)).to.deep.equal(withChecksum(fields));
        const segments = read.chunks.flatMap((chunk) => chunk.segments);
        expect(segments.map(({ position }) => Number(position))).to.deep.equal(
          committed.map(({ position }) => position),
        );
        const { start, end } = indexRange(ref);
        const index = fromBinary(ArchiveIndexSchema, bytes.subarray(start, end));
        expect(index).to.deep.equal(read.index);
        expect(index.crc32c).to.equal(crc32c(bytes.subarray(start, end - 5)));
      }),
    );
  });

  it("stands for positions at which nothing counts", () => {
    const written = new WrittenLog().claim().void().void();
    const from = statesOf(written.committed, logStart, 1)[1] ?? logStart;
    const archive = archiveOf(written.committed, { from, to: 3 });
    expect(archive.ref).to.include({
      startPosition: 1,
      endPosition: 3,
      firstIndex: 1,
      nextIndex: 1,
    });
    const { rows } = indexOf(archive);
    expect(rows).to.have.lengthOf(1);
    for (const row of rows) expect(chunkOf(archive, row)).to.deep.equal([]);
  });

  it("says when it is full, and takes one segment however big", () => {
    const written = new WrittenLog().claim().write("x".repeat(1000)).write("y".repeat(1000));
    const [claim, first, second] = written.committed;
    if (claim === undefined || first === undefined || second === undefined) throw new Error("3");
    const options = { clusterId, from: logStart };
    const small = new ArchiveWriter({ ...options, bytesMax: 50 });
    expect(small.hasRoom(claim)).to.equal(true);
    small.add(claim);
    expect(small.hasRoom(first)).to.equal(false);
    const exact = new ArchiveWriter({ ...options, bytesMax: 2200, chunkBytes: 500 });
    exact.add(claim);
    expect(exact.hasRoom(first)).to.equal(true);
    exact.add(first);
    expect(exact.hasRoom(second)).to.equal(false);
    expect(exact.finish().covers).to.include({ endPosition: 2, nextIndex: 2 });
  });

  it("is made of what counts, in order, and of something", () => {
    const [claim, first] = sampleLog.committed;
    if (claim === undefined || first === undefined) throw new Error("2");
    const options = { clusterId, from: logStart, bytesMax: 1000 };
    expect(() => new ArchiveWriter(options).finish()).to.throw("broken invariant");
    expect(() => new ArchiveWriter(options).add(first)).to.throw("broken invariant");
    const writer = new ArchiveWriter(options);
    writer.add(claim);
    expect(() => writer.add(claim)).to.throw("broken invariant");
  });
});

describe("a damaged archive", () => {
  it("is found, wherever a bit was flipped, in the part that is read", () => {
    const archive = sample();
    const { rows } = indexOf(archive);
    const range = indexRange(archive.ref);
    for (let bit = 0; bit < (archive.bytes.length - 5) * 8; bit++) {
      const bytes = Uint8Array.from(archive.bytes);
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      const row = rows.find(({ start, end }) => at >= start && at < end);
      if (row !== undefined) {
        const decoded = decodeChunk(bytes.subarray(row.start, row.end), row, clusterId);
        expect(decoded.type, `bit ${bit}`).to.equal("corrupt");
      } else if (at >= range.start) {
        const part = bytes.subarray(range.start, range.end);
        const decoded = decodeArchiveIndex(part, archive.ref, clusterId);
        expect(decoded.type, `bit ${bit}`).to.equal("corrupt");
      }
    }
  });

  it("is found where the index is not the one that was named", () => {
    const { ref, bytes } = sample();
    const { start, end } = indexRange(ref);
    const judged = (change: Partial<ArchiveRef>, cluster = clusterId): string => {
      const decoded = decodeArchiveIndex(
        bytes.subarray(start, end),
        { ...ref, ...change },
        cluster,
      );
      return decoded.type === "corrupt" ? decoded.reason : "ok";
    };
    expect(judged({})).to.equal("ok");
    const named = "the index is not the one of the archive that was named";
    expect(judged({ startPosition: 1 })).to.equal(named);
    expect(judged({ endPosition: ref.endPosition + 1 })).to.equal(named);
    expect(judged({ firstIndex: 2 })).to.equal(named);
    expect(judged({ nextIndex: ref.nextIndex + 1 })).to.equal(named);
    expect(judged({ timestampMs: ref.timestampMs + 1 })).to.equal(named);
    expect(judged({ sizeBytes: ref.sizeBytes + 1 })).to.equal(named);
    expect(judged({}, "another")).to.equal("it is of the cluster the-cluster");
  });

  it("is found where rows do not rise or chunks do not come to them", () => {
    const { ref, bytes } = sample();
    const { start, end } = indexRange(ref);
    const stored = fromBinary(ArchiveIndexSchema, bytes.subarray(start, end));
    const changed = (change: (index: StoredIndex) => void): Uint8Array => {
      const index = structuredClone(stored);
      index.crc32c = 0;
      change(index);
      return withChecksum(toBinary(ArchiveIndexSchema, index));
    };
    const judged = (part: Uint8Array): string => {
      const decoded = decodeArchiveIndex(part, { ...ref, indexBytes: part.length }, clusterId);
      return decoded.type === "corrupt" ? decoded.reason : "ok";
    };
    expect(judged(changed(() => undefined))).to.equal("ok");
    const twice = changed((index) => Object.assign(index.rows[1] ?? {}, index.rows[0]));
    expect(judged(twice)).to.equal("the rows of an index do not rise");
    expect(judged(changed((index) => (index.rows = [])))).to.contain("not the one");
    expect(judged(changed((index) => delete index.end))).to.contain("no end");

    const { rows } = indexOf({ ref, bytes });
    const [row, next] = rows;
    if (row === undefined || next === undefined) throw new Error("more than one chunk");
    const astray = (change: Partial<ChunkRow>): string => {
      const wrong = { ...row, ...change };
      const decoded = decodeChunk(bytes.subarray(row.start, row.end), wrong, clusterId);
      return decoded.type === "corrupt" ? decoded.reason : "ok";
    };
    const elsewhere = "a chunk does not come to where the next one begins";
    expect(astray({})).to.equal("ok");
    expect(astray({ to: { ...row.to, nextIndex: row.to.nextIndex + 1 } })).to.equal(elsewhere);
    expect(astray({ to: { ...row.to, sizeBytes: row.to.sizeBytes + 1 } })).to.equal(elsewhere);
    expect(astray({ to: row.from })).to.equal(elsewhere);
    expect(astray({ from: next.from })).to.contain("does not count there");
    expect(astray({ from: { ...row.from, tail: 1 } })).to.contain("does not count there");
  });

  it("is judged, never thrown at, whatever a chunk holds", () => {
    const archive = sample(100_000);
    const [row] = indexOf(archive).rows;
    if (row === undefined) throw new Error("one chunk");
    const bytes = archive.bytes.subarray(row.start, row.end);
    const changes = fc.array(
      fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 })),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(changes, (places) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, by] of places) changed[at] = (changed[at] ?? 0) ^ by;
        const isSame = Buffer.compare(changed, bytes) === 0;
        const decoded = decodeChunk(changed, { ...row, checksum: crc32c(changed) }, clusterId);
        expect(decoded.type).to.equal(isSame ? "ok" : "corrupt");
      }),
      { numRuns: 2000 },
    );
  });
});
