import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";

import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { AgeClock } from "../../src/log/age-clock.js";
import { encodeLedger } from "../../src/log/ledger-codec.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { manifestName, objectName, segmentName } from "../../src/log/names.js";
import { StoreLog } from "../../src/log/store-log.js";
import { StoreError } from "../../src/store/store.js";
import { arbitraryDeeds, archiveLog, logOf, statesOf } from "./archives.js";
import { clusterId, collect, failure, gate, textsOf, WrittenLog } from "./written-log.js";
import type { ManifestView } from "../../src/core/manifest.js";
import { logStart } from "../../src/core/walk.js";

const { signal } = new AbortController();
const graceMs = 3_600_000;

function found(written: WrittenLog): WrittenLog {
  const members = [{ nodeId: "node-1", address: "localhost:1" }];
  name(written, { ...foundingManifest(members, graceMs), clusterId });
  return written;
}

function name(written: WrittenLog, manifest: ManifestView): void {
  written.store.objects.create(manifestName(manifest.number), encodeManifest(manifest));
}

/** A checkpoint at a position, whose ledger is stored. */
function checkpointAt(written: WrittenLog, position: number, firstIndex = 1) {
  const ledger = new Ledger(ledgerBounds);
  for (const segment of written.committed) {
    if (segment.position < position && segment.type === "entries") ledger.apply(segment);
  }
  const id = { manifest: 1, nonce: position.toString(16).padStart(32, "d") };
  const encoded = encodeLedger(clusterId, { ...ledger.snapshot(), firstIndex });
  written.store.objects.create(objectName({ type: "checkpoint", id }), encoded.bytes);
  const walk = statesOf(written.committed, logStart, written.walk.tail)[position] ?? logStart;
  const { checksum } = encoded;
  return { walk, ledger: { id, sizeBytes: encoded.bytes.length, checksum } };
}

interface OpenOptions {
  readonly clock?: AgeClock;
  readonly timeoutMs?: number;
}

async function open(written: WrittenLog, options: OpenOptions = {}): Promise<StoreLog> {
  const bounds = { cacheBytesMax: 1_000_000, requestTimeoutMs: 2_000, timeoutMs: 2_000 };
  return await StoreLog.open({ store: written.store, signal, ...bounds, ...options });
}

/** Walks to a tail that is proven from now on. */
async function toTail(log: StoreLog): Promise<void> {
  const proof = log.begin();
  while (!proof.isProven) await log.walkOn(proof, signal);
}

async function texts(log: StoreLog, startIndex = log.log.firstIndex): Promise<string[]> {
  return (await collect(log.log.segments({ startIndex, signal }))).flatMap(textsOf);
}

function numbers(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}

function count(written: WrittenLog, upTo: number): WrittenLog {
  while (written.walk.nextIndex <= upTo) written.write(String(written.walk.nextIndex));
  return written;
}

