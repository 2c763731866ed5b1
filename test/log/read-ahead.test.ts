import { expect } from "chai";
import { ReadAhead, ReadAheadBudget } from "../../src/log/read-ahead.js";

const MIB = 1024 * 1024;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("reading ahead", () => {
  it("lets go what is farthest ahead when segments are much bigger than those before them", async () => {
    const sizeAt = (position: number): number => (position < 1000 ? 1000 : 4 * MIB);
    const budget = new ReadAheadBudget(32 * MIB);
    const here = new Set<number>();
    const wanted = new Set<number>();
    let mostBytes = 0;
    let mostWanted = 0;
    /** An answer comes some turns of the event loop after it was asked for. */
    const answer = async (position: number): Promise<number> => {
      for (let turn = 0; turn < 3; turn++) await nextTurn();
      if (wanted.has(position)) here.add(position);
      return sizeAt(position);
    };
    const ahead = new ReadAhead<number>({
      ask: (position) => {
        wanted.add(position);
        mostWanted = Math.max(mostWanted, wanted.size);
        const release = (): void => {
          wanted.delete(position);
          here.delete(position);
        };
        return { answer: answer(position), release };
      },
      bytesOf: (bytes) => bytes,
      budget,
      signal: new AbortController().signal,
    });
    for (let position = 0; position < 1040; position++) {
      expect(await ahead.take(position, 2000)).to.equal(sizeAt(position));
      await nextTurn();
      const bytes = [...here].reduce((sum, at) => sum + sizeAt(at), 0);
      mostBytes = Math.max(mostBytes, bytes);
    }
    expect(mostWanted).to.equal(256);
    expect(mostBytes).to.be.within(12 * MIB, 24 * MIB);
    ahead.close();
    expect([budget.bytes, wanted.size]).to.deep.equal([0, 0]);
  });
});
