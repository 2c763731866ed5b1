/** Reads straight from a store, whatever a node could be asked for. */

import { expect } from "chai";
import { openStoreReader, type StoreReader } from "../../src/client/store-reader.js";
import type { ReadPart, StoreReadOptions } from "../../src/client/types.js";
import type { LogRecord } from "../../src/core/types.js";
import { SuraftError } from "../../src/errors.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { openStore } from "../../src/store/open-store.js";
import { appendOf, bareAppend } from "../log/entries.js";
import { clusterId, failure, WrittenLog } from "../log/written-log.js";

const { signal } = new AbortController();

/** A log whose objects stand in a named store of this process. */
class StoredLog {
  readonly url: string;
  readonly written = new WrittenLog().claim();
  readonly #store;
  #stored = 0;

  constructor(name: string) {
    this.url = `memory:${name}`;
    this.#store = openStore(this.url);
  }

  async found(): Promise<this> {
    const manifest = foundingManifest([{ nodeId: "n1", address: "n1:1" }]);
    const bytes = encodeManifest({ ...manifest, clusterId });
    await this.#store.create(manifestName(0), bytes, { signal });
    return await this.store();
  }

  /** Entries up to an index, in segments of 3; every other one is even; a second apart. */
  async fill(upTo: number): Promise<this> {
    for (let first = this.written.walk.nextIndex; first <= upTo; first += 3) {
      const entries = [first, first + 1, first + 2].map((index) => ({
        payload: Buffer.from(String(index)),
        headers: [{ key: index % 2 === 0 ? "even" : "odd", value: Buffer.from(String(index)) }],
        key: `k${String(index % 5)}`,
      }));
      this.written.writeAppends([appendOf(entries)], 10_000 + first * 1000);
    }
    return await this.store();
  }

