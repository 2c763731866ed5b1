import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import fc from "fast-check";

import { ManifestSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { Manifest as StoredManifest } from "../../gen/suraft/storage/v1/storage_pb.js";
import { logStart } from "../../src/core/walk.js";
import { crc32c } from "../../src/log/crc32c.js";
import { decodeManifest, encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { archiveAt, arbitraryManifest, members, sampleManifest, walkAt } from "./manifests.js";
import { withChecksum } from "./with-checksum.js";
import type { ManifestView } from "../../src/core/manifest.js";

function judged(bytes: Uint8Array, number = 3): string {
  const decoded = decodeManifest(bytes, number);
  return decoded.type === "corrupt" ? decoded.reason : decoded.type;
}

/** What a writer would store that does not keep the rules. */
function foreign(change: (message: StoredManifest) => void): Uint8Array {
  const message = fromBinary(ManifestSchema, encodeManifest(sampleManifest));
  change(message);
  return withChecksum(toBinary(ManifestSchema, create(ManifestSchema, { ...message, crc32c: 0 })));
}

describe("a stored manifest", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(arbitraryManifest, (written) => {
        const decoded = decodeManifest(encodeManifest(written), written.number);
        expect(decoded).to.deep.equal({ type: "ok", manifest: written });
      }),
    );
    const founding = foundingManifest(members);
    expect(founding.floor).to.equal(logStart);
    const decoded = decodeManifest(encodeManifest(founding), 0);
    expect(decoded).to.deep.equal({ type: "ok", manifest: founding });
  });

  it("is byte for byte what protobuf-es writes, and the checksum behind it", () => {
    fc.assert(
      fc.property(arbitraryManifest, (written) => {
        const bytes = encodeManifest(written);
        const read = fromBinary(ManifestSchema, bytes);
        expect(read.crc32c).to.equal(crc32c(bytes.subarray(0, -5)));
        const fields = toBinary(ManifestSchema, create(ManifestSchema, { ...read, crc32c: 0 }));
        expect(Buffer.from(bytes)).to.deep.equal(withChecksum(fields));
      }),
    );
  });

  it("is corrupt with any one bit flipped, and if cut anywhere", () => {
    const bytes = encodeManifest(sampleManifest);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeManifest(flipped, 3).type, `bit ${bit}`).to.equal("corrupt");
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeManifest(bytes.subarray(0, length), 3).type).to.equal("corrupt");
    }
  });

  it("is judged, never thrown at, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (fields) => {
        expect(decodeManifest(withChecksum(fields), 0).type).to.not.equal("ok");
        expect(decodeManifest(fields, 0).type).to.equal("corrupt");
      }),
      { numRuns: 1000 },
    );
    const bytes = encodeManifest(sampleManifest).subarray(0, -5);
    const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, by] of changes) changed[at] = (changed[at] ?? 0) ^ by;
        const stored = withChecksum(changed);
        const decoded = decodeManifest(stored, 3);
        // Other numbers may keep the rules too; but then they mean what stands there.
        if (decoded.type !== "ok") return;
        expect(Buffer.from(encodeManifest(decoded.manifest))).to.deep.equal(Buffer.from(stored));
      }),
      { numRuns: 5000 },
    );
  });

  it("holds an archive of 32 MiB in less than a hundred bytes", () => {
    const archives = Array.from({ length: 1000 }, (_, place) => ({
      ...archiveAt(place * 10_000, (place + 1) * 10_000),
      id: { manifest: 5000 + place, nonce: "0123456789abcdef".repeat(2) },
      sizeBytes: 2 ** 25,
      timestampMs: 1_795_243_000_123,
      indexBytes: 4000,
    }));
    const floor = walkAt(10_000_000);
    const checkpoint = { walk: floor, ledger: sampleManifest.archives[0] ?? archiveAt(0, 1) };
    const past = { floor, marks: [], checkpoint, archives, snapshots: [] };
    const { length } = encodeManifest({ ...sampleManifest, ...past, number: 9999 });
    expect(length / 1000).to.be.lessThan(100);
  });
});

