/**
 * What the Google Cloud Storage adapter makes of faults (STORE.md), behind the fault proxy: run
 * against the fake server of these tests, and against an emulator.
 */

import { once } from "node:events";
import { expect } from "chai";

import { withDeadline } from "../../src/store/abort.js";
import { openStore } from "../../src/store/open-store.js";
import { settle } from "../../src/store/settle.js";
import type { CreateResult, Store } from "../../src/store/store.js";
import { expectKind, signal, text } from "./expectations.js";
import { FaultProxy, inOrder } from "./fault-proxy.js";
import type { Fault, ProxiedRequest } from "./fault-proxy.js";
import { describeAnswers, describeNotSent, describeReads } from "./gcs-answers.js";
import { describeChaos } from "./gcs-chaos.js";
import { quick } from "./gcs-context.js";
import type { Context, GcsFixture } from "./gcs-context.js";

const bytes = Buffer.from("mine");

/** Declares the tests of the adapter under faults. */
export function describeGcsFaults(server: string, start: () => Promise<GcsFixture>): void {
  describe(`${server}: the GCS adapter under faults`, () => {
    let fixture: GcsFixture;
    let proxy: FaultProxy;
    let store: Store;
    let direct: Store;
    let names = 0;

    before(async () => {
      fixture = await start();
      proxy = await FaultProxy.start(fixture.endpoint);
      store = openStore(`gs://${fixture.bucket}/faults?apiEndpoint=${proxy.endpoint}`);
      direct = openStore(`gs://${fixture.bucket}/faults?apiEndpoint=${fixture.endpoint}`);
    });

    beforeEach(() => {
      proxy.source = () => ({ type: "pass" });
    });

    after(async () => {
      await store?.close();
      await direct?.close();
      await proxy?.close();
      await fixture?.close();
    });

    const context: Context = {
      fixture: () => fixture,
      proxy: () => proxy,
      store: () => store,
      direct: () => direct,
      newName: () => `name/${String(++names).padStart(6, "0")}`,
    };
    describeLosses(context);
    describeLateCommits(context);
    describeDeadlines(context);
    describeQueueing(context);
    describeAnswers(context);
    describeDamage(context);
    describeReads(context);
    describeNotSent(context);
    describeChaos(context);
  });
}

const isUpload = ({ method }: ProxiedRequest) => method === "POST";

function describeLosses({ proxy, store, direct, newName }: Context): void {
  it("says unknown of a create whose reply was lost, and settles it to mine", async () => {
    const name = newName();
    proxy().source = inOrder([{ type: "lose_reply" }]);
    expect((await store().create(name, bytes, { signal })).type).to.equal("unknown");
    expect(await text(direct(), name)).to.equal("mine");
    const settled = await settle(store(), name, bytes, { signal, ...quick });
    expect(settled.type).to.equal("mine");
  });

  it("says unknown of a create that was lost, and settles it by repeating", async () => {
    const name = newName();
    proxy().source = inOrder([{ type: "lose_request" }]);
    expect((await store().create(name, bytes, { signal })).type).to.equal("unknown");
    expect(await text(direct(), name)).to.equal("absent");
    expect((await settle(store(), name, bytes, { signal, ...quick })).type).to.equal("mine");
    expect(await text(direct(), name)).to.equal("mine");
  });

  it("stores nothing of a create that was cut off", async () => {
    const name = newName();
    const large = Buffer.alloc(200_000, "x");
    proxy().source = inOrder([{ type: "truncate_request" }]);
    expect((await store().create(name, large, { signal })).type).to.equal("unknown");
    expect(await text(direct(), name)).to.equal("absent");
  });

  it("says unknown of a deletion whose reply was lost", async () => {
    const name = newName();
    await store().create(name, bytes, { signal });
    proxy().source = inOrder([{ type: "lose_reply" }]);
    expect((await store().delete(name, { signal })).type).to.equal("unknown");
    expect(await store().delete(name, { signal })).to.deep.equal({ type: "absent" });
  });
}

function describeLateCommits({ fixture, proxy, store, direct, newName }: Context): void {
  for (const first of ["rival", "late commit"] as const) {
    it(`has one winner when a create is delivered past its deadline: ${first} first`, async () => {
      const name = newName();
      proxy().source = inOrder([{ type: "hold" }]);
      const late = await giveUpOnceHeld(proxy(), store(), name);
      expect(late.type).to.equal("unknown");
      expect(await text(direct(), name)).to.equal("absent");
      const compete = () => direct().create(name, Buffer.from("rival"), { signal });
      if (first === "late commit") await proxy().release();
      const rival = await compete();
      await proxy().release();
      const winner = first === "rival" ? "rival" : "mine";
      expect(rival.type).to.equal(first === "rival" ? "created" : "exists");
      expect(await text(direct(), name)).to.equal(winner);
      const settled = await settle(store(), name, bytes, { signal, ...quick });
      expect(settled.type).to.equal(winner === "mine" ? "mine" : "theirs");
      expect(fixture().createdCount?.(`faults/${name}`) ?? 1).to.equal(1);
    });
  }
}

async function giveUpOnceHeld(
  proxy: FaultProxy,
  store: Store,
  name: string,
): Promise<CreateResult> {
  const controller = new AbortController();
  const creating = store.create(name, bytes, { signal: controller.signal });
  await proxy.held();
  controller.abort(new Error("the deadline has passed"));
  return creating;
}

