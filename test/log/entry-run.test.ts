import { expect } from "chai";
import fc from "fast-check";

import {
  contentBytes,
  decodeEntries,
  dropEntries,
  skipEntries,
  takeEntries,
} from "../../src/log/entry-run.js";
import { appendRequest, arbitraryEntries, plain, runOf, textEntry } from "./entries.js";
import type { PlainEntry } from "./entries.js";

function contentOf(entries: readonly PlainEntry[]): number {
  const headers = entries.flatMap((entry) => entry.headers);
  return (
    entries.reduce((total, { payload }) => total + payload.length, 0) +
    entries.reduce((total, { key = "" }) => total + Buffer.byteLength(key), 0) +
    headers.reduce((total, { key, value }) => total + Buffer.byteLength(key) + value.length, 0)
  );
}

describe("a run of entries", () => {
  it("counts payloads, keys and headers as its content", () => {
    fc.assert(
      fc.property(arbitraryEntries, (entries) => {
        expect(contentBytes(runOf(entries))).to.equal(contentOf(entries));
      }),
    );
  });

  it("is cut between entries, at any of them, without copying", () => {
    fc.assert(
      fc.property(arbitraryEntries, fc.nat(), (entries, any) => {
        const run = runOf(entries);
        const count = any % (entries.length + 1);
        const offset = skipEntries(run, count);
        expect(offset).to.equal(appendRequest(entries.slice(0, count)).length);
        const dropped = dropEntries(run, count);
        expect(plain(decodeEntries(dropped))).to.deep.equal(plain(entries.slice(count)));
        expect(dropped.entryCount).to.equal(entries.length - count);
        expect(dropped.bytes.buffer).to.equal(run.bytes.buffer);
        const taken = takeEntries(run, { entriesMax: count, bytesMax: Infinity });
        expect(plain(decodeEntries(taken))).to.deep.equal(plain(entries.slice(0, count)));
        expect(taken.entryCount).to.equal(count);
        expect(taken.bytes.length).to.equal(offset);
      }),
    );
  });

  it("is taken as far as the bytes reach and no further", () => {
    fc.assert(
      fc.property(arbitraryEntries, fc.nat(3000), (entries, bytesMax) => {
        const taken = takeEntries(runOf(entries), { entriesMax: Infinity, bytesMax });
        const { entryCount } = taken;
        expect(contentOf(entries.slice(0, entryCount))).to.be.at.most(bytesMax);
        if (entryCount < entries.length) {
          expect(contentOf(entries.slice(0, entryCount + 1))).to.be.greaterThan(bytesMax);
        }
        expect(plain(decodeEntries(taken))).to.deep.equal(plain(entries.slice(0, entryCount)));
      }),
    );
  });

  it("is taken whole where the limits are exactly its size", () => {
    const run = runOf([textEntry("abc"), textEntry("de")]);
    expect(takeEntries(run, { entriesMax: 2, bytesMax: 5 }).entryCount).to.equal(2);
    expect(takeEntries(run, { entriesMax: 2, bytesMax: 4 }).entryCount).to.equal(1);
    expect(takeEntries(run, { entriesMax: 2, bytesMax: 2 }).entryCount).to.equal(0);
  });

  it("keeps a key as it was sent, a byte order mark included", () => {
    const headers = [{ key: "\ufeffkey", value: Buffer.from([0, 255]) }];
    const entries = [{ payload: Buffer.alloc(0), headers }];
    expect(plain(decodeEntries(runOf(entries)))).to.deep.equal(plain(entries));
  });
});