describe("the rules of a stored manifest", () => {
  const rules: readonly (readonly [string, Partial<ManifestView>, string])[] = [
    ["a number that is its name's", { number: 4 }, "number is 4"],
    ["a cluster", { clusterId: "" }, "cluster_id of Manifest is empty"],
    ["members", { members: [] }, "members are empty"],
    ["each member once", { members: [...members, ...members] }, "stands twice"],
    ["members' ids", { members: [{ nodeId: "", address: "x" }] }, "node_id of Member"],
    ["members' addresses", { members: [{ nodeId: "x", address: "" }] }, "address of Member"],
    ["a grace", { graceMs: 0 }, "grace_ms is not set"],
    ["a first index", { firstIndex: 0 }, "first_index is not set"],
    ["a version", { formatVersion: 0 }, "format_version is not set"],
    ["a checkpoint at a floor", { checkpoint: undefined, marks: [] }, "floor has no checkpoint"],
    ["a checkpoint not below it", { floor: walkAt(31), marks: [] }, "checkpoint is below"],
    ["marks above the floor", { marks: [walkAt(20)] }, "marks do not rise"],
    ["marks that rise", { marks: [walkAt(24), walkAt(24)] }, "marks do not rise"],
    ["marks up to the checkpoint", { marks: [walkAt(31)] }, "below a mark"],
    ["archives below the floor", { archives: [archiveAt(0, 21)] }, "above the floor"],
    ["archives apart", { archives: [archiveAt(0, 9), archiveAt(8, 12)] }, "archives overlap"],
    ["archives that hold something", { archives: [archiveAt(8, 8)] }, "archives overlap"],
    ["objects named in time", { archives: [objectsOf(4)] }, "before the manifest that may"],
    ["objects that upkeep named", { archives: [objectsOf(0)] }, "the founding manifest names no"],
    ["objects that are not empty", { archives: [sized(0)] }, "is empty"],
    ["indexes within archives", { archives: [sized(299)] }, "index is not within it"],
    ["archives' indexes", { archives: [indexed(5, 4)] }, "no indexes"],
    ["snapshots' indexes", { snapshots: [snapshotTo(0)] }, "a snapshot has no next index"],
    ["snapshots that rise", { snapshots: [snapshotTo(5), snapshotTo(5)] }, "do not rise"],
  ];
  for (const [rule, change, reason] of rules) {
    it(`ask for ${rule}`, () => {
      expect(judged(encodeManifest({ ...sampleManifest, ...change }))).to.contain(reason);
    });
  }

  const foreigners: readonly (readonly [string, (message: StoredManifest) => void, string])[] = [
    ["a nonce", (message) => (message.nonce = new Uint8Array(15)), "a nonce has 15 bytes"],
    ["a floor", (message) => delete message.floor, "Manifest has no floor"],
    ["a walk's window", (message) => Object.assign(message.floor ?? {}, { window: 0 }), "window"],
    [
      "a walk's next index",
      (message) => Object.assign(message.floor ?? {}, { nextIndex: 0n }),
      "no next index",
    ],
    ["epoch and segment of a walk", (message) => delete message.floor?.last, "no last segment"],
    ["a timestamp", (message) => delete message.floor?.timestamp, "no Timestamp"],
    ["a ledger", (message) => delete message.checkpoint?.ledger, "no ObjectRef"],
    ["an archive's object", (message) => delete message.archives[0]?.object, "no ObjectRef"],
    ["numbers below 2^53", (message) => (message.graceMs = 2n ** 53n), "2^53"],
  ];
  for (const [rule, change, reason] of foreigners) {
    it(`ask foreign writers for ${rule}`, () => {
      expect(judged(foreign(change))).to.contain(reason);
    });
  }

  it("let nothing stand there that is not known, unless the version says so", () => {
    const unknown = Buffer.concat([
      encodeManifest(sampleManifest).subarray(0, -5),
      Uint8Array.of(0x68, 1),
    ]);
    expect(judged(withChecksum(unknown))).to.contain("field 13");
    const newer = Buffer.concat([
      foreign((message) => (message.formatVersion = 2)).subarray(0, -5),
      Uint8Array.of(0x68, 1),
    ]);
    expect(decodeManifest(withChecksum(newer), 3)).to.deep.equal({
      type: "newer",
      formatVersion: 2,
    });
  });
});

function objectsOf(manifest: number): ManifestView["archives"][number] {
  const archive = archiveAt(0, 5);
  return { ...archive, id: { ...archive.id, manifest } };
}

function sized(sizeBytes: number): ManifestView["archives"][number] {
  return { ...archiveAt(0, 5), sizeBytes };
}

function indexed(firstIndex: number, nextIndex: number): ManifestView["archives"][number] {
  return { ...archiveAt(0, 5), firstIndex, nextIndex };
}

function snapshotTo(nextIndex: number): ManifestView["snapshots"][number] {
  return { parts: [archiveAt(0, 5)], nextIndex, timestampMs: 1, checksum: 2 };
}