function describeDeadlines({ proxy, store, direct, newName }: Context): void {
  it("keeps the deadline when the server never answers, and closes the connection", async () => {
    const name = newName();
    const requests: readonly [string, (signal: AbortSignal) => Promise<unknown>][] = [
      ["create", (deadline) => store().create(name, bytes, { signal: deadline })],
      ["get", (deadline) => store().get(name, { signal: deadline })],
      ["list", (deadline) => store().list({ prefix: "", limit: 1, signal: deadline })],
      ["delete", (deadline) => store().delete(name, { signal: deadline })],
    ];
    for (const [what, send] of requests) {
      proxy().source = inOrder([{ type: "hang" }]);
      const reached = once(proxy(), "fault");
      const controller = new AbortController();
      const result = send(controller.signal).catch((error: unknown) => String(error));
      const [, socket] = (await reached) as [Fault, NodeJS.EventEmitter];
      const closed = once(socket, "close");
      controller.abort(new Error("the deadline has passed"));
      const described = JSON.stringify(await result);
      expect(described, what)
        .to.match(/unknown|StoreError/)
        .and.to.match(/deadline has passed/);
      await closed;
    }
    expect(await text(direct(), name)).to.equal("absent");
  });

  it("creates while every connection for reading is taken", async () => {
    const readers = new AbortController();
    proxy().source = ({ method }) => ({ type: method === "GET" ? "hang" : "pass" });
    const reading = Array.from({ length: 200 }, () =>
      expectKind("unavailable", () => store().get(newName(), readers)),
    );
    const created = await store().create(newName(), bytes, { signal });
    expect(created.type).to.equal("created");
    readers.abort(new Error("enough"));
    await Promise.all(reading);
  });

  it("lets no failing get disturb the creates in flight", async () => {
    const creates = Array.from({ length: 10 }, newName);
    proxy().source = inOrder(
      creates.map(() => ({ type: "hold" })),
      isUpload,
    );
    const creating = creates.map((name) => store().create(name, bytes, { signal }));
    await proxy().held(creates.length);
    const failures: readonly Fault[] = [
      { type: "lose_request" },
      { type: "lose_reply" },
      { type: "truncate_reply" },
      { type: "flip_reply" },
      { type: "answer", status: 500 },
      { type: "hang" },
    ];
    const present = newName();
    await direct().create(present, Buffer.alloc(100_000, 1), { signal });
    for (const failure of failures) {
      // Twice: damage is looked at again.
      proxy().source = inOrder([failure, failure]);
      const error: unknown = await withDeadline(signal, 50, (deadline) =>
        store().get(present, { signal: deadline }),
      ).catch((thrown: unknown) => thrown);
      expect(error, failure.type).to.be.instanceOf(Error);
    }
    await proxy().release();
    const results = await Promise.all(creating);
    expect(results.map(({ type }) => type)).to.deep.equal(creates.map(() => "created"));
  });
}

function describeQueueing({ fixture, proxy, newName }: Context): void {
  it("refuses a create that was aborted while it waited, at no cost to the connections", async () => {
    const store = openStore(`gs://${fixture().bucket}/queue?apiEndpoint=${proxy().endpoint}`);
    const sockets = 64;
    const before = proxy().connectionCount;
    proxy().source = inOrder(Array.from({ length: sockets }, () => ({ type: "hold" })));
    const sent = Array.from({ length: sockets }, () => store.create(newName(), bytes, { signal }));
    await proxy().held(sockets);
    const controller = new AbortController();
    const waiting = Array.from({ length: sockets }, () =>
      store.create(newName(), bytes, { signal: controller.signal }),
    );
    // By the next turn they wait for a connection.
    await new Promise(setImmediate);
    controller.abort(new Error("enough"));
    for (const result of await Promise.all(waiting)) {
      expect(result).to.deep.equal({ type: "refused", cause: "enough" });
    }
    const patient = store.create(newName(), bytes, { signal });
    await proxy().release(1);
    expect((await patient).type).to.equal("created");
    await proxy().release();
    for (const { type } of await Promise.all(sent)) expect(type).to.equal("created");
    expect(proxy().connectionCount - before).to.equal(sockets);
    const { items } = await store.list({ prefix: "", limit: 1000, signal });
    expect(items).to.have.length(sockets + 1);
    await store.close();
  });
}

function describeDamage({ proxy, store, direct, newName }: Context): void {
  it("stores nothing when a byte of the upload changes on the way", async () => {
    const name = newName();
    proxy().source = inOrder([{ type: "flip_request" }]);
    const result = await store().create(name, Buffer.alloc(100_000, 7), { signal });
    expect(result.type).to.equal("refused");
    expect(await text(direct(), name)).to.equal("absent");
  });

  it("reads again when a byte changes on the way back, and takes it for damage the second time", async () => {
    const name = newName();
    const stored = Buffer.alloc(100_000, 7);
    await direct().create(name, stored, { signal });
    for (const range of [undefined, { start: 0, end: 200_000 }]) {
      const options = range === undefined ? { signal } : { signal, range };
      proxy().source = inOrder([{ type: "flip_reply" }]);
      const result = await store().get(name, options);
      expect(result.type === "found" && stored.equals(result.bytes)).to.equal(true);
      proxy().source = inOrder([{ type: "flip_reply" }, { type: "flip_reply" }]);
      const error = await expectKind("corrupt", () => store().get(name, options));
      expect(error.message).to.contain(name);
    }
  });

  it("takes a reply that is cut off for none", async () => {
    const name = newName();
    proxy().source = inOrder([{ type: "truncate_reply" }]);
    expect((await store().create(name, Buffer.alloc(1000), { signal })).type).to.equal("unknown");
    for (const range of [undefined, { start: 10, end: 900 }]) {
      proxy().source = inOrder([{ type: "truncate_reply" }]);
      const options = range === undefined ? { signal } : { signal, range };
      await expectKind("unavailable", () => store().get(name, options));
    }
    proxy().source = inOrder([{ type: "truncate_reply" }]);
    await expectKind("unavailable", () => store().list({ prefix: "", limit: 10, signal }));
  });
}
