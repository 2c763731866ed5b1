import { expect } from "chai";
import { connect, type Client } from "../../src/client/index.js";
import { ServiceSnapshots, startReplica } from "../../src/replica/index.js";
import { startTestCluster, type TestCluster } from "../../src/testing/index.js";
import { entry, Tally } from "./tally.js";

const { signal } = new AbortController();

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

describe("snapshots kept by the cluster", function () {
  this.timeout(30_000);
  let cluster: TestCluster;
  let client: Client;
  let snapshots: ServiceSnapshots;

  before(async () => {
    cluster = await startTestCluster();
  });

  after(async () => {
    await cluster.close();
  });

  beforeEach(() => {
    client = connect(cluster.addresses);
    snapshots = new ServiceSnapshots(client);
  });

  afterEach(() => {
    client.close();
  });

  it("let a new replica begin where the log was trimmed", async () => {
    const first = await startReplica({ client, machine: new Tally(), snapshots });
    for (let number = 1; number <= 5; number += 1) await first.propose(entry(`e${number}`));
    const made = await first.snapshot();
    expect(made).to.deep.include({ nextIndex: 6, sizeBytes: 15 });
    expect(await snapshots.list({ signal })).to.deep.equal([made]);
    await client.trim(made.nextIndex);
    await first.propose(entry("e6"));
    await first.close();
    const machine = new Tally();
    const second = await startReplica({ client, machine, snapshots });
    await second.barrier();
    expect(machine.installed).to.deep.equal([6]);
    expect(machine.applied).to.deep.equal([6]);
    expect(machine.texts).to.deep.equal(["e1", "e2", "e3", "e4", "e5", "e6"]);
    await second.close();
  });

  it("take another replica's for their own where it covers as much or more", async () => {
    const { nextIndex } = await client.tail();
    const bounds = { signal };
    await snapshots.put(nextIndex, pieces("one replica's"), bounds);
    const [newest] = await snapshots.list(bounds);
    for (const index of [nextIndex, nextIndex - 1]) {
      expect(await snapshots.put(index, pieces("another's"), bounds)).to.deep.equal(newest);
    }
    const all: string[] = [];
    const content = snapshots.get({ nextIndex, sizeBytes: 0 }, bounds);
    for await (const piece of content) all.push(Buffer.from(piece).toString());
    expect(all.join("")).to.equal("one replica's");
  });
});
