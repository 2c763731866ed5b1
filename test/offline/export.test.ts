import { fromBinary } from "@bufbuild/protobuf";
import { sizeDelimitedDecodeStream } from "@bufbuild/protobuf/wire";
import { expect } from "chai";
import fc from "fast-check";
import { ExportPartSchema } from "../../gen/suraft/storage/v1/export_pb.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import { openCluster, readManifest } from "../../src/log/manifest.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { entryRunOf } from "../../src/log/segment-codec.js";
import { storeSegments } from "../../src/log/store-segments.js";
import { decodePart, encodePart } from "../../src/offline/export-codec.js";
import { ExportFile } from "../../src/offline/export-file.js";
import { exportLog } from "../../src/offline/export-log.js";
import { importLog } from "../../src/offline/import-log.js";
import { verifyLog } from "../../src/offline/verify.js";
import { SuraftError } from "../../src/errors.js";
import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import type { CreateResult, RequestOptions, Store } from "../../src/store/store.js";
import { appendOf, arbitraryEntries, plain, runOf } from "../log/entries.js";
import { collect, failure, WrittenLog } from "../log/written-log.js";
import { archived, busyLog, found, stateAt, told } from "./whole-log.js";

const signal = new AbortController().signal;
const members = [{ nodeId: "b", address: "b:1" }];

async function exported(store: Store, range = {}): Promise<Buffer> {
  return Buffer.concat(await collect(exportLog(store, { signal, ...range })));
}

/** The bytes in pieces of a size. */
async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function importInto(store: Store, bytes: Uint8Array, grace: { readonly graceMs?: number } = {}) {
  const options = { signal, members, width: 4, ...grace };
  return importLog(store, new ExportFile("the file", pieces(bytes)), options);
}

function emptyStore(): MemoryStore {
  return new MemoryStore("memory:", new MemoryObjects());
}

async function entriesIn(store: Store): Promise<unknown[]> {
  const segments = await collect(storeSegments(store, { signal }));
  return segments.map((segment) => {
    const { firstIndex, timestampMs } = segment;
    return { firstIndex, timestampMs, entries: plain(decodeEntries(entryRunOf(segment))) };
  });
}

