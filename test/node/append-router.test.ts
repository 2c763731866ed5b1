import { expect } from "chai";
import { SuraftError } from "../../src/errors.js";
import { AppendRouter } from "../../src/node/append-router.js";
import type { Acknowledged, AppendListener } from "../../src/node/node.js";
import type { RoutedAppend } from "../../src/node/routed-appender.js";

/** A run of `count` entries that takes `size` bytes. */
function run(count: number, size = 10): { bytes: Uint8Array; entryCount: number } {
  return { bytes: new Uint8Array(size), entryCount: count };
}

/** Remembers what it heard, one word each. */
class Heard implements AppendListener {
  readonly words: string[] = [];

  acknowledged({ appendCount, firstIndex }: Acknowledged): void {
    this.words.push(`ack ${appendCount}@${firstIndex}`);
  }

  failed(error: SuraftError): void {
    this.words.push(error.kind);
  }
}

/** A router whose core and leader only remember what they were given. */
function setUp(queueBytesMax = 1000) {
  const state = { nowMs: 0, gatherMs: 0 };
  const core: RoutedAppend[][] = [];
  const leader: { nodeId: string; appends: readonly RoutedAppend[] }[] = [];
  const router = new AppendRouter({
    queueBytesMax,
    patienceMs: 100,
    clock: () => state.nowMs,
    gatherMs: () => state.gatherMs,
    toCore: (appends) => core.push([...appends]),
    toLeader: (nodeId, appends) => leader.push({ nodeId, appends }),
  });
  return { router, core, leader, state };
}

