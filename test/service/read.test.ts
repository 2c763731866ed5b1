import { once } from "node:events";

import { expect } from "chai";

import { Consistency, type ReadResponse } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import {
  append,
  callRaw,
  failure,
  payloads,
  readAll,
  startTestService,
  type TestService,
} from "./test-service.js";

describe("LogService.Read", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService({ read: { progressIntervalMs: 20 } });
    test.node.now = () => 1_000_000;
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
    expect(test.node.log.readersOpen).to.equal(0);
    expect(test.node.log.waiters.size).to.equal(0);
  });

  /** Entries 1 to 10 in segments of 3, 3, 3 and 1, a second apart. */
  async function fill(): Promise<void> {
    for (const entries of [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["10"]]) {
      await test.log.append(append(...entries));
      const now = test.node.now();
      test.node.now = () => now + 1_000;
    }
  }

  const all = Array.from({ length: 10 }, (_, i) => `${i + 1} ${i + 1}`);

  const reads: readonly (readonly [string, Parameters<typeof readAll>[1], number, number])[] = [
    ["everything by default", {}, 1, 10],
    ["from the first index", { start: { case: "startIndex", value: 1n } }, 1, 10],
    ["from an index within a segment", { start: { case: "startIndex", value: 5n } }, 5, 10],
    ["nothing from the next index", { start: { case: "startIndex", value: 11n } }, 11, 10],
    ["up to an index within a segment", { endIndex: 6n }, 1, 5],
    ["up to an index beyond the tail", { endIndex: 99n }, 1, 10],
    [
      "nothing up to its own start",
      { start: { case: "startIndex", value: 5n }, endIndex: 5n },
      5,
      4,
    ],
    ["the last ones", { start: { case: "lastCount", value: 4n } }, 7, 10],
    ["all of the last hundred", { start: { case: "lastCount", value: 100n } }, 1, 10],
    ["none of the last none", { start: { case: "lastCount", value: 0n } }, 11, 10],
    ["no more entries than asked for", { entriesMax: 4n }, 1, 4],
    ["one entry of a segment", { start: { case: "startIndex", value: 2n }, entriesMax: 1n }, 2, 2],
    ["no more bytes than asked for", { bytesMax: 5n }, 1, 5],
    [
      "an entry larger than the bytes asked for",
      { start: { case: "startIndex", value: 10n }, bytesMax: 1n },
      10,
      10,
    ],
    ["whatever limit comes first", { entriesMax: 8n, bytesMax: 7n, endIndex: 4n }, 1, 3],
    ["from a timestamp", { start: { case: "startTimestamp", value: timestamp(1_001_000) } }, 4, 10],
    [
      "from between two timestamps",
      { start: { case: "startTimestamp", value: timestamp(1_001_000, 1) } },
      7,
      10,
    ],
    ["from before 1970", { start: { case: "startTimestamp", value: timestamp(-5_000) } }, 1, 10],
    [
      "nothing from after the last entry",
      { start: { case: "startTimestamp", value: timestamp(2_000_000) } },
      11,
      10,
    ],
    ["locally", { consistency: Consistency.LOCAL }, 1, 10],
  ];
  for (const [name, request, first, last] of reads) {
    it(`delivers ${name}`, async () => {
      await fill();
      expect(payloads(await readAll(test, request))).to.deep.equal(all.slice(first - 1, last));
    });
  }

  it("says with each batch who committed it, and when", async () => {
    await fill();
    const [response] = await readAll(test, { start: { case: "startIndex", value: 9n } });
    expect(
      response?.batches.map(({ firstIndex, term, timestamp: at }) => [
        firstIndex,
        term,
        at?.seconds,
      ]),
    ).to.deep.equal([
      [9n, 1n, 1_002n],
      [10n, 1n, 1_003n],
    ]);
  });

  it("says how far the log is in the first response and in the last", async () => {
    test.node.ageMs = 1_234.5;
    const [empty, ...more] = await readAll(test);
    expect(more).to.have.length(0);
    expect(empty?.progress).to.deep.include({ nextIndex: 1n, firstIndex: 1n });
    expect(empty?.progress?.age).to.deep.include({ seconds: 1n, nanos: 235_000_000 });
    for (let i = 0; i < 10; i++) {
      await test.log.append(append(Buffer.alloc(200_000)));
    }
    const responses = await readAll(test);
    expect(responses.length).to.be.greaterThan(5);
    expect(responses.at(0)?.progress?.nextIndex).to.equal(11n);
    expect(responses.at(-1)?.progress?.nextIndex).to.equal(11n);
  });

  it("puts small segments together and large ones apart", async () => {
    for (let i = 0; i < 300; i++) {
      await test.log.append(append("small"));
    }
    const small = await readAll(test);
    expect(small.length).to.be.lessThan(20);
    await test.log.append({
      entries: Array.from({ length: 40 }, () => ({ payload: Buffer.alloc(100_000, "x") })),
    });
    const large = await readAll(test, { start: { case: "startIndex", value: 301n } });
    const sizes = large.map(({ batches }) =>
      batches.reduce((sum, batch) => sum + batch.entries.length, 0),
    );
    expect(Math.max(...sizes)).to.equal(2);
    expect(sizes.reduce((sum, size) => sum + size, 0)).to.equal(40);
    const indexes = large.flatMap(({ batches }) => batches.map(({ firstIndex }) => firstIndex));
    expect(indexes).to.deep.equal(Array.from({ length: 20 }, (_, i) => BigInt(301 + i * 2)));
  });

  it("delivers an entry that is larger than a response should be", async () => {
    await test.log.append(append(Buffer.alloc(1_000_000, "y"), "z"));
    const responses = await readAll(test);
    expect(payloads(responses).map((line) => line.length)).to.deep.equal([1_000_002, 3]);
  });

  const refused: readonly (readonly [
    string,
    Parameters<typeof readAll>[1],
    SuraftError["kind"],
    RegExp,
  ])[] = [
    ["index 0", { start: { case: "startIndex", value: 0n } }, "invalid", /start index is 0/],
    ["an end at index 0", { endIndex: 0n }, "invalid", /end index is 0/],
    [
      "an end before the start",
      { start: { case: "startIndex", value: 5n }, endIndex: 4n },
      "invalid",
      /end index 4 is before the start index 5/,
    ],
    ["an unknown consistency", { consistency: 7 as Consistency }, "invalid", /consistency.*7/],
    [
      "a timestamp with too many nanoseconds",
      { start: { case: "startTimestamp", value: { seconds: 1n, nanos: 1_000_000_000 } } },
      "invalid",
      /nanoseconds/,
    ],
    [
      "a timestamp of no year",
      { start: { case: "startTimestamp", value: { seconds: 1n << 62n, nanos: 0 } } },
      "invalid",
      /years 1 to 9999/,
    ],
    [
      "an index beyond the tail",
      { start: { case: "startIndex", value: 12n } },
      "out_of_range",
      /beyond the tail/,
    ],
    [
      "an index that no number holds",
      { start: { case: "startIndex", value: (1n << 64n) - 1n } },
      "out_of_range",
      /beyond the tail/,
    ],
    [
      "a timestamp in the future",
      { start: { case: "startTimestamp", value: timestamp(Date.now() + 3_600_000) } },
      "out_of_range",
      /future/,
    ],
  ];
  for (const [name, request, kind, message] of refused) {
    it(`refuses ${name}`, async () => {
      await fill();
      const error = await failure(readAll(test, request));
      expect(error.kind).to.equal(kind);
      expect(error.message).to.match(message);
      expect(error.details).to.deep.equal(
        kind === "out_of_range" ? { first_index: "1", next_index: "11" } : {},
      );
    });
  }

  it("refuses an index that was trimmed, and begins after it by default", async () => {
    await fill();
    test.node.log.trim(2);
    const error = await failure(readAll(test, { start: { case: "startIndex", value: 6n } }));
    expect(error.kind).to.equal("out_of_range");
    expect(error.details).to.deep.equal({ first_index: "7", next_index: "11" });
    expect(payloads(await readAll(test))).to.deep.equal(all.slice(6));
    expect(
      payloads(await readAll(test, { start: { case: "lastCount", value: 9n } })),
    ).to.deep.equal(all.slice(6));
  });

  it("refuses a timestamp in the future only where no entry has it", async () => {
    test.node.now = () => Date.now() + 60_000;
    await test.log.append(append("ahead"));
    const start = { case: "startTimestamp" as const, value: timestamp(Date.now() + 30_000) };
    expect(payloads(await readAll(test, { start }))).to.deep.equal(["1 ahead"]);
  });

  it("refuses an unknown field and bytes that are no request", async () => {
    const path = "/suraft.v1.LogService/Read";
    for (const bytes of [
      Buffer.from([0x78, 1]),
      Buffer.from([0x12, 2, 0x18, 1]),
      Buffer.from("!"),
    ]) {
      expect((await failure(callRaw(test.address, path, bytes))).kind).to.equal("invalid");
    }
  });

  it("asks for a proof only where the read is linearizable", async () => {
    await readAll(test, { consistency: Consistency.LOCAL });
    expect(test.node.barriers).to.equal(0);
    await readAll(test, { consistency: Consistency.LINEARIZABLE });
    await readAll(test);
    expect(test.node.barriers).to.equal(2);
    test.node.onBarrier = () => Promise.reject(new SuraftError("unavailable", "no proof"));
    expect(await failure(readAll(test))).to.include({ kind: "unavailable", message: "no proof" });
    expect(await failure(test.log.getTail({}))).to.include({ kind: "unavailable" });
  });

  it("sees what was committed while it waited for the proof", async () => {
    test.node.onBarrier = async () => {
      test.node.onBarrier = () => Promise.resolve();
      await test.log.append(append("a"));
    };
    const start = { case: "startIndex" as const, value: 2n };
    expect(payloads(await readAll(test, { start }))).to.deep.equal([]);
  });

  it("ends at the tail of its beginning, however fast the log grows", async () => {
    await fill();
    test.node.log.beforeSegment = async () => void (await test.log.append(append("more")));
    expect(payloads(await readAll(test))).to.deep.equal(all);
    test.node.log.beforeSegment = undefined;
  });

  it("fails at a corrupt segment with what stood before it delivered", async () => {
    await fill();
    test.node.log.beforeSegment = async (segment) => {
      if (segment.firstIndex === 7) {
        throw new SuraftError("corrupt", "log/3 is damaged", { details: { object: "log/3" } });
      }
    };
    const responses: ReadResponse[] = [];
    const call = test.log.read({});
    call.on("data", (response: ReadResponse) => responses.push(response));
    const error = await failure(once(call, "end"));
    expect(error).to.include({ kind: "corrupt", message: "log/3 is damaged" });
    expect(error.details).to.deep.equal({ object: "log/3" });
    expect(payloads(responses)).to.deep.equal(all.slice(0, 6));
    expect(
      payloads(await readAll(test, { start: { case: "startIndex", value: 10n } })),
    ).to.have.length(1);
  });

  it("does not keep back what it has while the store is slow", async () => {
    await fill();
    let release: () => void = () => {};
    test.node.log.beforeSegment = (segment) =>
      segment.firstIndex === 4 ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    const call = test.log.read({});
    const [first] = (await once(call, "data")) as ReadResponse[];
    expect(payloads(first === undefined ? [] : [first])).to.deep.equal(all.slice(0, 3));
    release();
    await once(call.resume(), "end");
  });
});

