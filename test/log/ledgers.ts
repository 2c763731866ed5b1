import fc from "fast-check";

import { arbitraryMemberList } from "./entries.js";
import type { LedgerSnapshot } from "../../src/core/ledger/snapshot.js";

/** The ledger of a log in which nothing was established. */
export const emptyLedger: LedgerSnapshot = {
  firstIndex: 1,
  nextProducerId: 1,
  fence: undefined,
  members: undefined,
  producers: {
    ids: new Float64Array(),
    lastSequences: new Float64Array(),
    closed: new Uint8Array(),
  },
  answers: {
    producerIds: new Float64Array(),
    sequences: new Float64Array(),
    firstIndexes: new Float64Array(),
    entryCounts: new Uint32Array(),
    terms: new Float64Array(),
    timestampsMs: new Float64Array(),
    checksums: new Uint32Array(),
  },
  keys: { keys: [], lastIndexes: new Float64Array(), reachIndex: 1 },
};

const rising = (values: readonly number[]) => Float64Array.from(values.toSorted((a, b) => a - b));
const index = fc.integer({ min: 1, max: 2 ** 52 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** Any ledger that keeps the rules. */
export const arbitraryLedger: fc.Arbitrary<LedgerSnapshot> = fc
  .record({
    firstIndex: index,
    ids: fc.uniqueArray(index, { maxLength: 20 }),
    fence: fc.option(
      fc.record({ token: fc.string({ minLength: 1, maxLength: 30 }), sinceIndex: index }),
      { nil: undefined },
    ),
    members: fc.option(arbitraryMemberList, { nil: undefined }),
    producers: fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 20, maxLength: 20 }),
    answers: fc.array(fc.tuple(fc.nat(), index, index, uint32, index, index, uint32)),
    keys: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" })),
    lastIndexes: fc.array(index, { minLength: 10, maxLength: 10 }),
    reachIndex: index,
  })
  .map(({ ids, producers, answers, keys, lastIndexes, reachIndex, ...rest }) => {
    const rows = ids.length === 0 ? [] : answers;
    const few = keys.slice(0, lastIndexes.length);
    return {
      ...rest,
      nextProducerId: Math.max(0, ...ids) + 1,
      producers: {
        ids: Float64Array.from(ids),
        lastSequences: Float64Array.from(ids, (_, place) => producers[place]?.[0] ?? 0),
        closed: Uint8Array.from(ids, (_, place) => (producers[place]?.[1] === true ? 1 : 0)),
      },
      answers: {
        producerIds: Float64Array.from(rows, ([id]) => ids[id % ids.length] ?? 0),
        sequences: Float64Array.from(rows, ([, sequence]) => sequence),
        firstIndexes: rising(rows.map(([, , first]) => first)),
        entryCounts: Uint32Array.from(rows, ([, , , count]) => count),
        terms: rising(rows.map(([, , , , term]) => term)),
        timestampsMs: rising(rows.map(([, , , , , time]) => time)),
        checksums: Uint32Array.from(rows, ([, , , , , , checksum]) => checksum),
      },
      keys: { keys: few, lastIndexes: rising(lastIndexes.slice(0, few.length)), reachIndex },
    };
  });
