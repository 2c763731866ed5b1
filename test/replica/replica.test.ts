import { expect } from "chai";
import { SuraftError, type Client } from "../../src/client/index.js";
import { MemorySnapshots, startReplica, type Replica } from "../../src/replica/index.js";
import { startTestCluster, type TestCluster } from "../../src/testing/index.js";
import { entry, failureOf, Tally } from "./tally.js";
import type { ReplicaOptions } from "../../src/replica/index.js";

describe("a replica", function () {
  this.timeout(30_000);
  let cluster: TestCluster;
  let client: Client;
  const replicas: Replica<string>[] = [];

  beforeEach(async () => {
    cluster = await startTestCluster();
    ({ client } = cluster);
  });

  afterEach(async () => {
    await Promise.all(replicas.splice(0).map((replica) => replica.close()));
    await cluster.close();
  });

  async function start(
    options: Partial<ReplicaOptions<string>> = {},
  ): Promise<{ readonly replica: Replica<string>; readonly machine: Tally }> {
    const machine = new Tally();
    const replica = await startReplica({ client, machine, ...options });
    replicas.push(replica);
    return { replica, machine };
  }

  it("applies every entry once, in order, and gives each proposer its own result", async () => {
    const { replica, machine } = await start();
    const other = await start();
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, at) =>
        (at % 2 === 0 ? replica : other.replica).propose(entry(`e${at}`)),
      ),
    );
    await replica.barrier();
    await other.replica.barrier();
    const texts = Array.from({ length: 300 }, (_, at) => `e${at}`);
    expect([...machine.texts].sort()).to.deep.equal(texts.sort());
    expect(machine.applied).to.deep.equal(Array.from({ length: 300 }, (_, at) => at + 1));
    expect(other.machine.texts).to.deep.equal(machine.texts);
    for (const [at, { index, result }] of results.entries()) {
      expect(result).to.equal(`${index}:e${at}`);
      expect(machine.texts[index - 1]).to.equal(`e${at}`);
    }
  });

  it("reads what others were told to be appended before", async () => {
    const { replica, machine } = await start();
    for (let round = 1; round <= 30; round += 1) {
      await client.append([entry(`r${round}`)]);
      expect(await replica.read(() => machine.texts.length)).to.equal(round);
    }
  });

  it("goes on when the leader is killed, and loses and doubles nothing", async () => {
    const { replica, machine } = await start();
    const proposals: Promise<unknown>[] = [];
    for (let at = 0; at < 200; at += 1) {
      proposals.push(replica.propose(entry(`e${at}`), { timeoutMs: 20_000 }));
      if (at === 100) {
        await proposals[0];
        await (await cluster.leader()).kill();
      }
    }
    await Promise.all(proposals);
    expect(machine.texts).to.deep.equal(Array.from({ length: 200 }, (_, at) => `e${at}`));
  });

  it("restores the newest snapshot and applies only what stands behind it", async () => {
    const snapshots = new MemorySnapshots();
    const first = await start({ snapshots });
    for (const text of ["a", "b", "c"]) await first.replica.propose(entry(text));
    expect((await first.replica.snapshot()).nextIndex).to.equal(4);
    await first.replica.propose(entry("d"));
    const second = await start({ snapshots });
    await second.replica.barrier();
    expect(second.machine.texts).to.deep.equal(["a", "b", "c", "d"]);
    expect(second.machine.applied).to.deep.equal([4]);
  });

  it("starts on a trimmed log from a snapshot, and ends without one", async () => {
    const snapshots = new MemorySnapshots();
    const first = await start({ snapshots });
    for (const text of ["a", "b", "c"]) await first.replica.propose(entry(text));
    const { nextIndex } = await first.replica.snapshot();
    await client.trim(nextIndex);
    await first.replica.propose(entry("d"));
    const second = await start({ snapshots });
    await second.replica.barrier();
    expect(second.machine.texts).to.deep.equal(["a", "b", "c", "d"]);
    const third = await start();
    const failure = await failureOf(third.replica.failed);
    expect(failure).to.have.property("kind", "out_of_range");
    expect(failure).to.have.nested.property("details.first_index", "4");
  });

  it("makes a snapshot every so many entries by itself", async () => {
    const snapshots = new MemorySnapshots();
    const { replica } = await start({ snapshots, snapshotEveryEntries: 10 });
    for (let at = 0; at < 35; at += 1) await replica.propose(entry("x"));
    await replica.close();
    const kept = await snapshots.list();
    expect(kept.map(({ nextIndex }) => nextIndex)).to.deep.equal([31, 21]);
  });

  it("goes on applying while a snapshot is written, if the machine allows it", async () => {
    const snapshots = new MemorySnapshots();
    const { replica, machine } = await start({ snapshots, concurrentSnapshots: true });
    await replica.propose(entry("a"));
    const making = slowPut(snapshots);
    const snapshot = replica.snapshot();
    await making.begun;
    await replica.propose(entry("b"));
    making.release();
    expect((await snapshot).nextIndex).to.equal(2);
    expect(machine.texts).to.deep.equal(["a", "b"]);
    const restored = await start({ snapshots });
    await restored.replica.barrier();
    expect(restored.machine.installed).to.deep.equal([2]);
    expect(restored.machine.texts).to.deep.equal(["a", "b"]);
  });

  it("lets the machine rest while a snapshot is written, if it does not say otherwise", async () => {
    const snapshots = new MemorySnapshots();
    const { replica, machine } = await start({ snapshots });
    await replica.propose(entry("a"));
    const making = slowPut(snapshots);
    const snapshot = replica.snapshot();
    await making.begun;
    const proposal = replica.propose(entry("b"));
    await client
      .read({ start: { type: "index", index: 2 }, entriesMax: 1, follow: true })
      [Symbol.asyncIterator]()
      .next();
    expect(machine.texts).to.deep.equal(["a"]);
    making.release();
    await snapshot;
    expect((await proposal).result).to.equal("2:b");
  });

  it("refuses an entry that is too large, and harms no other proposal", async () => {
    const { replica } = await start();
    const small = Array.from({ length: 20 }, (_, at) => replica.propose(entry(`s${at}`)));
    const large = failureOf(replica.propose({ payload: Buffer.alloc(2 * 1024 * 1024) }));
    const more = Array.from({ length: 20 }, (_, at) => replica.propose(entry(`t${at}`)));
    expect(await large).to.have.property("kind", "invalid");
    const results = await Promise.all([...small, ...more]);
    expect(new Set(results.map(({ index }) => index)).size).to.equal(40);
  });

  it("ends when the machine fails, and says so to all who wait", async () => {
    const { replica, machine } = await start();
    machine.onApply = () => Promise.reject(new Error("the disk of the machine is full"));
    const waiting = failureOf(replica.waitUntilApplied(1));
    const proposal = await failureOf(replica.propose(entry("a")));
    expect(proposal).to.have.property("kind", "unknown_outcome");
    const failure = await failureOf(replica.failed);
    expect(failure).to.be.instanceOf(SuraftError);
    expect(failure).to.have.property("message").that.contains("the disk of the machine is full");
    expect(await waiting).to.equal(failure);
    expect(await failureOf(replica.barrier())).to.be.instanceOf(SuraftError);
  });

  it("gives up waits when asked, by signal or time", async () => {
    const { replica } = await start();
    const abort = new AbortController();
    const waits = failureOf(replica.waitUntilApplied(1, { signal: abort.signal }));
    abort.abort();
    expect(await waits).to.have.property("kind", "cancelled");
    const late = await failureOf(replica.waitUntilApplied(1, { timeoutMs: 10 }));
    expect(late).to.have.property("kind", "deadline_exceeded");
    const aborted = await failureOf(replica.propose(entry("a"), { signal: abort.signal }));
    expect(aborted).to.have.property("kind", "cancelled");
  });

  it("ends with its signal", async () => {
    const abort = new AbortController();
    const { replica } = await start({ signal: abort.signal });
    const waits = failureOf(replica.waitUntilApplied(7));
    abort.abort();
    expect(await waits).to.have.property("kind", "cancelled");
    await replica.close();
    expect(await failureOf(replica.propose(entry("late")))).to.have.property("kind", "cancelled");
  });

  it("begins behind what a durable machine has of its own", async () => {
    for (const text of ["a", "b", "c"]) await client.append([entry(text)]);
    const machine = Object.assign(new Tally(), { appliedNextIndex: () => 3 });
    machine.texts = ["a", "b"];
    const { replica } = await start({ machine });
    await replica.barrier();
    expect(machine.texts).to.deep.equal(["a", "b", "c"]);
    expect(machine.applied).to.deep.equal([3]);
  });
});

/** Holds up the next put of a place for snapshots at its first bytes. */
function slowPut(snapshots: MemorySnapshots): {
  readonly begun: Promise<void>;
  readonly release: () => void;
} {
  const put = snapshots.put.bind(snapshots);
  let begin: () => void = () => undefined;
  let release: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  snapshots.put = async (nextIndex, content, options) => {
    begin();
    await released;
    return await put(nextIndex, content, options);
  };
  return { begun, release };
}
