/** Manifests for tests: an example, and any. */

import fc from "fast-check";

import type { ArchiveRef, ManifestView, ObjectRef } from "../../src/core/manifest.js";
import type { WalkState } from "../../src/core/walk.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { arbitraryEpoch } from "./entries.js";

export const members = [
  { nodeId: "a", address: "127.0.0.1:7101" },
  { nodeId: "b", address: "127.0.0.1:7102" },
];

/** The walk somewhere in a small log. */
export function walkAt(tail: number): WalkState {
  const epoch = { term: 2, leaderId: "a", nonce: "0123456789abcdef0123456789abcdef" };
  const last = { position: tail - 1, checksum: tail };
  const numbers = { nextIndex: tail * 2, timestampMs: 1000 + tail, sizeBytes: tail * 100 };
  return { tail, epoch, term: 2, window: 8, last, ...numbers };
}

function objectAt(manifest: number, sizeBytes: number): ObjectRef {
  const nonce = manifest.toString(16).padStart(32, "f");
  return { id: { manifest, nonce }, sizeBytes, checksum: sizeBytes };
}

export function archiveAt(startPosition: number, endPosition: number): ArchiveRef {
  return {
    ...objectAt(2, 5000),
    startPosition,
    endPosition,
    firstIndex: Math.max(1, startPosition * 2),
    nextIndex: endPosition * 2,
    timestampMs: 1000 + endPosition,
    indexBytes: 300,
  };
}

/** A manifest in which nothing is missing. */
export const sampleManifest: ManifestView = {
  ...foundingManifest(members),
  number: 3,
  clusterId: "c",
  nonce: "00112233445566778899aabbccddeeff",
  graceMs: 1000,
  floor: walkAt(20),
  firstIndex: 7,
  marks: [walkAt(23), walkAt(29)],
  checkpoint: { walk: walkAt(30), ledger: objectAt(3, 90) },
  archives: [archiveAt(0, 10), archiveAt(15, 20)],
  snapshots: [
    { parts: [objectAt(9, 77), objectAt(9, 5)], nextIndex: 12, timestampMs: 1005, checksum: 7 },
  ],
};

const arbitraryTime = fc.integer({ min: 0, max: 8.64e15 });
const arbitraryChecksum = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 }));

export const arbitraryWalk: fc.Arbitrary<WalkState> = fc
  .record({
    epoch: arbitraryEpoch,
    tail: fc.maxSafeNat().map((tail) => Math.max(1, tail)),
    back: fc.integer({ min: 1, max: 9 }),
    checksum: arbitraryChecksum,
    window: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    nextIndex: fc.maxSafeNat().map((index) => Math.max(1, index)),
    timestampMs: arbitraryTime,
    sizeBytes: fc.maxSafeNat(),
  })
  .map(({ back, checksum, ...walk }) => {
    const last = { position: Math.max(0, walk.tail - back), checksum };
    return { ...walk, term: walk.epoch.term, last };
  });

const arbitraryObject = (numberMax: number): fc.Arbitrary<ObjectRef> =>
  fc.record({
    id: fc.record({
      manifest: fc.integer({ min: 1, max: numberMax }),
      nonce: arbitraryEpoch.map(({ nonce }) => nonce),
    }),
    sizeBytes: fc.integer({ min: 1000, max: 2 ** 40 }),
    checksum: arbitraryChecksum,
  });

const arbitraryMember = fc.record({
  nodeId: fc.string({ minLength: 1 }),
  address: fc.string({ minLength: 1 }),
});

/** Any manifest that keeps the rules. */
export const arbitraryManifest: fc.Arbitrary<ManifestView> = fc
  .record({
    number: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    places: fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 20 }),
    split: fc.nat(),
  })
  .chain(({ number, places, split }) => {
    const rising = places.toSorted((a, b) => a - b);
    const floorAt = split % rising.length;
    const above = rising.slice(floorAt);
    const below = rising.slice(0, floorAt + 1);
    const at = (tail: number) => arbitraryWalk.map((walk) => ({ ...walk, ...placed(tail, walk) }));
    return fc.record({
      number: fc.constant(number),
      clusterId: fc.string({ minLength: 1 }),
      members: fc.uniqueArray(arbitraryMember, {
        minLength: 1,
        maxLength: 7,
        selector: ({ nodeId }) => nodeId,
      }),
      graceMs: fc.integer({ min: 1, max: 2 ** 50 }),
      floor: at(above[0] ?? 1),
      firstIndex: fc.integer({ min: 1, max: 2 ** 50 }),
      marks: fc.tuple(...above.slice(1).map(at)),
      checkpoint: fc.record({ walk: at(above.at(-1) ?? 1), ledger: arbitraryObject(number) }),
      archives: fc.tuple(
        ...below.slice(1).map((end, place) =>
          fc
            .record({
              object: arbitraryObject(number),
              firstIndex: fc.integer({ min: 1, max: 2 ** 40 }),
              entries: fc.nat(),
              timestampMs: arbitraryTime,
              indexBytes: fc.integer({ min: 1, max: 1000 }),
            })
            .map(({ object, entries, ...archive }) => ({
              ...object,
              ...archive,
              startPosition: below[place] ?? 0,
              endPosition: end,
              nextIndex: archive.firstIndex + entries,
            })),
        ),
      ),
      snapshots: fc
        .array(
          fc.record({
            parts: fc.array(arbitraryObject(number + 5), { maxLength: 3 }),
            nextIndex: fc.integer({ min: 1, max: 2 ** 50 }),
            timestampMs: arbitraryTime,
            checksum: arbitraryChecksum,
          }),
          { maxLength: 3 },
        )
        .map((snapshots) => {
          const rising = snapshots.toSorted((a, b) => a.nextIndex - b.nextIndex);
          return rising.filter(({ nextIndex }, at) => nextIndex !== rising[at - 1]?.nextIndex);
        }),
      nonce: arbitraryEpoch.map(({ nonce }) => nonce),
      formatVersion: fc.constant(1),
    });
  });

function placed(tail: number, { last }: WalkState): Pick<WalkState, "tail" | "last"> {
  return { tail, last: { position: tail - 1, checksum: last?.checksum ?? 0 } };
}
