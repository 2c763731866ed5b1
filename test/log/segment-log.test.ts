import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";

import { SuraftError } from "../../src/errors.js";
import { segmentName } from "../../src/log/names.js";
import { sealSegment, storedBytes } from "../../src/log/segment-codec.js";
import { SegmentLog } from "../../src/log/segment-log.js";
import { StoreError } from "../../src/store/store.js";
import { appendOf, textEntry } from "./entries.js";
import {
  clusterId,
  collect,
  failure,
  gate,
  textsOf,
  wholePast,
  WrittenLog,
} from "./written-log.js";

const signal = new AbortController().signal;

interface LogOptions {
  readonly cacheBytesMax?: number;
  readonly indexRowsMax?: number;
}

/** A node's log whose memory holds one segment only, so that everything else is read again. */
function logOf(written: WrittenLog, options: LogOptions = {}): SegmentLog {
  const from = { store: written.store, clusterId, past: wholePast() };
  const log = new SegmentLog({ ...from, cacheBytesMax: 1, ...options });
  written.tell(log);
  return log;
}

async function read(log: SegmentLog, startIndex: number): Promise<string[]> {
  return (await collect(log.segments({ startIndex, signal }))).flatMap(textsOf);
}

function letters(written: WrittenLog, count: number): WrittenLog {
  for (let i = 1; i <= count; i++) written.write(`${i}a`, `${i}b`);
  return written;
}

/** A log in which leaders change, and late writes of dead ones stand in between. */
function eventful(): WrittenLog {
  const written = new WrittenLog().claim().write("1", "2").void().write("3").claim().void();
  return written.write("4").write("5", "6", "7").void().void().claim().write("8").claim(9);
}

function corruptionOf(error: unknown): string | undefined {
  expect(error).to.be.instanceOf(SuraftError);
  if (!(error instanceof SuraftError)) return undefined;
  expect(error.kind).to.equal("corrupt");
  expect(error.message).to.contain(error.details["object"]);
  return error.details["object"];
}