describe("exporting and importing", () => {
  it("gives a whole log with the same entries, and the same file again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryEntries, { minLength: 1, maxLength: 12 }),
        fc.nat(1000),
        async (appends, pick) => {
          const written = new WrittenLog().claim();
          found(written);
          appends.forEach((entries, at) => written.writeAppends([appendOf(entries)], 1000 + at));
          const first = await exported(written.store);
          const store = emptyStore();
          await importInto(store, first);
          expect(await entriesIn(store)).to.deep.equal(await entriesIn(written.store));
          expect((await exported(store)).equals(first)).to.equal(true);

          // A range, which becomes a log that was trimmed.
          const startIndex = 1 + (pick % (written.walk.nextIndex - 1));
          const part = await exported(written.store, { startIndex });
          const other = emptyStore();
          const imported = await importInto(other, part);
          expect([imported.firstIndex, imported.nextIndex]).to.deep.equal([
            startIndex,
            written.walk.nextIndex,
          ]);
          expect((await exported(other)).equals(part)).to.equal(true);
          for (const each of [store, other]) {
            const report = await verifyLog(each, { signal });
            expect(told(report, "damage")).to.deep.equal([]);
            expect(report.nextIndex).to.equal(written.walk.nextIndex);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it("takes archives, voids and records in between for what they are", async () => {
    const written = busyLog();
    const whole = busyLog();
    found(whole);
    archived(written, { cuts: [15, 30] });
    const bytes = await exported(written.store);
    expect(bytes.equals(await exported(whole.store))).to.equal(true);
    const trimmed = busyLog();
    const { firstIndex } = archived(trimmed, {
      cuts: [15, 30],
      firstIndex: stateAt(trimmed, 15).nextIndex,
    });
    const rest = await exported(trimmed.store);
    expect(rest.equals(await exported(whole.store, { startIndex: firstIndex }))).to.equal(true);
  });

  it("is a stream that protocol buffers' own libraries read", async () => {
    const written = busyLog();
    found(written);
    const bytes = await exported(written.store, { startIndex: 3, endIndex: 8 });
    const stream = sizeDelimitedDecodeStream(ExportPartSchema, pieces(bytes));
    const parts = (await collect(stream)).map(({ part }) => part);
    expect(parts.map((part) => part.case)).to.deep.equal([
      "header",
      "entries",
      "entries",
      "entries",
      "trailer",
    ]);
    expect(parts[0]?.case === "header" && parts[0].value.firstIndex).to.equal(3n);
    expect(parts[3]?.case === "entries" && parts[3].value.entryCount).to.equal(1);
    expect(parts[4]?.case === "trailer" && parts[4].value.nextIndex).to.equal(8n);
    const last = encodePart({ type: "trailer", nextIndex: 8, runCount: 3, entriesChecksum: 0 });
    expect(fromBinary(ExportPartSchema, last.subarray(1)).part.case).to.equal("trailer");
  });

  it("begins where a trim has left the log, which no manifest knows of", async () => {
    const written = new WrittenLog().claim().write("1", "2").write("3", "4");
    found(written);
    written.record({ type: "trimmed", entryOffset: 0, firstIndex: 2 }).write("5");
    const bytes = await exported(written.store);
    expect((await exported(written.store, { startIndex: 2 })).equals(bytes)).to.equal(true);
    const store = emptyStore();
    expect(await importInto(store, bytes)).to.include({ firstIndex: 2, nextIndex: 6 });
    const error = await failure(exported(written.store, { startIndex: 1 }));
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "out_of_range");
  });

  it("refuses a range that is not all in the log", async () => {
    const written = busyLog();
    found(written);
    for (const range of [
      { startIndex: 74 },
      { endIndex: 74 },
      { startIndex: 900, endIndex: 901 },
    ]) {
      const error = await failure(exported(written.store, range));
      expect(error).to.be.instanceOf(SuraftError).with.property("kind", "out_of_range");
    }
    // The end of the log is in it: nothing.
    const { nextIndex } = await importInto(
      emptyStore(),
      await exported(written.store, { startIndex: 73 }),
    );
    expect(nextIndex).to.equal(73);
    const none = await failure(exported(emptyStore()));
    expect(none).to.be.instanceOf(SuraftError).with.property("kind", "invalid");
  });

  it("stops at a damaged segment, and makes no whole file of it", async () => {
    const written = busyLog();
    found(written);
    const { position } = written.entries[5] ?? { position: 0 };
    written.store.put(position, new Uint8Array(40));
    const error = await failure(exported(written.store));
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "corrupt");
  });
});

describe("importing", () => {
  it("founds a cluster with the grace that is asked for, and keeps to it", async () => {
    const written = new WrittenLog().claim().write("a");
    found(written);
    const bytes = await exported(written.store);
    const graceOf = async (store: Store): Promise<unknown> => {
      const read = await readManifest(store, signal);
      return read.type === "found" && read.manifest.graceMs;
    };
    const [usual, short] = [emptyStore(), emptyStore()];
    await importInto(usual, bytes);
    expect(await graceOf(usual)).to.equal(3_600_000);
    await importInto(short, bytes, { graceMs: 5000 });
    expect(await graceOf(short)).to.equal(5000);
    // One that failed before its end goes on with the same grace only.
    await short.delete(manifestName(1), { signal });
    expect(await failure(importInto(short, bytes))).to.include({ kind: "conflict" });
    await importInto(short, bytes, { graceMs: 5000 });
    expect(await graceOf(short)).to.equal(5000);
  });

  it("refuses a file that is cut off anywhere, leaves no log, and goes on with the whole one", async () => {
    const written = busyLog();
    found(written);
    const bytes = await exported(written.store, { endIndex: 12 });
    const store = emptyStore();
    for (let size = 0; size < bytes.length; size += 7) {
      const error = await failure(importInto(store, bytes.subarray(0, size)));
      expect(error, `${size} bytes`).to.be.instanceOf(SuraftError);
      expect((error as SuraftError).kind, `${size} bytes`).to.be.oneOf(["corrupt", "invalid"]);
      const manifest = await store.get(manifestName(0), { signal });
      expect(manifest.type, `${size} bytes`).to.equal("absent");
    }
    await importInto(store, bytes);
    expect((await exported(store)).equals(bytes)).to.equal(true);
  });

  it("refuses a file in which a bit was flipped", async () => {
    const written = busyLog();
    found(written);
    const bytes = await exported(written.store, { endIndex: 6 });
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 16;
      const error = await failure(importInto(emptyStore(), flipped));
      expect(error, `byte ${at}`).to.be.instanceOf(SuraftError);
    }
  });

  it("refuses parts that are whole and do not follow one another", async () => {
    const run = runOf([{ payload: Buffer.from("a"), headers: [] }]);
    const header = encodePart({ type: "header", firstIndex: 5 });
    const entries = (firstIndex: number, timestampMs: number) =>
      encodePart({ type: "entries", firstIndex, timestampMs, run, keys: [] });
    const cases: readonly (readonly [RegExp, readonly Uint8Array[]])[] = [
      [/no header/, [entries(5, 1)]],
      [/begins at 6/, [header, entries(6, 1)]],
      [/earlier time/, [header, entries(5, 2), entries(6, 1)]],
      [/second header/, [header, header]],
      [
        /add up/,
        [header, encodePart({ type: "trailer", nextIndex: 6, runCount: 0, entriesChecksum: 0 })],
      ],
      [
        /behind the trailer/,
        [
          header,
          encodePart({ type: "trailer", nextIndex: 5, runCount: 0, entriesChecksum: 0 }),
          header,
        ],
      ],
    ];
    for (const [message, parts] of cases) {
      const error = await failure(importInto(emptyStore(), Buffer.concat(parts)));
      expect(error).to.be.instanceOf(SuraftError).with.property("message").that.matches(message);
    }
  });

  it("refuses a store that holds a log, one with its own import's log, and another import's part", async () => {
    const written = busyLog();
    found(written);
    const bytes = await exported(written.store);
    const into = async (store: Store, file: Uint8Array): Promise<unknown> => {
      const error = await failure(importInto(store, file));
      return error instanceof SuraftError ? error.kind : error;
    };
    expect(await into(written.store, bytes)).to.equal("conflict");
    const store = emptyStore();
    await importInto(store, bytes);
    expect(await into(store, bytes)).to.equal("conflict");
    const begun = emptyStore();
    expect(await into(begun, bytes.subarray(0, bytes.length - 1))).to.equal("corrupt");
    const other = await exported(written.store, { startIndex: 3 });
    expect(await into(begun, other)).to.equal("conflict");
    const lost = emptyStore();
    await lost.create(segmentName(0), new Uint8Array(9), { signal });
    expect(await into(lost, bytes)).to.equal("conflict");
    const twice = [...members, ...members];
    const file = new ExportFile("the file", pieces(bytes));
    const error = await failure(importLog(emptyStore(), file, { signal, members: twice }));
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "invalid");
  });

  it("goes on where the store failed, whatever became of the creates", async () => {
    const written = busyLog();
    found(written);
    const bytes = await exported(written.store, { startIndex: 3 });
    const objects = new MemoryObjects();
    // The last ones are the checkpoint and the two manifests.
    for (const failAt of [1, 2, 7, 20, 36, 37, 38, 39]) {
      const error = await failure(importInto(new FailingStore(objects, failAt), bytes));
      expect(error).to.be.instanceOf(SuraftError).with.property("kind", "unavailable");
    }
    const store = new MemoryStore("memory:", objects);
    await importInto(store, bytes);
    expect((await exported(store)).equals(bytes)).to.equal(true);
    expect((await verifyLog(store, { signal })).isDamaged).to.equal(false);
  });
});

