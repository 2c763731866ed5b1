import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import fc from "fast-check";
import { AppendQueue } from "../../src/core/append-queue.js";
import type { Append } from "../../src/core/types.js";
import { append, settings } from "./samples.js";

const limits = { ...settings, segmentBytesMax: 100, segmentEntriesMax: 8 };

function queueOf(appends: readonly Append[]): AppendQueue {
  const queue = new AppendQueue();
  for (const one of appends) queue.push(one);
  return queue;
}

describe("the append queue (PROTOCOL 4.3)", () => {
  it("fills a batch to its bytes and no further", () => {
    const appends = [append(40), append(60), append(1)];
    const queue = queueOf(appends);
    expect(queue.takeBatch(limits)).to.deep.equal({ appends: appends.slice(0, 2), entryCount: 2 });
    expect(queue.sizeBytes).to.equal(1);
  });

  it("fills a batch to its entries and no further", () => {
    const appends = [append(1, 5), append(1, 3), append(1, 1)];
    expect(queueOf(appends).takeBatch(limits)).to.deep.equal({
      appends: appends.slice(0, 2),
      entryCount: 8,
    });
  });

  it("never splits an append: one that is over the limits has a batch of its own", () => {
    const appends = [append(10), append(500, 50), append(10)];
    const queue = queueOf(appends);
    const batches = [1, 2, 3].map(() => queue.takeBatch(limits).appends);
    expect(batches).to.deep.equal(appends.map((one) => [one]));
    expect(queue.isEmpty).to.equal(true);
  });

  it("takes back in front what has to be sent again", () => {
    const [a, b, c, d] = [append(50), append(50), append(50), append(50)] as const;
    const queue = queueOf([a, b, c]);
    const batch = queue.takeBatch(limits);
    queue.push(d);
    queue.unshift(batch.appends);
    expect(queue.sizeBytes).to.equal(200);
    const again = queue.takeAll();
    expect(again).to.have.lengthOf(4);
    [a, b, c, d].forEach((one, index) => expect(again[index]).to.equal(one));
    expect(queue.sizeBytes).to.equal(0);
    expect(queue.takeAll()).to.deep.equal([]);
  });

  it("gives everything out once, in order, whatever is done to it", () => {
    const doing = fc.oneof(
      fc.record({
        type: fc.constant("push" as const),
        bytes: fc.integer({ min: 1, max: 120 }),
        count: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({ type: fc.constantFrom("take" as const, "takeAndPutBack" as const) }),
    );
    fc.assert(
      fc.property(fc.array(doing, { maxLength: 60 }), (doings) => {
        const queue = new AppendQueue();
        const pushed: Append[] = [];
        const taken: Append[] = [];
        for (const one of doings) {
          if (one.type === "push") {
            const made = append(one.bytes, one.count);
            pushed.push(made);
            queue.push(made);
          } else if (!queue.isEmpty) {
            const { appends, entryCount } = queue.takeBatch(limits);
            const bytes = appends.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
            const entries = appends.reduce((sum, made) => sum + made.entryCount, 0);
            expect(entryCount).to.equal(entries);
            expect(appends.length === 1 || (bytes <= 100 && entries <= 8)).to.equal(true);
            if (one.type === "take") taken.push(...appends);
            else queue.unshift(appends);
          }
        }
        taken.push(...queue.takeAll());
        expect(taken.length).to.equal(pushed.length);
        taken.forEach((made, index) => expect(made).to.equal(pushed[index]));
      }),
    );
  });

  it("keeps nothing of what was taken, even if it is never empty", async () => {
    const queue = queueOf([append(100)]);
    const taken: WeakRef<Append>[] = [];
    for (let round = 0; round < 1000; round++) {
      queue.push(append(100));
      for (const one of queue.takeBatch(limits).appends) taken.push(new WeakRef(one));
    }
    // A WeakRef holds its target until the turn is over.
    await new Promise(setImmediate);
    collectGarbage();
    expect(queue.isEmpty).to.equal(false);
    expect(taken.filter((one) => one.deref() !== undefined).length).to.be.lessThan(10);
  });
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
}
