/** What the adapter makes of each answer to a request. */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect } from "chai";

import { openStore } from "../../src/store/open-store.js";
import { settle } from "../../src/store/settle.js";
import { expectKind, signal, text } from "./expectations.js";
import { encodeChecksum } from "./fake-gcs.js";
import { inOrder } from "./fault-proxy.js";
import type { Fault } from "./fault-proxy.js";
import { quick } from "./gcs-context.js";
import type { Context } from "./gcs-context.js";

const bytes = Buffer.from("mine");

const statuses: Readonly<Record<number, "exists" | "refused" | "unknown">> = {
  201: "unknown",
  204: "unknown",
  302: "unknown",
  308: "unknown",
  400: "refused",
  401: "refused",
  404: "refused",
  405: "unknown",
  408: "unknown",
  409: "unknown",
  412: "exists",
  413: "refused",
  429: "unknown",
  500: "unknown",
  502: "unknown",
  503: "unknown",
  504: "unknown",
};

export function describeAnswers({ proxy, store, direct, newName }: Context): void {
  for (const [status, type] of Object.entries(statuses)) {
    it(`takes ${status} in answer to a create for ${type}`, async () => {
      const name = newName();
      proxy().source = inOrder([{ type: "answer", status: Number(status), body: "{}" }]);
      const result = await store().create(name, bytes, { signal });
      expect(result.type).to.equal(type);
      if ("cause" in result) expect(result.cause).to.contain(status);
      expect(await text(direct(), name)).to.equal("absent");
    });
  }

  it("looks the name up after a 403: exists if it is there, refused if not", async () => {
    const name = newName();
    proxy().source = inOrder([{ type: "answer", status: 403 }]);
    expect((await store().create(name, bytes, { signal })).type).to.equal("refused");
    expect(await text(direct(), name)).to.equal("absent");
    await direct().create(name, bytes, { signal });
    proxy().source = inOrder([{ type: "answer", status: 403 }]);
    expect(await store().create(name, bytes, { signal })).to.deep.equal({ type: "exists" });
    proxy().source = () => ({ type: "answer", status: 403 });
    expect((await store().create(name, bytes, { signal })).type).to.equal("refused");
  });

  it("takes a 200 for created only if it describes the very object", async () => {
    const name = newName();
    const truth = {
      name: `faults/${name}`,
      generation: "1",
      size: "4",
      crc32c: encodeChecksum(bytes),
    };
    const lies: readonly unknown[] = [
      "<html>Sign in to the network</html>",
      "",
      [],
      null,
      {},
      { ...truth, name },
      { ...truth, size: "5" },
      { ...truth, size: 4 },
      { ...truth, crc32c: "AAAAAA==" },
      { ...truth, crc32c: undefined },
      { ...truth, generation: undefined },
      { ...truth, generation: "0" },
      { ...truth, generation: 1 },
      { ...truth, generation: "1e3" },
      JSON.stringify(truth).slice(0, -1),
      " ".repeat(1024 * 1024) + JSON.stringify(truth),
    ];
    for (const lie of lies) {
      const body = typeof lie === "string" ? lie : JSON.stringify(lie);
      proxy().source = inOrder([{ type: "answer", status: 200, body }]);
      const result = await store().create(name, bytes, { signal });
      expect(result.type, body.slice(0, 100)).to.equal("unknown");
    }
    // The others are unknown for their lies, not for how they were told.
    proxy().source = inOrder([{ type: "answer", status: 200, body: JSON.stringify(truth) }]);
    const result = await store().create(name, bytes, { signal });
    expect(result).to.deep.equal({ type: "created", version: "1" });
    expect(await text(direct(), name)).to.equal("absent");
  });

  it("says unknown of a create that was stored yet answered 503 or garbage", async () => {
    for (const status of [503, 200]) {
      const name = newName();
      proxy().source = inOrder([{ type: "answer_after", status, body: "oops" }]);
      expect((await store().create(name, bytes, { signal })).type).to.equal("unknown");
      expect((await settle(store(), name, bytes, { signal, ...quick })).type).to.equal("mine");
    }
  });
}