describe("an import into a store on which a node is started", () => {
  function fileOf(range = {}): Promise<Buffer> {
    const written = busyLog();
    found(written);
    return exported(written.store, range);
  }

  async function conflict(store: Store, bytes: Uint8Array): Promise<string> {
    const error = await failure(importInto(store, bytes));
    expect(error).to.be.instanceOf(SuraftError).with.property("kind", "conflict");
    return (error as SuraftError).message;
  }

  const cluster = { members: [{ nodeId: "n1", address: "n1:1" }], signal };

  it("has ended where the node led the log between the manifests", async () => {
    const bytes = await fileOf();
    const objects = new MemoryObjects();
    const store = new MemoryStore("memory:", objects);
    const racing = new RacedStore(objects, manifestName(1), async () => {
      const { clusterId, ...manifest } = await openCluster(store, cluster);
      const next = encodeManifest({ ...manifest, clusterId, number: 1, nonce: "7".repeat(32) });
      await store.create(manifestName(1), next, { signal });
    });
    const { clusterId } = await importInto(racing, bytes);
    expect((await openCluster(store, cluster)).clusterId).to.equal(clusterId);
    expect((await exported(store)).equals(bytes)).to.equal(true);
    expect((await verifyLog(store, { signal })).isDamaged).to.equal(false);
    expect(await conflict(store, bytes)).to.match(
      /holds a log already: an import into it has ended/,
    );
  });

  it("takes nothing from a cluster that was founded before its first segment", async () => {
    const bytes = await fileOf();
    const objects = new MemoryObjects();
    const store = new MemoryStore("memory:", objects);
    let founded = "";
    const racing = new RacedStore(objects, "import/0", async () => {
      founded = (await openCluster(store, cluster)).clusterId;
    });
    expect(await conflict(racing, bytes)).to.match(
      /or a node was started on it: manifest\/0+ is not/,
    );
    expect((await openCluster(store, cluster)).clusterId).to.equal(founded);
    expect(await conflict(store, bytes)).to.match(/of a node that was started before an import/);
    // What it has left counts for nothing in the log of the cluster.
    expect(await entriesIn(store)).to.deep.equal([]);
    expect((await verifyLog(store, { signal })).isDamaged).to.equal(false);
  });

  it("founds nothing in the midst of it, and says so", async () => {
    const bytes = await fileOf();
    const objects = new MemoryObjects();
    let error: unknown;
    const racing = new RacedStore(objects, segmentName(3), async () => {
      error = await failure(openCluster(new MemoryStore("memory:", objects), cluster));
    });
    await importInto(racing, bytes);
    expect(error)
      .to.have.property("message")
      .that.matches(
        /^manifest\/0+: it is missing, though log\/0+ is there: an import that has not/,
      );
  });

  const later = {
    "with entries": { startIndex: 3 },
    "without any": { startIndex: 3, endIndex: 3 },
  };
  for (const [name, range] of Object.entries(later)) {
    it(`leads no log that begins later, ${name}, before the import has ended`, async () => {
      const bytes = await fileOf(range);
      const objects = new MemoryObjects();
      const store = new MemoryStore("memory:", objects);
      let error: unknown;
      const racing = new RacedStore(objects, manifestName(1), async () => {
        error = await failure(entriesIn(store));
      });
      await importInto(racing, bytes);
      expect(error).to.be.instanceOf(SuraftError).with.property("kind", "corrupt");
      expect((await exported(store)).equals(bytes)).to.equal(true);
      expect((await verifyLog(store, { signal })).isDamaged).to.equal(false);
    });
  }
});

/** Somebody else does something just before a name is created. */
class RacedStore extends MemoryStore {
  readonly #name: string;
  readonly #race: () => Promise<void>;

  constructor(objects: MemoryObjects, name: string, race: () => Promise<void>) {
    super("memory:", objects);
    this.#name = name;
    this.#race = race;
  }

  override async create(
    name: string,
    bytes: Uint8Array,
    options: RequestOptions,
  ): Promise<CreateResult> {
    if (name === this.#name) await this.#race();
    return await super.create(name, bytes, options);
  }
}

/** Refuses every create from the nth on. */
class FailingStore extends MemoryStore {
  #left: number;

  constructor(objects: MemoryObjects, failAt: number) {
    super("memory:", objects);
    this.#left = failAt;
  }

  override async create(
    name: string,
    bytes: Uint8Array,
    options: RequestOptions,
  ): Promise<CreateResult> {
    this.#left -= 1;
    if (this.#left <= 0) return { type: "refused", cause: "no more" };
    return await super.create(name, bytes, options);
  }
}

describe("an export's parts", () => {
  it("never make decoding throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodePart(bytes).type).to.equal("corrupt");
      }),
    );
  });
});