describe("a log read straight from its store", () => {
  it("is what counts, from its beginning to the first absent position", async () => {
    const written = found(new WrittenLog()).claim().write("1", "2").void().claim().record();
    written.write("3").void().write("4").record();
    const log = await open(written);
    await toTail(log);
    expect(await texts(log)).to.deep.equal(["1", "2", "3", "4"]);
    expect(await texts(log, 4)).to.deep.equal(["4"]);
    expect([log.log.firstIndex, log.log.nextIndex, log.log.term]).to.deep.equal([1, 5, 2]);
  });

  it("is empty where nobody has led yet", async () => {
    const log = await open(found(new WrittenLog()));
    await toTail(log);
    expect([log.log.nextIndex, log.log.term]).to.deep.equal([1, 0]);
  });

  it("is the same whatever leaders did, with or without a checkpoint", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryDeeds,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (deeds, at) => {
          const written = found(logOf(deeds));
          const expected = written.entries.flatMap(textsOf);
          const log = await open(written);
          await toTail(log);
          expect(await texts(log)).to.deep.equal(expected);
          const position = Math.floor(at * written.walk.tail);
          if (position === 0) return;
          const checkpoint = checkpointAt(written, position);
          name(written, {
            ...foundingManifest([{ nodeId: "n", address: "n:1" }], graceMs),
            clusterId,
            number: 1,
            checkpoint,
          });
          written.store.got.length = 0;
          const later = await open(written);
          await toTail(later);
          const walked = written.store.got.filter((got) => got < segmentName(position));
          expect(walked.filter((got) => got.startsWith("log/"))).to.deep.equal([]);
          expect(await texts(later)).to.deep.equal(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("begins at a checkpoint, reads archives below the floor, and not what was trimmed", async () => {
    const written = count(new WrittenLog().claim(), 90);
    const manifest = archiveLog(written, { cuts: [30, 60], firstIndex: 45 });
    name(written, { ...manifest, checkpoint: checkpointAt(written, 80, 45) });
    const log = await open(written);
    await toTail(log);
    expect(log.log.firstIndex).to.equal(45);
    expect(await texts(log)).to.deep.equal(numbers(45, 90));
    expect(await texts(log, 85)).to.deep.equal(numbers(85, 90));
    expect(await failure(texts(log, 44))).to.include({ kind: "out_of_range" });
  });

  it("stops at a gap, whatever stands behind it", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    written.store.objects.delete(segmentName(2));
    const log = await open(written);
    await toTail(log);
    expect(await texts(log)).to.deep.equal(["1"]);
  });

  it("sees everything that was committed before a read began, in one look at rest", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    const log = await open(written);
    await toTail(log);
    for (let index = 4; index < 10; index++) {
      count(written, index);
      await toTail(log);
      expect(log.log.nextIndex).to.equal(index + 1);
      written.store.got.length = 0;
      await toTail(log);
      expect(written.store.got).to.deep.equal([segmentName(index + 1)]);
    }
  });

  it("proves the tail to a thousand readers by one look", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    const log = await open(written);
    await toTail(log);
    written.store.got.length = 0;
    const proofs = Array.from({ length: 1000 }, () => log.begin());
    await Promise.all(
      proofs.map(async (proof) => {
        while (!proof.isProven) await log.walkOn(proof, signal);
      }),
    );
    // Those that came while the first one's was under way share the second.
    expect(written.store.got.length).to.be.within(1, 2);
  });

  it("takes no look for a proof that was sent before the read began", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    const log = await open(written);
    await toTail(log);
    // The store finds nothing, and its answer is long on its way.
    const get = written.store.get.bind(written.store);
    const { opened, open: deliver } = gate();
    const { opened: looked, open: tellLooked } = gate();
    written.store.get = async (got, options) => {
      const result = await get(got, options);
      tellLooked();
      await opened;
      return result;
    };
    const early = log.begin();
    const walking = log.walkOn(early, signal);
    await looked;
    count(written, 4);
    const late = log.begin();
    written.store.get = get;
    deliver();
    await walking;
    expect([early.isProven, log.log.nextIndex]).to.deep.equal([true, 4]);
    while (!late.isProven) await log.walkOn(late, signal);
    expect(log.log.nextIndex).to.equal(5);
  });

  it("looks at many positions at once, and not far past the tail", async () => {
    const written = count(found(new WrittenLog()).claim(), 500);
    written.store.beforeGet = () => nextTurn(undefined);
    const log = await open(written);
    written.store.got.length = 0;
    await toTail(log);
    expect(written.store.underWayMost).to.be.within(32, 64);
    expect(written.store.got.length).to.be.at.most(501 + 64);
    expect(await texts(log)).to.deep.equal(numbers(1, 500));
  });

  it("is walked no further than those who wait for it ask", async () => {
    const big = "x".repeat(1024 * 1024);
    const written = found(new WrittenLog()).claim();
    for (let i = 0; i < 40; i++) written.write(big);
    const log = await open(written);
    const proof = log.begin();
    await log.walkOn(proof, signal);
    for (let i = 0; i < 50; i++) await nextTurn();
    expect(log.log.nextIndex).to.be.within(3, 7);
    // And what is looked at ahead is bounded by bytes: 32 MiB, and what was walked.
    expect(written.store.got.length).to.be.at.most(1 + 33 + 6);
    while (!proof.isProven) await log.walkOn(proof, signal);
    expect(log.log.nextIndex).to.equal(41);
  });

  it("names a damaged object when it gets there, with what is before it to be read", async () => {
    const written = count(found(new WrittenLog()).claim(), 20);
    written.store.put(12, Buffer.from("garbage"));
    const log = await open(written);
    const error = await failure(toTail(log));
    expect(error).to.include({ kind: "corrupt" });
    expect(error).to.have.deep.property("details", { object: segmentName(12) });
    expect(await texts(log)).to.deep.equal(numbers(1, 11));
    expect(await failure(toTail(log))).to.equal(error);
  });

  it("tries again while the store does not answer, and gives up in its time", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    let failures = 3;
    written.store.beforeGet = async (got) => {
      if (got.startsWith("log/") && failures-- > 0) throw new StoreError("unavailable", "later");
    };
    const log = await open(written);
    await toTail(log);
    expect(log.log.nextIndex).to.equal(4);
    failures = Infinity;
    const hasty = await open(written, { timeoutMs: 300 });
    const began = performance.now();
    expect(await failure(toTail(hasty))).to.include({ kind: "unavailable", message: "later" });
    expect(performance.now() - began).to.be.within(250, 2_000);
    failures = 0;
    await toTail(hasty);
    expect(hasty.log.nextIndex).to.equal(4);
  });

  it("passes on at once what no retry can mend", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    const log = await open(written);
    written.store.beforeGet = async () => {
      throw new StoreError("forbidden", "no permission to read");
    };
    expect(await failure(toTail(log))).to.include({ kind: "forbidden" });
  });

  it("says that a store holds no cluster", async () => {
    expect(await failure(open(new WrittenLog()))).to.include({ kind: "invalid" });
  });

  it("ends with the signal's reason while the store hangs", async () => {
    const written = count(found(new WrittenLog()).claim(), 3);
    const log = await open(written);
    written.store.beforeGet = () => new Promise(() => undefined);
    const controller = new AbortController();
    const waiting = log.walkOn(log.begin(), controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await failure(waiting)).to.equal(reason);
  });
});