describe("SegmentLog", () => {
  it("is empty at first", async () => {
    const log = logOf(new WrittenLog());
    expect([log.firstIndex, log.nextIndex, log.term]).to.deep.equal([1, 1, 0]);
    expect(await read(log, 1)).to.deep.equal([]);
    expect(await log.findTimestamp(0, signal)).to.equal(1);
    expect(await log.findTimestamp(5, signal)).to.equal(1);
  });

  it("counts entries and terms as they are committed", () => {
    const log = logOf(eventful());
    expect([log.nextIndex, log.term]).to.deep.equal([9, 9]);
  });

  it("reads from memory what it has lately seen, with no request", async () => {
    const written = eventful();
    const log = logOf(written, { cacheBytesMax: 1_000_000 });
    expect(await read(log, 1)).to.deep.equal(["1", "2", "3", "4", "5", "6", "7", "8"]);
    expect(await read(log, 9)).to.deep.equal([]);
    expect(written.store.got).to.deep.equal([]);
    expect(log.gets).to.equal(0);
  });

  it("reads the rest from the store, skipping what never counted", async () => {
    const written = eventful();
    const log = logOf(written);
    expect(await read(log, 1)).to.deep.equal(["1", "2", "3", "4", "5", "6", "7", "8"]);
    expect(log.gets).to.equal(written.store.got.length).and.to.be.greaterThan(4);
  });

  it("reads from any index, whatever it keeps in memory and however sparse its index is", async () => {
    const step = fc.constantFrom("claim", "void", "record", "one", "three" as const);
    const sizes = fc.record({
      cacheBytesMax: fc.constantFrom(1, 3000, 1_000_000),
      indexRowsMax: fc.constantFrom(2, 4, 1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), sizes, async (steps, options) => {
        const written = new WrittenLog().claim();
        let n = 0;
        for (const next of steps) {
          if (next === "claim") written.claim();
          else if (next === "void") written.void();
          else if (next === "record") written.record();
          else if (next === "one") written.write(String(++n));
          else written.write(String(++n), String(++n), String(++n));
        }
        const log = logOf(written, options);
        expect(log.nextIndex).to.equal(n + 1);
        for (let index = 1; index <= n + 1; index++) {
          const segments = await collect(log.segments({ startIndex: index, signal }));
          const texts = segments.flatMap(textsOf).map(Number);
          const first = segments[0]?.firstIndex ?? index;
          expect(first + (segments[0]?.entryCount ?? 1)).to.be.greaterThan(index);
          expect(first).to.be.at.most(index);
          expect(texts).to.deep.equal(Array.from({ length: n + 1 - first }, (_, i) => first + i));
        }
        for (const { timestampMs, firstIndex } of written.entries) {
          expect(await log.findTimestamp(timestampMs, signal)).to.equal(firstIndex);
          expect(await log.findTimestamp(timestampMs - 9, signal)).to.equal(firstIndex);
        }
        expect(await log.findTimestamp(1e9, signal)).to.equal(n + 1);
        expect(await log.findTimestamp(0, signal)).to.equal(1);
      }),
      { numRuns: 60 },
    );
  });

  it("finds the first of several segments with one timestamp", async () => {
    for (const indexRowsMax of [2, 1000]) {
      const written = new WrittenLog().claim();
      for (const at of [5, 5, 5, 7, 7, 7, 7, 9])
        written.writeAppends([appendOf([textEntry("x")])], at);
      const log = logOf(written, { indexRowsMax });
      const found = [0, 5, 6, 7, 8, 9, 10].map((at) => log.findTimestamp(at, signal));
      expect(await Promise.all(found)).to.deep.equal([1, 1, 4, 4, 8, 8, 9]);
    }
  });

  it("refuses to read before the first index or beyond the next", async () => {
    const log = logOf(eventful());
    for (const startIndex of [0, -1, 10, NaN]) {
      const error = await failure(read(log, startIndex));
      expect(error).to.include({ kind: "out_of_range" });
      expect(error).to.have.deep.property("details", { first_index: "1", next_index: "9" });
    }
  });

  it("goes on to what was committed while it read", async () => {
    const written = letters(new WrittenLog().claim(), 3);
    const log = logOf(written);
    const texts: string[] = [];
    let told = written.committed.length;
    for await (const segment of log.segments({ startIndex: 1, signal })) {
      texts.push(...textsOf(segment));
      if (texts.length === 4) told = letters(written, 3).tell(log, told);
    }
    expect(texts).to.deep.equal([
      "1a",
      "1b",
      "2a",
      "2b",
      "3a",
      "3b",
      "1a",
      "1b",
      "2a",
      "2b",
      "3a",
      "3b",
    ]);
  });

  it("lets a slow reader fall out of memory and go on from the store", async () => {
    const written = letters(new WrittenLog().claim(), 4);
    const log = logOf(written, { cacheBytesMax: 6000 });
    const reading = log.segments({ startIndex: 1, signal });
    expect((await reading.next()).value?.firstIndex).to.equal(1);
    expect(written.store.got).to.deep.equal([]);
    const told = written.committed.length;
    letters(written, 30).tell(log, told);
    const rest = await collect(reading);
    expect(rest.map(({ firstIndex }) => firstIndex)).to.deep.equal(
      Array.from({ length: 33 }, (_, i) => 3 + 2 * i),
    );
    expect(written.store.got.length).to.be.greaterThan(20);
  });
});

describe("a damaged past", () => {
  /** Ten segments at positions 1 to 10, with entries 1 to 20. */
  function damaged(position: number, indexRowsMax = 1000): { log: SegmentLog; name: string } {
    const written = letters(new WrittenLog().claim(), 10);
    const log = logOf(written, { indexRowsMax });
    const segment = written.committed[position];
    if (segment === undefined) throw new Error("no such segment");
    const bytes = Uint8Array.from(storedBytes(segment));
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    written.store.put(position, bytes);
    return { log, name: segmentName(position) };
  }

  it("is reported with the object's name, and what comes before it is read", async () => {
    const { log, name } = damaged(4);
    const reading = log.segments({ startIndex: 1, signal });
    for (const first of [1, 3, 5]) expect((await reading.next()).value?.firstIndex).to.equal(first);
    expect(corruptionOf(await failure(reading.next()))).to.equal(name);
    expect(corruptionOf(await failure(read(log, 8)))).to.equal(name);
  });

  it("leaves all other ranges readable, however sparse the index is", async () => {
    for (const indexRowsMax of [2, 4, 1000]) {
      for (const position of [1, 2, 5, 9]) {
        const { log, name } = damaged(position, indexRowsMax);
        for (let index = 1; index <= 20; index++) {
          const at = Math.ceil(index / 2);
          if (at > position) {
            expect((await read(log, index))[0]).to.equal(`${at}a`);
          } else {
            expect(corruptionOf(await failure(read(log, index)))).to.equal(name);
          }
        }
      }
    }
  });

  it("is reported where an object has vanished", async () => {
    const written = letters(new WrittenLog().claim(), 3);
    const log = logOf(written);
    written.store.objects.delete(segmentName(2));
    const error = await failure(read(log, 1));
    expect(corruptionOf(error)).to.equal(segmentName(2));
    expect(error).to.have.property("message").that.contains("vanished");
  });

  it("is reported where the store tells another story than before", async () => {
    const written = letters(new WrittenLog().claim(), 10);
    for (const indexRowsMax of [2, 1000]) {
      const log = logOf(written, { indexRowsMax });
      const stranger = new WrittenLog().claim(77).write("another", "story");
      const other = stranger.committed[1];
      if (other?.type !== "entries") throw new Error("no segment");
      const moved = sealSegment(clusterId, {
        ...other,
        position: 3,
        appends: [appendOf([textEntry("another"), textEntry("story")])],
      });
      written.store.put(3, storedBytes(moved));
      corruptionOf(await failure(read(log, 1)));
    }
  });

  it("is reported where the store itself says so", async () => {
    const written = letters(new WrittenLog().claim(), 3);
    const log = logOf(written);
    written.store.beforeGet = async (name) => {
      throw new StoreError("corrupt", `${name}: the hash is wrong`);
    };
    expect(corruptionOf(await failure(read(log, 1)))).to.equal(segmentName(1));
  });
});

