/** Appends on their way from a follower to its leader, over a real connection. */

import { EventEmitter, once } from "node:events";
import { expect } from "chai";

import { SuraftError } from "../../src/errors.js";
import type { AppendOptions } from "../../src/core/types.js";
import { AppendRouter } from "../../src/node/append-router.js";
import { controlAppend } from "../../src/node/control-append.js";
import { ForwardedAppends } from "../../src/node/forwarded-appends.js";
import type { Acknowledged, AppendListener } from "../../src/node/node.js";
import type { RoutedAppend } from "../../src/node/routed-append.js";
import { ForwardStream } from "../../src/peer/forward-stream.js";
import { implementNodeService } from "../../src/peer/node-service.js";
import type { PeerClient } from "../../src/peer/peer-client.js";
import { startGrpcServer, type RunningServer } from "../../src/rpc/server.js";
import { takeAppend } from "../../src/service/append-check.js";
import { openPeer } from "../peer/open-peer.js";
import { append, encodeAppend, startProxy } from "../service/test-service.js";

const limits = { entryBytesMax: 1000, appendBytesMax: 10_000, appendEntriesMax: 100 };

/** Told of everything that happens at either node. */
const events = new EventEmitter();

/** Remembers what it heard, one word each. */
class Heard implements AppendListener {
  readonly words: string[] = [];

  acknowledged({ appendCount, firstIndex, repeat, producerId }: Acknowledged): void {
    const opened = producerId === undefined ? "" : `, producer ${producerId}`;
    this.words.push(`${repeat === true ? "repeat" : "ack"} ${appendCount}@${firstIndex}${opened}`);
    events.emit("happened");
  }