describe("LogService.GetTail", () => {
  it("says how far the log is", async () => {
    const test = await startTestService();
    test.node.ageMs = 250;
    await test.log.append(append("a", "b"));
    const tail = await test.log.getTail({});
    expect(tail).to.deep.include({ nextIndex: 3n, firstIndex: 1n, term: 1n });
    expect(tail.age).to.deep.include({ seconds: 0n, nanos: 250_000_000 });
    expect(test.node.barriers).to.equal(1);
    await test.log.getTail({ consistency: Consistency.LOCAL });
    expect(test.node.barriers).to.equal(1);
    expect((await failure(test.log.getTail({ consistency: 9 as Consistency }))).kind).to.equal(
      "invalid",
    );
    await test.stop();
  });

  it("ends its wait for a proof when the caller has gone", async () => {
    const test = await startTestService();
    const waiting = new Promise<AbortSignal>((resolve) => {
      test.node.onBarrier = (signal) => {
        resolve(signal);
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error)),
        );
      };
    });
    const cancel = new AbortController();
    const call = failure(test.log.getTail({}, { signal: cancel.signal }));
    const signal = await waiting;
    cancel.abort();
    expect((await call).kind).to.equal("cancelled");
    if (!signal.aborted) {
      await once(signal, "abort");
    }
    expect(test.defects).to.deep.equal([]);
    await test.stop();
  });
});

function timestamp(milliseconds: number, nanos = 0) {
  return {
    seconds: BigInt(Math.floor(milliseconds / 1000)),
    nanos: (milliseconds - Math.floor(milliseconds / 1000) * 1000) * 1_000_000 + nanos,
  };
}