describe("a reader that slept (PROTOCOL 9)", () => {
  /** A reader of a log of 30 entries, and a clock that is set by hand. */
  async function asleep() {
    let nowMs = 0;
    const written = count(found(new WrittenLog()).claim(), 30);
    const log = await open(written, { clock: new AgeClock([() => nowMs]) });
    await toTail(log);
    expect(log.log.nextIndex).to.equal(31);
    const sleep = (ms: number): void => void (nowMs += ms);
    return { written, log, sleep };
  }

  /** The log goes on to 90 entries; meanwhile its first 60 positions are archived and deleted. */
  function liveOn(written: WrittenLog, firstIndex = 1): void {
    count(written, 90);
    const manifest = archiveLog(written, { cuts: [30, 60], firstIndex });
    const checkpoint = checkpointAt(written, 75, firstIndex);
    name(written, { ...manifest, graceMs, checkpoint });
  }

  it("does not take a deleted name for the tail: it goes on from the manifest's checkpoint", async () => {
    const { written, log, sleep } = await asleep();
    liveOn(written);
    sleep(graceMs);
    await toTail(log);
    expect(log.log.nextIndex).to.equal(91);
    expect(await texts(log)).to.deep.equal(numbers(1, 90));
  });

  it("does not take a ghost for the next segment", async () => {
    const { written, log, sleep } = await asleep();
    const ghost = written.committed.at(-1);
    if (ghost?.type !== "entries") throw new Error("no segment");
    const rival = new WrittenLog().claim();
    count(rival, 30).write("a ghost");
    liveOn(written, 50);
    const bytes = rival.store.objects.get(segmentName(31), undefined);
    if (bytes.type !== "found") throw new Error("no ghost");
    written.store.put(31, bytes.bytes);
    sleep(graceMs);
    await toTail(log);
    expect([log.log.firstIndex, log.log.nextIndex]).to.deep.equal([50, 91]);
    expect(await texts(log)).to.deep.equal(numbers(50, 90));
  });

  it("reads the manifest again only once half a grace has passed", async () => {
    const { written, log, sleep } = await asleep();
    const manifestReads = (): number =>
      written.store.got.filter((got) => got.startsWith("manifest/")).length;
    sleep(graceMs / 2 - 1);
    const before = manifestReads();
    await toTail(log);
    expect(manifestReads()).to.equal(before);
    sleep(graceMs / 2 + 1);
    count(written, 40);
    await toTail(log);
    expect(manifestReads()).to.equal(before + 1);
    expect(log.log.nextIndex).to.equal(41);
  });

  it("is told DATA_LOSS where the manifests have gone", async () => {
    const { written, log, sleep } = await asleep();
    written.store.objects.delete(manifestName(0));
    sleep(graceMs);
    expect(await failure(toTail(log))).to.include({ kind: "corrupt" });
  });
});