  failed({ kind, details }: SuraftError): void {
    this.words.push([kind, ...Object.values(details)].join(" "));
    events.emit("happened");
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await once(events, "happened");
}

/** An append of one entry, as a client's message. */
function message(text: string, demands: object = {}) {
  return takeAppend(encodeAppend({ ...append(text), ...demands }), limits);
}

function router(toCore: (appends: readonly RoutedAppend[]) => void, stream?: Stream): AppendRouter {
  return new AppendRouter({
    queueBytesMax: 1_000_000,
    patienceMs: 1000,
    clock: () => performance.now(),
    gatherMs: () => 0,
    toCore,
    toLeader: (_nodeId, appends) => stream?.().send(appends),
    onClosed: (appender) => stream?.().closeStream(appender),
  });
}

type Stream = () => ForwardStream<RoutedAppend>;

describe("forwarded appends", () => {
  /** What the leader's core was given, by the payload's last letter, and has not answered. */
  let atCore: RoutedAppend[] = [];
  let leader: AppendRouter;
  let follower: AppendRouter;
  let sink: ForwardedAppends | undefined;
  let server: RunningServer;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let peer: PeerClient;
  let stream: ForwardStream<RoutedAppend>;

  beforeEach(async () => {
    atCore = [];
    leader = router((appends) => {
      atCore.push(...appends);
      events.emit("happened");
    });
    leader.setRoute({ type: "here" });
    const service = implementNodeService({
      self: { clusterId: "c", nodeId: "n2", incarnation: "leader" },
      receive: () => undefined,
      forgetBarrier: () => undefined,
      announced: () => undefined,
      openForward: (listener) => {
        const openAppender = leader.open.bind(leader);
        sink = new ForwardedAppends({ limits, openAppender, listener });
        return sink;
      },
    });
    server = await startGrpcServer({
      address: "127.0.0.1:0",
      services: [service],
      onDefect: (error) => {
        throw error;
      },
    });
    proxy = await startProxy(`127.0.0.1:${server.port}`);
    peer = openPeer({ address: proxy.address });
    follower = router(
      () => expect.fail("a follower's core takes nothing"),
      () => stream,
    );
    stream = new ForwardStream<RoutedAppend>({
      peer,
      graceMs: 5000,
      committed: (run) => follower.committed(run),
      repeated: (one, repeat) => follower.repeated(one, repeat),
      returned: (appends, error) => follower.returned(appends, error),
      unknown: (appends, error) => follower.unknown(appends, error),
    });
    follower.setRoute({ type: "leader", nodeId: "n2" });
  });

  afterEach(async () => {
    peer.close();
    proxy.cut();
    await server.stop({ graceMs: 0 });
  });

  function session(heard: Heard) {
    return follower.open(heard, { forwarded: false });
  }

  /** The append of this text at the leader's core. */
  async function arrived(text: string): Promise<RoutedAppend> {
    const found = () =>
      atCore.find(({ run }) => Buffer.from(run.bytes).toString().endsWith(text)) ??
      atCore.find(({ options }) => options?.control?.type === text);
    await until(() => found() !== undefined);
    return found() ?? expect.fail("it arrived");
  }

  function commit(appends: readonly RoutedAppend[], firstIndex: number): void {
    leader.committed({ appends, firstIndex, term: 3, timestampMs: 7000 });
  }

  const conflict = (nextIndex: number) =>
    new SuraftError("conflict", "not expected", {
      details: { condition: "expected_next_index", next_index: String(nextIndex) },
    });

  it("carry their demands untouched", async () => {
    const demands = {
      producer: { producerId: 5n, sequence: 6n },
      expectedNextIndex: 7n,
      fencingToken: "held",
      setFencingToken: "next",
      keyConditions: [{ key: "k", sinceIndex: 8n }],
    };
    const sent = message("a", demands);
    session(new Heard()).append(sent);
    const { options, run } = await arrived("a");
    const expected: AppendOptions | undefined = sent.options;
    expect(options).to.deep.equal(expected);
    expect(Buffer.from(run.bytes)).to.deep.equal(Buffer.from(sent.run.bytes));
  });

  it("are answered by the streams they belong to, in whatever order those are", async () => {
    const [one, two] = [new Heard(), new Heard()];
    const [first, second] = [session(one), session(two)];
    first.append(message("a"));
    second.append(message("b"));
    first.append(message("c"));
    second.append(message("d"));
    await arrived("d");
    commit([await arrived("b"), await arrived("d")], 11);
    await until(() => two.words.length === 2);
    expect(one.words).to.deep.equal([]);
    commit([await arrived("a"), await arrived("c")], 13);
    await until(() => one.words.length === 2);
    expect(one.words).to.deep.equal(["ack 1@13", "ack 1@14"]);
    expect(two.words).to.deep.equal(["ack 1@11", "ack 1@12"]);
  });

  it("share one answer where they are neighbours", async () => {
    const heard = new Heard();
    const client = session(heard);
    for (const text of ["a", "b", "c"]) client.append(message(text));
    await arrived("c");
    commit(atCore, 4);
    await until(() => heard.words.length > 0);
    expect(heard.words).to.deep.equal(["ack 3@4"]);
  });

  it("are refused with the details, and hold up no other client", async () => {
    const [refused, other] = [new Heard(), new Heard()];
    const [first, second] = [session(refused), session(other)];
    first.append(message("a"));
    first.append(message("b"));
    second.append(message("c"));
    const [a, b] = [await arrived("a"), await arrived("b")];
    leader.returned([a], conflict(9));
    leader.returned([b], new SuraftError("unavailable", "not begun"));
    await until(() => refused.words.length === 2);
    expect(refused.words).to.deep.equal(["conflict expected_next_index 9", "unavailable"]);
    second.append(message("d"));
    commit([await arrived("c"), await arrived("d")], 9);
    await until(() => other.words.length > 0);
    expect(other.words).to.deep.equal(["ack 2@9"]);
  });

  it("are not begun behind one that was refused, though they were sent before that was known", async () => {
    const heard = new Heard();
    const client = session(heard);
    client.append(message("a"));
    leader.returned([await arrived("a")], conflict(9));
    // The follower does not know yet: this is sent to the same stream.
    client.append(message("b"));
    await until(() => heard.words.length === 2);
    expect(heard.words).to.deep.equal(["conflict expected_next_index 9", "unavailable"]);
    expect(atCore).to.have.length(1);
  });

  it("are told apart as repeats, and by the producers that they opened", async () => {
    const [numbered, opener] = [new Heard(), new Heard()];
    const client = session(numbered);
    for (const text of ["a", "b", "c"]) client.append(message(text));
    follower
      .open(opener, { forwarded: false, single: true })
      .append(controlAppend({ type: "open" }));
    const [a, b, c, open] = [
      await arrived("a"),
      await arrived("b"),
      await arrived("c"),
      await arrived("open"),
    ];
    const forgotten = { firstIndex: 0, entryCount: 0, term: 0, timestampMs: 0 };
    const known = { firstIndex: 2, entryCount: 1, term: 1, timestampMs: 5 };
    leader.repeated(b, { appendCount: 1, ...forgotten, repeat: true });
    leader.repeated(a, { appendCount: 1, ...known, repeat: true });
    leader.committed({
      appends: [c, open],
      firstIndex: 8,
      term: 3,
      timestampMs: 7,
      openedIds: [31],
    });
    await until(() => numbered.words.length === 3 && opener.words.length === 1);
    expect(numbered.words).to.deep.equal(["repeat 1@2", "repeat 1@0", "ack 1@8"]);
    expect(opener.words[0]).to.match(/, producer 31$/);
  });

  it("go out again, behind each other, when the leader gave them back", async () => {
    const heard = new Heard();
    const client = session(heard);
    client.append(message("a"));
    client.append(message("b"));
    await arrived("b");
    const given = atCore;
    atCore = [];
    leader.returned(given, new SuraftError("not_leader", "deposed"));
    await arrived("b");
    expect(atCore.map(({ run }) => Buffer.from(run.bytes).toString().at(-1))).to.deep.equal([
      "a",
      "b",
    ]);
    commit(atCore, 5);
    await until(() => heard.words.length > 0);
    expect(heard.words).to.deep.equal(["ack 2@5"]);
  });

  it("have an unknown outcome, numbered or not, when the connection breaks", async () => {
    const [plain, numbered] = [new Heard(), new Heard()];
    session(plain).append(message("a"));
    session(numbered).append(message("b", { producer: { producerId: 1n, sequence: 1n } }));
    await arrived("a");
    await arrived("b");
    proxy.cut();
    await until(() => plain.words.length === 1 && numbered.words.length === 1);
    expect([plain.words, numbered.words]).to.deep.equal([["unknown_outcome"], ["unknown_outcome"]]);
  });

  it("are not given back by a leader that stops with them under way, and then commits them", async () => {
    const heard = new Heard();
    const client = session(heard);
    client.append(message("a"));
    client.append(message("b"));
    await arrived("b");
    const stopped = server.stop({ graceMs: 5000 });
    await Promise.resolve();
    commit(atCore, 5);
    await until(() => heard.words.length > 0);
    expect(heard.words).to.deep.equal(["ack 2@5"]);
    await stopped;
  });

  it("are refused by a leader that stops, and wait for the next one", async () => {
    const [early, late] = [new Heard(), new Heard()];
    const client = session(early);
    client.append(message("a"));
    await arrived("a");
    const stopped = server.stop({ graceMs: 5000 });
    session(late).append(message("b"));
    commit([await arrived("a")], 5);
    await stopped;
    await until(() => early.words.length > 0);
    expect(early.words).to.deep.equal(["ack 1@5"]);
    expect(atCore).to.have.length(1);
    follower.setRoute({ type: "never", error: new SuraftError("unavailable", "nobody leads") });
    await until(() => late.words.length > 0);
    expect(late.words).to.deep.equal(["unavailable"]);
  });

  it("have an unknown outcome when the leader's server waits no longer", async () => {
    const heard = new Heard();
    session(heard).append(message("a"));
    await arrived("a");
    await server.stop({ graceMs: 0 });
    await until(() => heard.words.length > 0);
    expect(heard.words).to.deep.equal(["unknown_outcome"]);
  });

  it("leave nothing behind at the leader once their clients have gone", async () => {
    const heard = new Heard();
    for (let i = 0; i < 20; i++) {
      const client = session(heard);
      client.append(message(`s${i}`));
      follower.open(heard, { forwarded: false, single: true }).append(message(`u${i}`));
      await arrived(`s${i}`);
      client.close();
    }
    await arrived("u19");
    commit(atCore, 1);
    const last = session(heard);
    last.append(message("last"));
    commit([await arrived("last")], 41);
    await until(() => heard.words.at(-1) === "ack 1@41");
    expect(sink?.openCount).to.equal(1);
    expect(sink?.isIdle).to.equal(true);
  });
});