export function describeReads({ fixture, proxy, store, direct, newName }: Context): void {
  const kinds = {
    400: "invalid",
    401: "forbidden",
    403: "forbidden",
    408: "unavailable",
    429: "unavailable",
    500: "unavailable",
    503: "unavailable",
    302: "unavailable",
    200: "unavailable",
    206: "unavailable",
  } as const;
  for (const [status, kind] of Object.entries(kinds)) {
    it(`takes ${status} and garbage in answer to a read for ${kind}`, async () => {
      const name = newName();
      await direct().create(name, bytes, { signal });
      const garbage = (): Fault => ({ type: "answer", status: Number(status), body: "garbage" });
      proxy().source = garbage;
      await expectKind(kind, () => store().get(name, { signal }));
      await expectKind(kind, () => store().get(name, { range: { start: 1, end: 1 }, signal }));
      await expectKind(kind, () => store().get(name, { range: { start: 0, end: 2 }, signal }));
      await expectKind(kind, () => store().list({ prefix: name, limit: 1, signal }));
      const deleted = { 200: "deleted", 403: "refused" }[status] ?? "unknown";
      expect((await store().delete(name, { signal })).type).to.equal(deleted);
    });
  }

  it("tells a limit that was reached from a permission that is missing", async () => {
    const body = '{"error":{"errors":[{"reason":"rateLimitExceeded"}],"message":"slow down"}}';
    proxy().source = () => ({ type: "answer", status: 403, body });
    await expectKind("unavailable", () => store().get(newName(), { signal }));
    expect((await store().delete(newName(), { signal })).type).to.equal("unknown");
  });

  const itemNamed = (name: string, size: unknown = "1") => ({ name, generation: "1", size });
  const lyingPages: Readonly<Record<string, unknown>> = {
    "a page that comes again for ever": { items: [], nextPageToken: "t" },
    "a page longer than asked for": {
      items: Array.from({ length: 3 }, (_, n) => itemNamed(`faults/log/1${n}`)),
    },
    "a page that begins before its start": { items: [itemNamed("faults/log/0")] },
    "a page that goes beyond its end": { items: [itemNamed("faults/log/5")] },
    "a size of 20 digits": { items: [itemNamed("faults/log/1", "99999999999999999999")] },
  };
  for (const [lie, page] of Object.entries(lyingPages)) {
    it(`takes ${lie} for unavailable`, async () => {
      const bounds = { prefix: "log/", startAt: "log/1", endBefore: "log/5", limit: 2, signal };
      proxy().source = () => ({ type: "answer", status: 200, body: JSON.stringify(page) });
      await expectKind("unavailable", () => store().list(bounds));
    });
  }

  it("is not flooded by what a server says of a failure", async () => {
    const message = `\u001b[2J${"x".repeat(5_000)}`;
    const body = JSON.stringify({ error: { message } });
    proxy().source = () => ({ type: "answer", status: 500, body });
    const error = await expectKind("unavailable", () => store().get(newName(), { signal }));
    expect(error.message).to.have.length.below(600);
    // oxlint-disable-next-line no-control-regex
    expect(error.message).not.to.match(/[\u0000-\u001f]/);
    proxy().source = () => ({ type: "answer", status: 404, body: "x".repeat(1024 * 1024) });
    const flood = await expectKind("unavailable", () => store().get(newName(), { signal }));
    expect(flood.message).to.contain("a reply of more than 65536 bytes, HTTP 404");
  });

  it("calls a bucket that does not exist invalid", async () => {
    const missing = openStore(`gs://no-such-bucket?apiEndpoint=${fixture().endpoint}`);
    const created = await missing.create("a", bytes, { signal });
    expect(created.type).to.equal("refused");
    const error = await expectKind("invalid", () => missing.list({ prefix: "", limit: 1, signal }));
    expect(error.message).to.contain("gs://no-such-bucket");
    await missing.close();
  });
}

export function describeNotSent({ fixture, newName }: Context): void {
  it("refuses what it could not send", async () => {
    const closed = createServer();
    await once(closed.listen(0, "127.0.0.1"), "listening");
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    const tls = fixture().endpoint.replace("http:", "https:");
    const endpoints = [
      `http://127.0.0.1:${port}`,
      "http://no-such-host.invalid",
      `${tls}&auth=none`,
    ];
    for (const endpoint of endpoints) {
      const unreachable = openStore(`gs://${fixture().bucket}?apiEndpoint=${endpoint}`);
      const result = await unreachable.create(newName(), bytes, { signal });
      expect(result.type, endpoint).to.equal("refused");
      await expectKind("unavailable", () => unreachable.get(newName(), { signal }));
      await unreachable.close();
    }
  });
}
