/** Bytes on a node's port that no client should send. */

import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { calling, failureOf } from "./call.js";
import { within } from "./child.js";
import { TestCluster } from "./test-cluster.js";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const settingsFrame = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** Each is sent on a connection of its own. */
const garbage: Readonly<Record<string, Buffer>> = {
  "nothing at all": Buffer.alloc(0),
  "random bytes": randomBytes(64 * 1024),
  "an HTTP/1 request": Buffer.from("GET / HTTP/1.1\r\nHost: suraft\r\n\r\n"),
  "a TLS greeting": Buffer.from("16030100c8010000c40303", "hex"),
  "half a preface": Buffer.from(preface.slice(0, 10)),
  "random frames": Buffer.concat([Buffer.from(preface), settingsFrame, randomBytes(64 * 1024)]),
  "a frame of 16 MiB that does not come": Buffer.concat([
    Buffer.from(preface),
    settingsFrame,
    Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
  ]),
};

describe("a node that is sent garbage", function () {
  this.timeout(30_000);
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start({ nodeCount: 1 });
  });

  after(async () => {
    await cluster.close();
  });

  for (const [name, bytes] of Object.entries(garbage)) {
    it(`serves on after ${name}`, async () => {
      const node = await cluster.leader();
      const [host, port] = node.address.split(":");
      const socket = connectSocket(Number(port), host);
      socket.on("error", () => undefined);
      await once(socket, "connect");
      if (bytes.length > 0) await new Promise((resolve) => socket.write(bytes, resolve));
      const { nextIndex } = await node.client.tail();
      const { firstIndex } = await node.client.append([{ payload: Buffer.from(name) }]);
      expect(firstIndex).to.equal(nextIndex);
      const closed = once(socket, "close");
      socket.end();
      socket.destroy();
      await within(closed, 5_000, () => "the connection stays open");
      expect(node.isAlive).to.equal(true);
    });
  }

  it("refuses a message over gRPC's limit, and serves on", async () => {
    const node = await cluster.leader();
    const { nextIndex } = await node.client.tail();
    const failure = await calling(node.address, (log) =>
      failureOf(log.append({ entries: [{ payload: randomBytes(96 * 1024 * 1024) }] })),
    );
    expect(failure.kind).to.be.oneOf(["invalid", "overloaded"]);
    expect((await node.client.tail()).nextIndex).to.equal(nextIndex);
  });
});