describe("reading the past", () => {
  it("asks for several segments at once, the more the longer it reads", async () => {
    for (const [segments, least, most] of [
      [30, 8, 16],
      [200, 17, 200 / 3 + 1],
      [2000, 200, 256],
    ] as const) {
      const written = letters(new WrittenLog().claim(), segments);
      const log = logOf(written);
      written.store.beforeGet = () => nextTurn(undefined);
      expect(await read(log, 1)).to.have.lengthOf(2 * segments);
      expect(written.store.underWayMost).to.be.within(least, most);
      expect(new Set(written.store.got).size).to.equal(written.store.got.length);
    }
  });

  it("asks once for what many readers want", async () => {
    const written = letters(new WrittenLog().claim(), 50);
    const log = logOf(written);
    written.store.beforeGet = () => nextTurn(undefined);
    const readers = Array.from({ length: 1000 }, () =>
      collect(log.segments({ startIndex: 1, signal: new AbortController().signal })),
    );
    for (const segments of await Promise.all(readers)) expect(segments).to.have.lengthOf(50);
    expect(written.store.got).to.have.lengthOf(new Set(written.store.got).size);
  });

  it("holds little for a reader that does not come back", async () => {
    const written = letters(new WrittenLog().claim(), 500);
    const log = logOf(written);
    const reading = log.segments({ startIndex: 1, signal });
    for (let i = 0; i < 20; i++) await reading.next();
    for (let i = 0; i < 50; i++) await nextTurn();
    expect(written.store.got.length).to.be.at.most(20 + 16);
    await reading.return();
  });

  it("asks for no more ahead than fits, for all readers together", async () => {
    const big = "x".repeat(256 * 1024);
    const written = new WrittenLog().claim();
    for (let i = 0; i < 220; i++) written.write(big);
    const log = logOf(written);
    const readings = Array.from({ length: 10 }, (_, i) =>
      log.segments({ startIndex: 1 + i * 22, signal: new AbortController().signal }),
    );
    for (let round = 0; round < 6; round++) {
      for (const reading of readings) await reading.next();
    }
    for (let i = 0; i < 20; i++) await nextTurn();
    const ahead = written.store.got.length - 6 * readings.length;
    // 32 MiB for all; 15 segments each would take 37.
    expect(ahead).to.be.within(64, 128);
    for (const reading of readings) await reading.return();
    expect(await read(log, 200)).to.have.lengthOf(21);
  });

  it("tries again when the store does not answer, and gives up in the end", async () => {
    const written = letters(new WrittenLog().claim(), 3);
    const log = logOf(written);
    let failures = 1;
    written.store.beforeGet = async () => {
      if (failures-- > 0) throw new StoreError("unavailable", "come back later");
    };
    expect(await read(log, 1)).to.have.lengthOf(6);
    const other = logOf(written);
    failures = Infinity;
    expect(await failure(read(other, 1))).to.include({ kind: "unavailable" });
  });

  it("ends with the signal's reason while the store hangs, and asks no more", async () => {
    const written = letters(new WrittenLog().claim(), 3);
    const log = logOf(written);
    const aborted: string[] = [];
    const { opened, open } = gate();
    written.store.beforeGet = (name, getSignal) =>
      new Promise((_, reject) => {
        open();
        getSignal.addEventListener("abort", () => {
          aborted.push(name);
          reject(new StoreError("unavailable", "aborted"));
        });
      });
    const controller = new AbortController();
    const reading = collect(log.segments({ startIndex: 1, signal: controller.signal }));
    await opened;
    const reason = new Error("the caller has gone");
    controller.abort(reason);
    expect(await failure(reading)).to.equal(reason);
    expect(aborted).to.deep.equal([segmentName(1)]);
    expect(written.store.got).to.have.lengthOf(1);
  });

  it("goes on for the others when one of several readers goes", async () => {
    const written = letters(new WrittenLog().claim(), 3);
    const log = logOf(written);
    const { opened, open } = gate();
    written.store.beforeGet = async () => await opened;
    const controller = new AbortController();
    const gone = collect(log.segments({ startIndex: 1, signal: controller.signal }));
    const stays = read(log, 1);
    await nextTurn();
    controller.abort(new Error("gone"));
    expect(await failure(gone)).to.have.property("message", "gone");
    open();
    expect(await stays).to.have.lengthOf(6);
    expect(written.store.got.filter((name) => name === segmentName(1))).to.have.lengthOf(1);
  });

  it("lets go of what it asked for when the signal aborts and the reader never comes back", async () => {
    const written = letters(new WrittenLog().claim(), 100);
    const log = logOf(written);
    const controller = new AbortController();
    const reading = log.segments({ startIndex: 1, signal: controller.signal });
    for (let i = 0; i < 10; i++) await reading.next();
    for (let i = 0; i < 20; i++) await nextTurn();
    let aborted = 0;
    written.store.beforeGet = (_, getSignal) =>
      new Promise((_resolve, reject) => {
        getSignal.addEventListener("abort", () => {
          aborted += 1;
          reject(new StoreError("unavailable", "aborted"));
        });
      });
    await reading.next();
    expect(written.store.underWay).to.be.greaterThan(0);
    const hanging = written.store.underWay;
    controller.abort(new Error("gone"));
    await nextTurn();
    expect([aborted, written.store.underWay]).to.deep.equal([hanging, 0]);
  });

  it("leaves no listener on the signal", async () => {
    const written = letters(new WrittenLog().claim(), 20);
    const log = logOf(written);
    const controller = new AbortController();
    for (const stopAfter of [1, 5, 100]) {
      let taken = 0;
      for await (const _ of log.segments({ startIndex: 1, signal: controller.signal })) {
        expect(getEventListeners(controller.signal, "abort").length).to.be.at.most(1);
        if (++taken === stopAfter) break;
      }
    }
    await log.findTimestamp(1100, controller.signal);
    expect(getEventListeners(controller.signal, "abort")).to.have.lengthOf(0);
  });
});

