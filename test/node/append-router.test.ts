import { expect } from "chai";
import { SuraftError } from "../../src/errors.js";
import { AppendRouter } from "../../src/node/append-router.js";
import type { Acknowledged, AppendListener } from "../../src/node/node.js";
import type { AppendOptions } from "../../src/core/types.js";
import type { ScannedAppend } from "../../src/log/append-scan.js";
import type { RoutedAppend } from "../../src/node/routed-append.js";
import type { RoutedAppender } from "../../src/node/routed-appender.js";

/** An append of `count` entries that takes `size` bytes. */
function run(count: number, size = 10, options?: AppendOptions): ScannedAppend {
  const message = new Uint8Array(size);
  return { run: { bytes: message, entryCount: count }, options, message };
}

/** Remembers what it heard, one word each. */
class Heard implements AppendListener {
  readonly words: string[] = [];

  acknowledged({ appendCount, firstIndex, repeat, producerId }: Acknowledged): void {
    const opened = producerId === undefined ? "" : `, producer ${producerId}`;
    const word = repeat === true ? "repeat" : "ack";
    this.words.push(`${word} ${appendCount}@${firstIndex}${opened}`);
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
  const closed: RoutedAppender[] = [];
  const router = new AppendRouter({
    queueBytesMax,
    patienceMs: 100,
    clock: () => state.nowMs,
    gatherMs: () => state.gatherMs,
    toCore: (appends) => core.push([...appends]),
    toLeader: (nodeId, appends) => leader.push({ nodeId, appends }),
    onClosed: (appender) => closed.push(appender),
  });
  return { router, core, leader, closed, state };
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
    for (let i = 0; i < 4; i++) appender.append(run(1, 10));
    await turn();
    expect(core[0]).to.have.length(2);
    router.committed({ appends: core[0] ?? [], firstIndex: 1, term: 1, timestampMs: 0 });
    expect(heard.words).to.deep.equal(["ack 2@1", "overloaded", "unavailable"]);
    // One alone fits, whatever its size.
    router.open(late, { forwarded: false }).append(run(1, 25));
    await turn();
    expect(core[1]).to.have.length(1);
  });

  it("counts what came back from a leader until it has its answer", async () => {
    const { router, leader } = setUp(25);
    const [heard, other] = [new Heard(), new Heard()];
    router.setRoute({ type: "leader", nodeId: "n2" });
    const appender = router.open(heard, { forwarded: false });
    for (let i = 0; i < 2; i++) appender.append(run(1, 10));
    await turn();
    router.returned(leader[0]?.appends ?? [], new SuraftError("not_leader", "deposed"));
    router.open(other, { forwarded: false }).append(run(1, 10));
    expect(other.words).to.deep.equal(["overloaded"]);
  });

  it("keeps the last eighth for single appends that are being read", async () => {
    const { router, core } = setUp(80);
    router.setRoute({ type: "here" });
    const [heard, single] = [new Heard(), new Heard()];
    const session = router.open(heard, { forwarded: false });
    session.append(run(1, 70));
    router.open(single, { forwarded: false, single: true }).append(run(1, 10));
    session.append(run(1, 1));
    await turn();
    router.committed({ appends: core[0] ?? [], firstIndex: 1, term: 1, timestampMs: 0 });
    expect(single.words).to.deep.equal(["ack 1@2"]);
    expect(heard.words).to.deep.equal(["ack 1@1", "overloaded"]);
  });

  it("refuses what has not been read once there is hardly any room", async () => {
    const { router, core } = setUp(80);
    router.setRoute({ type: "here" });
    const appender = router.open(new Heard(), { forwarded: false });
    appender.append(run(1, 70));
    expect(router.refusal()).to.equal(undefined);
    appender.append(run(1, 10));
    const refusal = router.refusal();
    expect(refusal).to.include({ kind: "overloaded", retryDelayMs: 100 });
    expect(refusal?.details).to.deep.equal({ outcome: "not_committed" });
    await turn();
    router.committed({ appends: core[0] ?? [], firstIndex: 1, term: 1, timestampMs: 0 });
    expect(router.refusal()).to.equal(undefined);
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

  const repeat = { appendCount: 1, entryCount: 1, term: 1, timestampMs: 0, repeat: true } as const;
  const conflict = new SuraftError("conflict", "not as expected");

  it("answers in order, however the core's answers come", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    for (const count of [1, 2, 1, 3, 1]) appender.append(run(count));
    await turn();
    const [first, second, third, fourth, fifth] = core[0] ?? [];
    if (!first || !second || !third || !fourth || !fifth) throw new Error("five were given");
    router.repeated(third, { ...repeat, firstIndex: 4 });
    expect(heard.words).to.deep.equal([]);
    // The first, second and fourth stand one behind the other: the third stands elsewhere.
    const run0 = { appends: [first, second, fourth], firstIndex: 10, term: 1, timestampMs: 0 };
    router.committed(run0);
    expect(heard.words).to.deep.equal(["ack 2@10", "repeat 1@4", "ack 1@13"]);
    router.committed({ appends: [fifth], firstIndex: 16, term: 1, timestampMs: 0 });
    expect(heard.words.at(-1)).to.equal("ack 1@16");
    await router.stop();
  });

  it("holds what is committed until the repeat before it is answered", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    for (const count of [1, 1, 2, 1]) appender.append(run(count));
    await turn();
    const [first, second, third, fourth] = core[0] ?? [];
    if (!first || !second || !third || !fourth) throw new Error("four were given");
    router.committed({ appends: [second, third], firstIndex: 7, term: 1, timestampMs: 0 });
    router.committed({ appends: [fourth], firstIndex: 10, term: 1, timestampMs: 0 });
    expect(heard.words).to.deep.equal([]);
    router.repeated(first, { ...repeat, firstIndex: 2 });
    expect(heard.words).to.deep.equal(["repeat 1@2", "ack 1@7", "ack 1@8", "ack 1@10"]);
  });

  it("answers a refusal in its turn, and what is behind it as never begun", async () => {
    const { router, core, leader } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const appender = router.open(heard, { forwarded: false });
    for (const count of [1, 1, 1]) appender.append(run(count));
    await turn();
    const [first, second, third] = core[0] ?? [];
    if (!first || !second || !third) throw new Error("three were given");
    router.returned([second], conflict);
    appender.append(run(9));
    router.returned([third], new SuraftError("unavailable", "not begun"));
    expect(heard.words).to.deep.equal([]);
    router.committed({ appends: [first], firstIndex: 3, term: 1, timestampMs: 0 });
    expect(heard.words).to.deep.equal(["ack 1@3", "conflict", "unavailable", "unavailable"]);
    await turn();
    expect([core.length, leader.length]).to.deep.equal([1, 0]);
  });

  it("lets a refusal of one client hold no other up", async () => {
    const { router, core } = setUp();
    const [refused, other] = [new Heard(), new Heard()];
    router.setRoute({ type: "here" });
    const one = router.open(refused, { forwarded: false });
    const two = router.open(other, { forwarded: false });
    one.append(run(1));
    two.append(run(2));
    await turn();
    const [first] = core[0] ?? [];
    router.returned(first === undefined ? [] : [first], conflict);
    // Its first append is still under way.
    two.append(run(3));
    await turn();
    expect(core[1]?.map((append) => append.entryCount)).to.deep.equal([3]);
    expect(refused.words).to.deep.equal(["conflict"]);
  });

  it("never sends an append again whose fate is unknown, numbered or not", async () => {
    const { router, core } = setUp();
    const heard = new Heard();
    router.setRoute({ type: "here" });
    const producer = { producerId: 1, sequence: 1, checksum: 0 };
    router.open(heard, { forwarded: false }).append(run(1, 10, { producer }));
    await turn();
    router.unknown(core[0] ?? [], unknown);
    router.setRoute({ type: "leader", nodeId: "n2" });
    await turn();
    expect(core).to.have.length(1);
    expect(heard.words).to.deep.equal(["unknown_outcome"]);
  });

  it("sends a numbered append again, the very same, that certainly is not in the log", async () => {
    const { router, core } = setUp();
    router.setRoute({ type: "here" });
    const producer = { producerId: 1, sequence: 1, checksum: 0 };
    router.open(new Heard(), { forwarded: false }).append(run(1, 10, { producer }));
    await turn();
    router.returned(core[0] ?? [], deposed);
    router.setRoute({ type: "here" });
    await turn();
    expect(core[1]).to.deep.equal(core[0]);
    expect(core[1]?.[0]?.options).to.deep.equal({ producer });
  });

  it("tells each append that opened a producer its id", async () => {
    const { router, core } = setUp();
    const heard = [new Heard(), new Heard(), new Heard()];
    router.setRoute({ type: "here" });
    const open = run(0, 2, { control: { type: "open" } });
    for (const [index, append] of [open, run(2), open].entries()) {
      const listener = heard[index] ?? new Heard();
      router.open(listener, { forwarded: false, single: true }).append(append);
    }
    await turn();
    const openedIds = [41, 42];
    const appends = core[0] ?? [];
    router.committed({ appends, firstIndex: 5, term: 1, timestampMs: 0, openedIds });
    expect(heard.map(({ words }) => words)).to.deep.equal([
      ["ack 1@5, producer 41"],
      ["ack 1@5"],
      ["ack 1@7, producer 42"],
    ]);
  });

  it("names a client's stream to the core, but not of a single append", async () => {
    const { router, core, closed } = setUp();
    router.setRoute({ type: "here" });
    const session = router.open(new Heard(), { forwarded: false });
    session.append(run(1));
    session.append(run(1));
    router.open(new Heard(), { forwarded: false, single: true }).append(run(1));
    await turn();
    const [first, second, single] = core[0] ?? [];
    expect(first?.stream).to.equal(session);
    expect(second?.stream).to.equal(session);
    expect(single).not.to.have.property("stream");
    session.close();
    session.close();
    expect(closed).to.deep.equal([session]);
  });
});
