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
