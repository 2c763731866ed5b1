import { expect } from "chai";

import { connect, type Client } from "../../src/client/client.js";
import type { SnapshotDownload } from "../../src/client/types.js";
import { SuraftError } from "../../src/errors.js";
import { crc32c } from "../../src/log/crc32c.js";
import { append, startProxy, startTestService, type TestService } from "../service/test-service.js";

const MIB = 1024 * 1024;

function content(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

async function* pieces(bytes: Uint8Array, pieceBytes = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
  }
}

async function collected({ content: bytes }: SnapshotDownload): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of bytes) all.push(piece);
  return Buffer.concat(all);
}

async function failure(promise: Promise<unknown>): Promise<SuraftError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SuraftError) return error;
  throw new Error(`no SuraftError: ${String(error)}`);
}

describe("the client's snapshots", () => {
  let test: TestService;
  let client: Client;

  beforeEach(async () => {
    const snapshotStorage = { partBytes: 64 * 1024, bytesMax: 16 * MIB };
    test = await startTestService({ snapshotStorage, snapshots: { getsMax: 2 } });
    await test.log.append(append("a", "b", "c"));
    client = connect([test.address]);
  });

  afterEach(async () => {
    client.close();
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  it("are put, listed, and got whole", async () => {
    const bytes = content(3 * MIB + 1);
    const put = await client.putSnapshot(pieces(bytes), { nextIndex: 4 });
    const { repeat, ...stored } = put;
    expect(repeat).to.equal(false);
    expect(stored).to.include({ nextIndex: 4, sizeBytes: bytes.length, checksum: crc32c(bytes) });
    expect(await client.snapshots()).to.deep.equal([stored]);
    const download = await client.getSnapshot();
    expect(download.snapshot).to.deep.equal(stored);
    expect((await collected(download)).equals(bytes)).to.equal(true);
    const rest = await client.getSnapshot({ nextIndex: 4, offset: bytes.length - 5 });
    expect(await collected(rest)).to.deep.equal(bytes.subarray(-5));
  });

  it("say what is wrong with them", async () => {
    await client.putSnapshot(pieces(content(10)), { nextIndex: 3 });
    const older = client.putSnapshot(pieces(content(9)), { nextIndex: 2 });
    expect(await failure(older)).to.include({ kind: "conflict" });
    const beyond = client.putSnapshot(pieces(content(9)), { nextIndex: 9 });
    expect(await failure(beyond)).to.include({ kind: "out_of_range" });
    for (const nextIndex of [0, 1.5]) {
      const nonsense = client.putSnapshot(pieces(content(9)), { nextIndex });
      expect(await failure(nonsense)).to.include({ kind: "invalid" });
    }
    expect(await failure(client.getSnapshot({ nextIndex: 2 }))).to.include({
      kind: "out_of_range",
    });
    const great = client.putSnapshot(pieces(content(17 * MIB)), { nextIndex: 4 });
    expect(await failure(great)).to.include({ kind: "invalid" });
    expect(await client.snapshots()).to.have.lengthOf(1);
  });

  it("go on at another node, from where they are, when the first is lost in the middle", async () => {
    const bytes = content(8 * MIB);
    await client.putSnapshot(pieces(bytes), { nextIndex: 4 });
    const proxy = await startProxy(test.address);
    const retries: string[] = [];
    const other = connect([proxy.address, test.address], {
      onRetry: ({ message }) => retries.push(message),
    });
    const download = await other.getSnapshot();
    const all: Uint8Array[] = [];
    for await (const piece of download.content) {
      if (all.length === 3) proxy.cut();
      all.push(piece);
    }
    expect(Buffer.concat(all).equals(bytes)).to.equal(true);
    expect(retries).to.have.lengthOf(1);
    other.close();
  });

  it("are put again at another node, if they can be read again", async () => {
    const bytes = content(8 * MIB);
    const proxy = await startProxy(test.address);
    const other = connect([proxy.address, test.address]);
    let tries = 0;
    const whole = async function* (): AsyncGenerator<Uint8Array> {
      tries += 1;
      let sent = 0;
      for await (const piece of pieces(bytes)) {
        sent += piece.length;
        if (tries === 1 && sent > 5 * MIB) proxy.cut();
        yield piece;
      }
    };
    expect(await other.putSnapshot(whole, { nextIndex: 4 })).to.include({ repeat: false });
    expect(tries).to.equal(2);
    expect((await collected(await other.getSnapshot())).equals(bytes)).to.equal(true);
    const second = await startProxy(test.address);
    const once = connect([second.address, test.address]);
    const spent = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces(bytes)) {
        second.cut();
        yield piece;
      }
    };
    const failed = once.putSnapshot(spent(), { nextIndex: 4 });
    expect(await failure(failed), "what was read is gone").to.include({ kind: "unavailable" });
    for (const one of [other, once]) one.close();
  });

  it("end with what their source ends with, and leave nothing", async () => {
    const broken = new Error("the disk is broken");
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* pieces(content(MIB));
      throw broken;
    }
    const ended: unknown = await client
      .putSnapshot(source(), { nextIndex: 4 })
      .catch((error: unknown) => error);
    expect(ended).to.equal(broken);
    expect(await client.snapshots()).to.deep.equal([]);
  });

  it("end when the caller gives up", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* pieces(content(MIB));
      controller.abort();
      await new Promise(() => undefined);
    }
    const given = client.putSnapshot(source(), { nextIndex: 4, signal });
    expect(await failure(given)).to.include({ kind: "cancelled" });
  });

  it("end when a node stands still", async () => {
    let hold = true;
    const held: (() => void)[] = [];
    const { store } = test.node.snapshots;
    store.beforeGet = () =>
      hold ? new Promise((resolve) => held.push(resolve)) : Promise.resolve();
    const put = client.putSnapshot(pieces(content(10)), { nextIndex: 4, timeoutMs: 50 });
    const error = await failure(put);
    hold = false;
    for (const release of held) release();
    expect(error).to.include({ kind: "unavailable" });
    expect(error.message).to.contain("has not answered for some time");
  });
});
