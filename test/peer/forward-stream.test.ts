import { expect } from "chai";

import { takeRepeated } from "../../src/log/repeated-messages.js";
import { appendsField } from "../../src/peer/forward-request.js";
import { ForwardStream, type ForwardedAppend } from "../../src/peer/forward-stream.js";
import type { PeerClient } from "../../src/peer/peer-client.js";
import { deferred, startTestServer, type TestServer } from "../rpc/test-server.js";
import { startProxy } from "../service/test-service.js";
import { openPeer } from "./open-peer.js";

const MIB = 1024 ** 2;

describe("a stream of forwarded appends", () => {
  let server: TestServer;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let peer: PeerClient;
  /** How many appends each request held. */
  let requests: number[] = [];
  let reads = true;
  let heard = deferred<void>();
  let closed = 0;

  beforeEach(async () => {
    [requests, reads, heard, closed] = [[], true, deferred(), 0];
    server = await startTestServer({
      node: {
        forward: (call) => ({
          message: (bytes) => {
            let appends = 0;
            // The first says who forwards.
            if (requests.length > 0) takeRepeated(bytes, appendsField, () => ++appends > 0);
            requests.push(appends);
            if (!reads) call.pause();
            heard.resolve();
          },
          halfClosed: () => call.end(),
          closed: () => closed++,
        }),
      },
    });
    proxy = await startProxy(server.address);
    peer = openPeer({ address: proxy.address });
  });

  afterEach(async () => {
    peer.close();
    proxy.cut();
    await server.stop();
  });

  function open(fates: Partial<Record<"returned" | "unknown", (append: Numbered) => void>> = {}) {
    return new ForwardStream<Numbered>({
      peer,
      graceMs: 5000,
      committed: () => expect.fail("nothing is answered"),
      repeated: () => expect.fail("nothing is answered"),
      returned: (appends) => appends.forEach((append) => fates.returned?.(append)),
      unknown: (appends) => appends.forEach((append) => fates.unknown?.(append)),
    });
  }

  interface Numbered extends ForwardedAppend {
    readonly number: number;
  }

  function numbered(count: number, sizeBytes: number): readonly Numbered[] {
    const message = Buffer.alloc(sizeBytes);
    return Array.from({ length: count }, (_, index) => ({ message, number: index + 1 }));
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  it("sends what comes together in one request", async () => {
    const stream = open();
    await until(() => requests.length === 1);
    stream.send(numbered(500, 10));
    await until(() => requests.length === 2);
    stream.send(numbered(1, 10));
    await until(() => requests.length === 3);
    expect(requests).to.deep.equal([0, 500, 1]);
  });

  it("cuts requests at a mebibyte, and never an append", async () => {
    const stream = open();
    await until(() => requests.length === 1);
    stream.send([...numbered(5, 0.3 * MIB), ...numbered(2, 2 * MIB)]);
    await until(() => requests.length === 5);
    expect(requests).to.deep.equal([0, 3, 2, 1, 1]);
  });

  it("cuts requests at so many appends", async () => {
    const stream = open();
    await until(() => requests.length === 1);
    stream.send(numbered(5000, 10));
    await until(() => requests.length === 4);
    expect(requests).to.deep.equal([0, 2048, 2048, 904]);
  });

  it("gives back what it has not sent when it ends", async () => {
    const returned: number[] = [];
    const stream = open({ returned: ({ number }) => returned.push(number) });
    stream.send(numbered(3, 10));
    stream.end();
    expect(returned).to.deep.equal([1, 2, 3]);
    await until(() => closed === 1);
    expect(requests).to.deep.equal([0]);
  });

  it("gives back what never left, and only that, when the connection breaks", async () => {
    const [returned, unknown]: [number[], number[]] = [[], []];
    reads = false;
    const stream = open({
      returned: ({ number }) => returned.push(number),
      unknown: ({ number }) => unknown.push(number),
    });
    await heard.promise;
    // Far more than the windows on the way hold.
    stream.send(numbered(60, MIB));
    await new Promise((resolve) => setTimeout(resolve, 100));
    proxy.cut();
    await until(() => returned.length + unknown.length === 60);
    const all = Array.from({ length: 60 }, (_, index) => index + 1);
    expect(unknown.concat(returned)).to.deep.equal(all);
    expect(unknown.length).to.be.greaterThan(0);
    expect(returned.length).to.be.greaterThan(0);
  });
});