/** Lets the router flush what came in this turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

const deposed = new SuraftError("not_leader", "deposed");
const unknown = new SuraftError("unknown_outcome", "lost");

describe("AppendRouter", () => {
  it("gives the core in one batch what came in one turn", async () => {
    const { router, core } = setUp();
    router.setRoute({ type: "here" });
    const one = router.open(new Heard(), { forwarded: false });
    const other = router.open(new Heard(), { forwarded: false });
    one.append(run(1));
    other.append(run(2));
    one.append(run(3));
    await turn();
    expect(core.map((batch) => batch.map((append) => append.entryCount))).to.deep.equal([
      [1, 2, 3],
    ]);
  });

  it("acknowledges neighbours of one client as one range, at their indexes", async () => {
    const { router, core } = setUp();
    const [heard, other] = [new Heard(), new Heard()];
    router.setRoute({ type: "here" });
    const one = router.open(heard, { forwarded: false });
    one.append(run(1));
    one.append(run(2));
    router.open(other, { forwarded: false }).append(run(3));
    one.append(run(4));
    await turn();
    router.committed({ appends: core[0] ?? [], firstIndex: 7, term: 1, timestampMs: 0 });
    expect(heard.words).to.deep.equal(["ack 2@7", "ack 1@13"]);
    expect(other.words).to.deep.equal(["ack 1@10"]);
  });

  it("waits for a leader and fails in time as certainly not in the log", async () => {
    const { router, core, state } = setUp();
    const heard = new Heard();
    router.open(heard, { forwarded: false }).append(run(1));
    await turn();
    state.nowMs = 99;
    router.tick();
    expect(heard.words).to.deep.equal([]);
    state.nowMs = 100;
    router.tick();
    expect(heard.words).to.deep.equal(["unavailable"]);
    router.setRoute({ type: "here" });
    await turn();
    expect(core).to.deep.equal([]);
  });

  it("refuses at once what can find no leader any more", async () => {
    const { router } = setUp();
    const [waiting, late] = [new Heard(), new Heard()];
    router.open(waiting, { forwarded: false }).append(run(1));
    await turn();
    const error = new SuraftError("unavailable", "the log is damaged");
    router.setRoute({ type: "never", error });
    await turn();
    router.open(late, { forwarded: false }).append(run(1));
    await turn();
    expect([waiting.words, late.words]).to.deep.equal([["unavailable"], ["unavailable"]]);
  });

  it("hands on to the leader what came while there was none", async () => {
    const { router, leader } = setUp();
    router.open(new Heard(), { forwarded: false }).append(run(1));
    await turn();
    router.setRoute({ type: "leader", nodeId: "n2" });
    await turn();
    expect(leader.map(({ nodeId, appends }) => [nodeId, appends.length])).to.deep.equal([
      ["n2", 1],
    ]);
  });

  it("never forwards an append that was forwarded", async () => {
    const { router, leader } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "leader", nodeId: "n2" });
    router.open(heard, { forwarded: true }).append(run(1));
    await turn();
    expect(heard.words).to.deep.equal(["not_leader"]);
    expect(leader).to.deep.equal([]);
  });

  it("sends again, in order, what a deposed leader gave back", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    for (const count of [1, 2, 3]) appender.append(run(count));
    await turn();
    router.returned(core[0] ?? [], deposed);
    router.setRoute({ type: "here" });
    await turn();
    expect(core[1]?.map((append) => append.entryCount)).to.deep.equal([1, 2, 3]);
    expect(heard.words).to.deep.equal([]);
  });

  it("puts what comes meanwhile behind what came back", async () => {
    const { router, core } = setUp();
    router.setRoute({ type: "here" });
    const appender = router.open(new Heard(), { forwarded: false });
    appender.append(run(1));
    await turn();
    router.returned(core[0] ?? [], deposed);
    appender.append(run(2));
    router.setRoute({ type: "here" });
    await turn();
    expect(core[1]?.map((append) => append.entryCount)).to.deep.equal([1, 2]);
  });

  it("holds a later append back until an earlier one's fate is known", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    appender.append(run(1));
    appender.append(run(2));
    await turn();
    const [first, second] = core[0] ?? [];
    router.returned(second === undefined ? [] : [second], deposed);
    router.setRoute({ type: "here" });
    await turn();
    expect(core).to.have.length(1);
    router.unknown(first === undefined ? [] : [first], unknown);
    expect(heard.words).to.deep.equal(["unknown_outcome", "unavailable"]);
    await turn();
    expect(core).to.have.length(1);
  });

  it("holds a later append back while an earlier one is under way to another leader", async () => {
    const { router, leader } = setUp();
    const [heard, other] = [new Heard(), new Heard()];
    router.setRoute({ type: "leader", nodeId: "n2" });
    const appender = router.open(heard, { forwarded: false });
    appender.append(run(1));
    await turn();
    router.setRoute({ type: "leader", nodeId: "n3" });
    appender.append(run(2));
    router.open(other, { forwarded: false }).append(run(3));
    await turn();
    const sent = () =>
      leader.map(({ nodeId, appends }) => [nodeId, ...appends.map((one) => one.entryCount)]);
    expect(sent()).to.deep.equal([
      ["n2", 1],
      ["n3", 3],
    ]);
    router.committed({
      appends: leader[0]?.appends ?? [],
      firstIndex: 5,
      term: 1,
      timestampMs: 0,
    });
    await turn();
    expect(heard.words).to.deep.equal(["ack 1@5"]);
    expect(sent().at(-1)).to.deep.equal(["n3", 2]);
  });

  it("keeps the order of what a lost leader gives back and what came meanwhile", async () => {
    const { router, core, leader } = setUp();
    router.setRoute({ type: "here" });
    const appender = router.open(new Heard(), { forwarded: false });
    appender.append(run(1));
    await turn();
    router.setRoute({ type: "leader", nodeId: "n3" });
    appender.append(run(2));
    await turn();
    expect(leader).to.deep.equal([]);
    router.returned(core[0] ?? [], deposed);
    router.setRoute({ type: "leader", nodeId: "n3" });
    await turn();
    const counts = leader.flatMap(({ appends }) => appends.map((one) => one.entryCount));
    expect(counts).to.deep.equal([1, 2]);
  });

  it("begins nothing of a client after its first failure", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    appender.append(run(1));
    await turn();
    router.unknown(core[0] ?? [], unknown);
    appender.append(run(1));
    await turn();
    expect(core).to.have.length(1);
    expect(heard.words).to.deep.equal(["unknown_outcome", "unavailable"]);
  });

  it("bounds the bytes under way and lets go of them with the answers", async () => {
    const { router, core } = setUp(25);
    const [heard, late] = [new Heard(), new Heard()];
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    for (let i = 0; i < 3; i++) appender.append(run(1, 10));
    await turn();
    expect(core[0]).to.have.length(2);
    router.committed({ appends: core[0] ?? [], firstIndex: 1, term: 1, timestampMs: 0 });
    expect(heard.words).to.deep.equal(["ack 2@1", "overloaded"]);
    router.open(late, { forwarded: false }).append(run(1, 25));
    await turn();
    expect(core[1]).to.have.length(1);
  });

  it("drops what a client that has gone did not yet send", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    const appender = router.open(heard, { forwarded: false });
    appender.append(run(1));
    appender.close();
    router.setRoute({ type: "here" });
    await turn();
    expect(core).to.deep.equal([]);
    expect(heard.words).to.deep.equal([]);
  });

  it("has stopped once what it handed on is answered and the rest given back", async () => {
    const { router, leader } = setUp();
    const [heard, late] = [new Heard(), new Heard()];
    router.setRoute({ type: "leader", nodeId: "n2" });
    router.open(heard, { forwarded: false }).append(run(1));
    await turn();
    router.open(late, { forwarded: false }).append(run(1));
    const order: string[] = [];
    const stopped = router.stop().then(() => order.push("stopped"));
    expect(late.words).to.deep.equal(["unavailable"]);
    await turn();
    order.push("answered");
    const [{ appends } = { appends: [] }] = leader;
    router.committed({ appends, firstIndex: 1, term: 1, timestampMs: 0 });
    await stopped;
    expect(order).to.deep.equal(["answered", "stopped"]);
    expect(heard.words).to.deep.equal(["ack 1@1"]);
  });

  it("answers everything as unknown when the node ends before it can know", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    appender.append(run(1));
    appender.append(run(1));
    await turn();
    router.abandon();
    expect(heard.words).to.deep.equal(["unknown_outcome", "unknown_outcome"]);
    router.committed({ appends: core[0] ?? [], firstIndex: 1, term: 1, timestampMs: 0 });
    expect(heard.words).to.have.length(2);
  });
});