describe("waiting for entries", () => {
  it("ends when the index has been passed", async () => {
    const written = new WrittenLog().claim().write("1");
    const log = logOf(written);
    await log.waitPast(1, signal);
    const passed: number[] = [];
    const waits = [2, 3, 4].map(async (index) => {
      await log.waitPast(index, signal);
      passed.push(index);
    });
    await nextTurn();
    expect(passed).to.deep.equal([]);
    let told = written.committed.length;
    told = written.claim().tell(log, told);
    await nextTurn();
    expect(passed).to.deep.equal([]);
    told = written.write("2", "3").tell(log, told);
    await nextTurn();
    expect(passed).to.deep.equal([2, 3]);
    written.write("4").tell(log, told);
    await Promise.all(waits);
  });

  it("ends with the signal's reason, and leaves nothing behind either way", async () => {
    const written = new WrittenLog().claim();
    const log = logOf(written);
    const controllers = Array.from({ length: 5000 }, () => new AbortController());
    const waits = controllers.map((controller) => log.waitPast(1, controller.signal));
    const reason = new Error("gone");
    for (const controller of controllers.slice(0, 2500)) controller.abort(reason);
    for (const gone of waits.slice(0, 2500)) expect(await failure(gone)).to.equal(reason);
    written.write("1").tell(log, 1);
    await Promise.all(waits.slice(2500));
    for (const controller of controllers) {
      expect(getEventListeners(controller.signal, "abort")).to.have.lengthOf(0);
    }
    expect(await failure(log.waitPast(9, AbortSignal.abort(reason)))).to.equal(reason);
  });
});