  async store(): Promise<this> {
    const { objects } = this.written.store;
    for (; this.#stored < this.written.walk.tail; this.#stored++) {
      const name = segmentName(this.#stored);
      const found = objects.get(name, undefined);
      if (found.type !== "found") throw new Error(`no ${name}`);
      await this.#store.create(name, found.bytes, { signal });
    }
    return this;
  }

  async damage(position: number): Promise<void> {
    await this.#store.delete(segmentName(position), { signal });
    await this.#store.create(segmentName(position), Buffer.from("garbage"), { signal });
  }
}

let names = 0;
const newLog = (): Promise<StoredLog> => new StoredLog(`store-reader-${String(++names)}`).found();

function indexesIn(parts: readonly ReadPart[]): number[] {
  return parts.flatMap(({ batches }) =>
    batches.flatMap(({ firstIndex, step, entries }) =>
      entries.map(({ payload }, place) => {
        const index = firstIndex + step * place;
        expect(Buffer.from(payload).toString()).to.equal(String(index));
        return index;
      }),
    ),
  );
}

async function read(reader: StoreReader, options: StoreReadOptions = {}): Promise<number[]> {
  const parts: ReadPart[] = [];
  for await (const part of reader.read(options)) parts.push(part);
  expect(parts.at(-1)?.progress).not.to.equal(undefined);
  return indexesIn(parts);
}

describe("a reader of a store", () => {
  const readers: StoreReader[] = [];

  function open(log: { readonly url: string }): StoreReader {
    const reader = openStoreReader(log.url, { pollIntervalMs: 5 });
    readers.push(reader);
    return reader;
  }

  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.close()));
  });

  const up = (first: number, last: number, step = 1): number[] =>
    Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);
  const down = (first: number, last: number, step = 1): number[] =>
    up(last, first, step).toReversed();
  const even = { headers: [{ key: "even" }] };
  const at = (index: number) => ({ type: "index", index }) as const;
  const last = (count: number) => ({ type: "last", count }) as const;
  /** Segments begin at 1, 4, 7, ...: the one that begins at an index has this time. */
  const since = (index: number, more = 0) =>
    ({ type: "timestamp", timestampMs: 10_000 + index * 1000 + more }) as const;

  const reads: readonly (readonly [string, StoreReadOptions, readonly number[]])[] = [
    ["everything", {}, up(1, 60)],
    ["from an index", { start: at(20) }, up(20, 60)],
    ["from the next index", { start: at(61) }, []],
    ["to an index", { start: at(20), endIndex: 25 }, up(20, 24)],
    ["the last ones", { start: last(7) }, up(54, 60)],
    ["all of the last thousand", { start: last(1000) }, up(1, 60)],
    ["from a time", { start: since(31) }, up(31, 60)],
    ["from between two times", { start: since(31, 1) }, up(34, 60)],
    ["nothing after the last time", { start: since(1000) }, []],
    ["to a number of entries", { entriesMax: 5 }, up(1, 5)],
    ["to a number of bytes", { bytesMax: 29 }, [1, 2, 3]],
    ["what has a header", { filter: even }, up(2, 60, 2)],
    ["what has a key", { filter: { key: "k0" } }, up(5, 60, 5)],
    ["what has both", { filter: { key: "k0", ...even } }, up(10, 60, 10)],
    ["what has a value", { filter: { headers: [{ key: "odd", value: "33" }] } }, [33]],
    ["in reverse", { reverse: true }, down(60, 1)],
    ["in reverse from an index", { reverse: true, start: at(33) }, down(33, 1)],
    ["in reverse to an index", { reverse: true, endIndex: 55 }, down(60, 56)],
    ["in reverse the last ones", { reverse: true, start: last(7) }, down(60, 54)],
    ["in reverse from a time", { reverse: true, start: since(31) }, down(33, 1)],
    ["in reverse what matches", { reverse: true, filter: even, entriesMax: 3 }, [60, 58, 56]],
  ];
  it("reads what a node would", async () => {
    const log = await (await newLog()).fill(60);
    const used = open(log);
    for (const [name, options, expected] of reads) {
      expect(await read(open(log), options), name).to.deep.equal(expected);
      expect(await read(used, options), `${name}, again`).to.deep.equal(expected);
    }
  });

  it("begins where a trim has left it, which no manifest knows of", async () => {
    const log = await (await newLog()).fill(30);
    const trimmed: LogRecord = { type: "trimmed", entryOffset: 0, firstIndex: 20 };
    log.written.writeAppends([bareAppend], 40_500, [trimmed]);
    await log.fill(45);
    expect(await read(open(log))).to.deep.equal(up(20, 45));
    expect(await read(open(log), { filter: even })).to.deep.equal(up(20, 45, 2));
    expect(await read(open(log), { reverse: true })).to.deep.equal(down(45, 20));
    expect(await failure(read(open(log), { start: at(19) }))).to.include({ kind: "out_of_range" });
  });

  it("says so when what it was to deliver next was trimmed while it followed", async () => {
    const log = await (await newLog()).fill(30);
    const reader = open(log);
    const found: number[] = [];
    const following = async (): Promise<void> => {
      for await (const part of reader.read({ follow: true })) {
        found.push(...indexesIn([part]));
        if (found.at(-1) !== 30 || log.written.walk.nextIndex > 31) continue;
        await log.fill(45);
        const trimmed: LogRecord = { type: "trimmed", entryOffset: 0, firstIndex: 40 };
        log.written.writeAppends([bareAppend], 55_500, [trimmed]);
        await log.fill(48);
      }
    };
    const timer = setTimeout(() => void reader.close(), 1000);
    const error = await failure(following());
    clearTimeout(timer);
    expect(found).to.deep.equal(up(1, 30));
    expect(error).to.include({ kind: "out_of_range" });
  });

  it("says how far the log is", async () => {
    const log = await newLog();
    const reader = open(log);
    const tail = await reader.tail();
    expect(tail).to.include({ nextIndex: 1, firstIndex: 1, term: 1 });
    await log.fill(30);
    expect(await reader.tail()).to.include({ nextIndex: 31, firstIndex: 1, term: 1 });
    expect(tail.ageMs).to.be.within(0, 1000);
  });

  it("sees with each read what was written before it", async () => {
    const log = await newLog();
    const reader = open(log);
    for (let index = 3; index <= 30; index += 3) {
      await log.fill(index);
      expect(await read(reader, { start: last(1) })).to.deep.equal([index]);
      expect(await read(reader, { start: at(index) })).to.deep.equal([index]);
    }
  });

  it("follows, many readers at once, and is told how far an idle log is", async () => {
    const log = await (await newLog()).fill(6);
    const reader = open(log);
    const found = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const indexes: number[] = [];
        for await (const part of reader.read({ start: last(2), follow: true })) {
          indexes.push(...indexesIn([part]));
          const next = 6 + indexes.length - 2;
          if (number === 0 && indexes.at(-1) === next && next < 30) await log.fill(next + 3);
          if (indexes.includes(30)) break;
        }
        return indexes;
      }),
    );
    for (const indexes of found) expect(indexes).to.deep.equal(up(5, 30));
  });

  it("follows what matches", async () => {
    const log = await (await newLog()).fill(6);
    const reader = open(log);
    const found: number[] = [];
    for await (const part of reader.read({ filter: even, follow: true })) {
      found.push(...indexesIn([part]));
      if (found.length === 3 && found.at(-1) === 6) await log.fill(12);
      if (found.includes(12)) break;
    }
    expect(found).to.deep.equal([2, 4, 6, 8, 10, 12]);
  });

  it("ends when the caller gives up, and when it is closed", async () => {
    const log = await (await newLog()).fill(6);
    const reader = open(log);
    const controller = new AbortController();
    const reading = read(reader, { follow: true, signal: controller.signal });
    controller.abort();
    expect(await failure(reading)).to.include({ kind: "cancelled" });
    const other = read(reader, { follow: true });
    await reader.tail();
    await reader.close();
    expect(await failure(other)).to.include({ kind: "cancelled" });
    expect(await failure(reader.tail())).to.include({ kind: "cancelled" });
  });

  it("delivers what stands before a damaged object, and begins anew afterwards", async () => {
    const log = await (await newLog()).fill(30);
    await log.damage(5);
    const reader = open(log);
    const parts: ReadPart[] = [];
    const reading = async (): Promise<void> => {
      for await (const part of reader.read()) parts.push(part);
    };
    const error = await failure(reading());
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "corrupt");
    expect(error).to.have.deep.property("details", { object: segmentName(5) });
    expect(indexesIn(parts)).to.deep.equal(up(1, 12));
    expect(await read(reader, { endIndex: 10 })).to.deep.equal(up(1, 9));
    expect(await failure(reader.tail())).to.include({ kind: "corrupt" });
  });

  const refused: readonly (readonly [string, StoreReadOptions, string, RegExp])[] = [
    ["index 0", { start: at(0) }, "invalid", /index is 0/],
    ["an index that is no number", { start: at(1.5) }, "invalid", /whole number/],
    ["an index beyond the tail", { start: at(62) }, "out_of_range", /beyond the tail/],
    ["a start in the future", { start: since(9e9) }, "out_of_range", /future/],
    ["an end before the start", { start: at(5), endIndex: 4 }, "invalid", /before the start/],
    ["to follow in reverse", { reverse: true, follow: true }, "invalid", /cannot follow/],
    ["a filter without a condition", { filter: {} }, "invalid", /no condition/],
    [
      "a filter too long",
      { filter: { headers: [{ key: "k", value: "v".repeat(4097) }] } },
      "invalid",
      /4097 bytes/,
    ],
    ["a negative limit", { entriesMax: -1 }, "invalid", /limit of entries/],
  ];
  for (const [name, options, kind, message] of refused) {
    it(`refuses ${name}`, async () => {
      const log = await (await newLog()).fill(60);
      const error = await failure(read(open(log), options));
      expect(error).to.be.instanceOf(SuraftError).with.property("kind", kind);
      expect(error).to.have.property("message").that.matches(message);
    });
  }

  it("refuses a URL that names no store, and a store that holds no cluster", async () => {
    expect(() => openStoreReader("http://x"))
      .to.throw(SuraftError)
      .with.property("kind", "invalid");
    const error = await failure(open({ url: "memory:nothing-here" }).tail());
    expect(error).to.include({
      kind: "invalid",
      message: "there is no cluster in memory:nothing-here",
    });
  });

  it("writes nothing, and makes no directory", async () => {
    const directory = "/tmp/suraft-no-such-directory/log";
    const error = await failure(open({ url: `file://${directory}` }).tail());
    expect(error).to.include({ kind: "invalid" });
    const { existsSync } = await import("node:fs");
    expect(existsSync("/tmp/suraft-no-such-directory")).to.equal(false);
  });
});
