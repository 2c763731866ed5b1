import { expect } from "chai";

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { TcpLink } from "./tcp-link.js";

describe("a link between two parties", () => {
  let server: Server;
  let link: TcpLink;
  let near: Socket;
  let far: Socket;

  beforeEach(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    link = await TcpLink.open((server.address() as AddressInfo).port);
    const [host = "", port = ""] = link.address.split(":");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    near = connect({ host, port: Number(port) });
    near.on("error", () => undefined);
    [far] = await accepted;
    far.on("error", () => undefined);
  });

  afterEach(async () => {
    near.destroy();
    far.destroy();
    await link.close();
    server.close();
  });

  /** Resolves once the socket has read so many bytes. */
  async function read(socket: Socket, count: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    while (bytes < count) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      chunks.push(chunk);
      bytes += chunk.length;
    }
    return Buffer.concat(chunks);
  }

  it("passes bytes on both ways, and ends", async () => {
    const sent = Buffer.from(Array.from({ length: 5_000_000 }, (_, at) => at % 251));
    const came = read(far, sent.length);
    near.write(sent);
    expect((await came).equals(sent)).to.equal(true);
    const back = read(near, 5);
    far.end("hello");
    expect((await back).toString()).to.equal("hello");
    await once(near, "end");
  });

  it("holds back one way while it is blocked, and loses nothing", async () => {
    link.forth.blocked = true;
    let early = 0;
    far.on("data", () => (early += 1));
    near.write("one ");
    const back = read(near, 6);
    far.write("answer");
    expect((await back).toString()).to.equal("answer");
    near.write("two");
    const again = read(near, 5);
    far.write("still");
    await again;
    expect(early).to.equal(0);
    const came = read(far, 7);
    link.forth.blocked = false;
    link.change();
    expect((await came).toString()).to.equal("one two");
  });

  it("delays", async () => {
    link.back.delayMs = 80;
    const began = performance.now();
    const back = read(near, 3);
    far.write("now");
    await back;
    expect(performance.now() - began).to.be.greaterThan(75);
  });

  it("resets connections, and takes new ones", async () => {
    const closed = Promise.all(
      [near, far].map((socket) => new Promise((resolve) => socket.on("close", resolve))),
    );
    link.cut();
    await closed;
    const [host = "", port = ""] = link.address.split(":");
    const accepted = once(server, "connection");
    const next = connect({ host, port: Number(port) });
    await accepted;
    next.destroy();
  });
});
