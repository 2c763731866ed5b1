import { expect } from "chai";
import { startTestCluster, type TestCluster } from "../../src/testing/index.js";

describe("retention up to the newest snapshot", function () {
  this.timeout(30_000);
  let cluster: TestCluster;

  before(async () => {
    const settings = {
      retentionEntriesMax: 1,
      retentionToSnapshot: true,
      retentionIntervalMs: 100,
    };
    cluster = await startTestCluster({ settings });
  });

  after(async () => {
    await cluster.close();
  });

  /** The first index once it is not that any more. */
  async function firstIndexAfter(before: number): Promise<number> {
    const signal = AbortSignal.timeout(15_000);
    for (;;) {
      const { firstIndex } = await cluster.client.tail({ signal });
      if (firstIndex !== before) return firstIndex;
    }
  }

  it("trims what the snapshot covers, and nothing that it does not", async () => {
    const { client } = cluster;
    for (let index = 1; index <= 600; index++) await client.append([{ payload: Buffer.of(1) }]);
    async function* state(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from("state"));
    }
    expect(await client.tail(), "there is no snapshot").to.include({ firstIndex: 1 });
    await client.putSnapshot(state(), { nextIndex: 4 });
    expect(await firstIndexAfter(1)).to.equal(4);
    await client.putSnapshot(state(), { nextIndex: 9 });
    expect(await firstIndexAfter(4)).to.equal(9);
  });
});
