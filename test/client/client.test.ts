import { expect } from "chai";
import { connect, type Client } from "../../src/client/client.js";
import { parseAddresses } from "../../src/client/addresses.js";
import { SuraftError, type ErrorKind } from "../../src/errors.js";
import { MemoryLog, startLogDouble, type LogDouble } from "./log-double.js";

describe("a client", () => {
  let servers: LogDouble[] = [];
  let client: Client | undefined;

  afterEach(async () => {
    client?.close();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
  });

  async function start(count: number, log = new MemoryLog()): Promise<Client> {
    servers = await Promise.all(Array.from({ length: count }, () => startLogDouble({ log })));
    client = connect(
      servers.map(({ address }) => address),
      { timeoutMs: 2000 },
    );
    return client;
  }

  const entry = [{ payload: Buffer.from("a"), headers: [{ key: "k", value: Buffer.from("v") }] }];
  const refuse = (kind: ErrorKind, details = {}) =>
    ({ type: "refuse", error: new SuraftError(kind, `is ${kind}`, { details }) }) as const;
  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("appends entries with their headers", async () => {
    const appended = await (await start(1)).append(entry);
    expect(appended).to.include({ firstIndex: 1, lastIndex: 1, term: 7 });
    const stored = servers[0]?.log.stored[0]?.entry;
    expect(Buffer.from(stored?.headers[0]?.value ?? []).toString()).to.equal("v");
  });

  for (const kind of ["unavailable", "overloaded", "not_leader"] as const) {
    it(`appends again after ${kind}`, async () => {
      await start(2);
      servers[0]?.spoils.push(refuse(kind));
      expect(await client?.append(entry)).to.include({ firstIndex: 1 });
      expect(servers[0]?.log.texts).to.deep.equal(["a"]);
    });
  }

  it("goes to the leader that a node names", async () => {
    await start(3);
    servers[0]?.spoils.push(refuse("not_leader", { leader_address: servers[2]?.address }));
    servers[1]?.spoils.push(refuse("invalid"));
    expect(await client?.append(entry)).to.include({ firstIndex: 1 });
  });

  it("has the leader hand over, wherever it is", async () => {
    await start(3);
    const leader_address = servers[2]?.address ?? "";
    const hint = { details: { leader_address } };
    servers[0]?.transferFailures.push(new SuraftError("not_leader", "n3 leads", hint));
    servers[1]?.transferFailures.push(new SuraftError("invalid", "must not be asked"));
    const leader = await client?.transferLeadership({ targetId: "n2" });
    expect(leader).to.deep.equal({ nodeId: "n2", address: "127.0.0.1:1" });
  });

  it("asks once only for a transfer that did not take place", async () => {
    await start(2);
    servers[0]?.transferFailures.push(new SuraftError("conflict", "n2 was not heard"));
    const error = await failure(client?.transferLeadership() ?? Promise.resolve());
    expect(error).to.include({ kind: "conflict", message: "n2 was not heard" });
  });

  it("trims, and says where the log begins", async () => {
    await start(1);
    await client?.append([...entry, ...entry]);
    expect(await client?.trim(2)).to.deep.equal({ firstIndex: 2 });
    expect(await client?.trim(1)).to.deep.equal({ firstIndex: 2 });
    const old = await failure(client?.trim(3, { expectedFirstIndex: 1 }) ?? Promise.resolve());
    expect(old).to.include({ kind: "conflict" });
    const beyond = await failure(client?.trim(4) ?? Promise.resolve());
    expect(beyond).to.include({ kind: "out_of_range" });
  });

  for (const kind of ["invalid", "conflict", "corrupt", "unknown_outcome"] as const) {
    it(`appends once only after ${kind}`, async () => {
      await start(2);
      servers[0]?.spoils.push(refuse(kind));
      expect(await failure(client?.append(entry) ?? Promise.resolve())).to.have.property(
        "kind",
        kind,
      );
      expect(servers[0]?.log.texts).to.deep.equal([]);
    });
  }

  it("does not know what became of an append whose connection broke", async () => {
    await start(2);
    servers[0]?.spoils.push({ type: "mute", store: true });
    servers[0]?.log.on("appended", () => {
      servers[0]?.cut();
    });
    const error = await failure(client?.append(entry) ?? Promise.resolve());
    expect(error).to.have.property("kind", "unknown_outcome");
    expect(servers[0]?.log.texts).to.deep.equal(["a"]);
  });

  it("does not know what became of an append that had no answer in time", async () => {
    await start(1);
    servers[0]?.spoils.push({ type: "mute", store: true });
    const append = client?.append(entry, { timeoutMs: 150 }) ?? Promise.resolve();
    expect(await failure(append)).to.have.property("kind", "unknown_outcome");
  });

  it("does not know what became of an append that was given up", async () => {
    await start(1);
    const controller = new AbortController();
    servers[0]?.spoils.push({ type: "mute", store: true });
    servers[0]?.log.on("appended", () => {
      controller.abort();
    });
    const append = client?.append(entry, { signal: controller.signal }) ?? Promise.resolve();
    expect(await failure(append)).to.have.property("kind", "unknown_outcome");
  });

  it("names every node when none can be reached", async () => {
    await start(2);
    servers.forEach((server) => {
      server.refuseConnections();
    });
    const error = await failure(client?.tail({ timeoutMs: 150 }) ?? Promise.resolve());
    expect(error).to.have.property("kind", "unavailable");
    const list = servers.map(({ address }) => address).join(", ");
    expect(error).to.have.property("message", `no node can be reached at ${list}`);
  });

  it("tells how far the log is, and how old that knowledge is", async () => {
    await start(1);
    await client?.append(entry);
    const tail = { nextIndex: 2, firstIndex: 1, term: 7 };
    expect(await client?.tail()).to.deep.equal({ ...tail, ageMs: 0 });
    expect(await client?.tail({ local: true })).to.deep.equal({ ...tail, ageMs: 1500 });
  });

  it("tells a node's view, and tells it again to who watches", async () => {
    await start(1);
    const address = servers[0]?.address ?? "";
    const expected = {
      nodeId: "n1",
      role: "leader",
      term: 7,
      leader: { nodeId: "n1", address },
      commitIndex: 0,
      uptimeMs: 61_000,
      serving: true,
    };
    expect(await client?.status({ address })).to.deep.include(expected);
    for await (const view of client?.watchStatus(address) ?? []) {
      expect(view).to.deep.include(expected);
      break;
    }
  });

  it("refuses a call once it is closed", async () => {
    await start(1);
    client?.close();
    expect(await failure(client?.tail() ?? Promise.resolve())).to.have.property(
      "kind",
      "cancelled",
    );
  });

  it("takes lists of addresses apart", () => {
    expect(parseAddresses("a:1, [::1]:7101,b.c:65535,a:1")).to.deep.equal([
      "a:1",
      "[::1]:7101",
      "b.c:65535",
    ]);
    for (const wrong of ["", "a", "a:0", "a:65536", "http://a:1", "a:1,b"]) {
      expect(() => parseAddresses(wrong), wrong).to.throw(SuraftError);
    }
  });
});
