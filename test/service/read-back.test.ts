import { once } from "node:events";
import { expect } from "chai";
import type { MessageInitShape } from "@bufbuild/protobuf";

import {
  Consistency,
  type ReadRequestSchema,
  type ReadResponse,
} from "../../gen/suraft/v1/log_pb.js";
import type { SuraftError } from "../../src/errors.js";
import {
  append,
  failure,
  payloads,
  readAll,
  startTestService,
  type TestService,
  until,
} from "./test-service.js";

type Request = MessageInitShape<typeof ReadRequestSchema>;

/** What was delivered, `index payload` each, of a read whose indexes go down. */
function downwards(responses: readonly ReadResponse[]): readonly string[] {
  return responses.flatMap(({ batches }) =>
    batches.flatMap(({ entries, firstIndex }) =>
      entries.map(
        ({ payload }, i) => `${Number(firstIndex) - i} ${Buffer.from(payload).toString()}`,
      ),
    ),
  );
}

function timestamp(milliseconds: number) {
  return {
    seconds: BigInt(Math.floor(milliseconds / 1000)),
    nanos: (milliseconds % 1000) * 1_000_000,
  };
}

const from = (value: bigint) => ({ case: "startIndex" as const, value });
const last = (value: bigint) => ({ case: "lastCount" as const, value });
const since = (ms: number) => ({ case: "startTimestamp" as const, value: timestamp(ms) });
const withHeader = (key: string, value?: string) => ({
  headers: [value === undefined ? { key } : { key, value: Buffer.from(value) }],
});

describe("LogService.Read in reverse and filtered", () => {
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

  /** Entries 1 to 10 in segments of 3, 3, 3 and 1, a second apart; every other one is even. */
  async function fill(): Promise<void> {
    for (const numbers of [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]) {
      const entries = numbers.map((number) => ({
        payload: Buffer.from(String(number)),
        headers: [{ key: number % 2 === 0 ? "even" : "odd", value: Buffer.from(String(number)) }],
      }));
      await test.log.append({ entries });
      const now = test.node.now();
      test.node.now = () => now + 1_000;
    }
  }

  const reversed: readonly (readonly [string, Request, readonly number[]])[] = [
    ["everything", {}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]],
    ["down from an index", { start: from(5n) }, [5, 4, 3, 2, 1]],
    ["down from the next index", { start: from(11n), entriesMax: 2n }, [10, 9]],
    ["down to an index", { endIndex: 7n }, [10, 9, 8]],
    ["down to its own start", { start: from(5n), endIndex: 5n }, []],
    ["the last ones", { start: last(4n) }, [10, 9, 8, 7]],
    ["all of the last hundred", { start: last(100n), entriesMax: 3n }, [10, 9, 8]],
    ["none of the last none", { start: last(0n) }, []],
    ["no more of the last than to an end", { start: last(4n), endIndex: 8n }, [10, 9]],
    [
      "no more bytes than asked for",
      { bytesMax: 13n },
      [10, 9, 8, 7, 6, 5, 4, 3, 2, 1].slice(0, 2),
    ],
    ["down from a timestamp", { start: since(1_001_000) }, [6, 5, 4, 3, 2, 1]],
    ["down from between two", { start: since(1_001_999) }, [6, 5, 4, 3, 2, 1]],
    ["nothing before the first timestamp", { start: since(999_999) }, []],
    ["from the end, where all is older", { start: since(9_000_000), entriesMax: 1n }, [10]],
    ["locally", { consistency: Consistency.LOCAL, entriesMax: 1n }, [10]],
    ["what matches", { filter: withHeader("even") }, [10, 8, 6, 4, 2]],
    ["the last two that match", { filter: withHeader("odd"), entriesMax: 2n }, [9, 7]],
    ["what matches of the last three", { start: last(3n), filter: withHeader("odd") }, [9]],
  ];
  for (const [name, request, expected] of reversed) {
    it(`delivers in reverse ${name}`, async () => {
      await fill();
      const responses = await readAll(test, { reverse: true, ...request });
      expect(downwards(responses)).to.deep.equal(expected.map((n) => `${n} ${n}`));
      expect(responses.at(-1)?.progress?.nextIndex).to.equal(11n);
    });
  }

  const filtered: readonly (readonly [string, Request, readonly number[]])[] = [
    ["by a key", { filter: withHeader("even") }, [2, 4, 6, 8, 10]],
    ["by a key and a value", { filter: withHeader("even", "8") }, [8]],
    ["by a value that another key has", { filter: withHeader("odd", "8") }, []],
    ["no more than asked for", { filter: withHeader("even"), entriesMax: 3n }, [2, 4, 6]],
    [
      "from an index to an index",
      { filter: withHeader("odd"), start: from(4n), endIndex: 9n },
      [5, 7],
    ],
    ["from a timestamp", { filter: withHeader("odd"), start: since(1_002_000) }, [7, 9]],
    ["of the last entries", { filter: withHeader("odd"), start: last(2n) }, [9]],
  ];
  for (const [name, request, expected] of filtered) {
    it(`delivers what matches ${name}`, async () => {
      await fill();
      const responses = await readAll(test, request);
      expect(payloads(responses)).to.deep.equal(expected.map((n) => `${n} ${n}`));
    });
  }

  it("reads an empty log either way", async () => {
    for (const request of [{ reverse: true }, { reverse: true, start: last(3n) }]) {
      const [only, ...more] = await readAll(test, request);
      expect(more).to.deep.equal([]);
      expect(only?.progress).to.deep.include({ nextIndex: 1n, firstIndex: 1n, readIndex: 0n });
    }
  });

  it("says where the read begins, and where it ended", async () => {
    await fill();
    const ends = async (request: Request) => {
      const responses = await readAll(test, request);
      return responses.flatMap(({ progress }) =>
        progress === undefined ? [] : progress.readIndex,
      );
    };
    expect(await ends({ start: from(4n) })).to.deep.equal([11n]);
    expect(await ends({ start: from(4n), entriesMax: 3n })).to.deep.equal([7n]);
    expect(await ends({ reverse: true, start: from(4n) })).to.deep.equal([0n]);
    expect(await ends({ filter: withHeader("even"), start: from(4n) })).to.deep.equal([4n, 11n]);
    const reverse = { reverse: true, filter: withHeader("even"), start: last(4n) };
    expect(await ends(reverse)).to.deep.equal([10n, 6n]);
  });

  it("follows what matches, and is told how far it is while nothing does", async () => {
    await fill();
    const call = test.log.read({ follow: true, filter: withHeader("even", "12"), start: last(0n) });
    const responses: ReadResponse[] = [];
    call.on("data", (response: ReadResponse) => responses.push(response));
    call.on("error", () => {});
    await until(() => responses.length > 0, test);
    await test.log.append(append("11"));
    await until(() => responses.at(-1)?.progress?.readIndex === 12n, test);
    expect(payloads(responses)).to.deep.equal([]);
    const headers = [{ key: "even", value: Buffer.from("12") }];
    await test.log.append({ entries: [{ payload: Buffer.from("12"), headers }] });
    await until(() => payloads(responses).length > 0, test);
    expect(payloads(responses)).to.deep.equal(["12 12"]);
    call.cancel();
    await until(() => test.node.log.waiters.size === 0, test);
  });

  it("is told how far it is while a slow store brings nothing that matches", async () => {
    await fill();
    let release: () => void = () => {};
    test.node.log.beforeSegment = (segment) =>
      segment.firstIndex === 7 ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    const call = test.log.read({ filter: withHeader("none") });
    const responses: ReadResponse[] = [];
    call.on("data", (response: ReadResponse) => responses.push(response));
    await until(() => responses.some(({ progress }) => progress?.readIndex === 7n), test);
    const ended = once(call, "end");
    release();
    await ended;
    expect(responses.at(-1)?.progress?.readIndex).to.equal(11n);
    expect(payloads(responses)).to.deep.equal([]);
  });

  it("serves others while many readers look through much for nothing", async () => {
    const entries = Array.from({ length: 4096 }, () => ({ payload: Buffer.alloc(0) }));
    for (let i = 0; i < 8; i++) await test.log.append({ entries });
    let over = 0;
    const readers = Array.from({ length: 200 }, async () => {
      const responses = await readAll(test, { filter: withHeader("none") });
      expect(payloads(responses)).to.deep.equal([]);
      expect(responses.at(-1)?.progress?.readIndex).to.equal(32_769n);
      over += 1;
    });
    let answered = 0;
    const all = Promise.all(readers);
    while (over < 200) {
      await Promise.race([test.cluster.getStatus({}), all]);
      answered += 1;
    }
    await all;
    // Each reader looks through 65,536 fields, in 4 pieces: others come in between.
    expect(answered).to.be.greaterThan(50);
  }).timeout(120_000);

  const refused: readonly (readonly [string, Request, SuraftError["kind"], RegExp])[] = [
    ["to follow in reverse", { reverse: true, follow: true }, "invalid", /cannot follow/],
    [
      "an end above the start in reverse",
      { reverse: true, start: from(5n), endIndex: 6n },
      "invalid",
      /end index 6 is above the start index 5/,
    ],
    ["index 0 in reverse", { reverse: true, start: from(0n) }, "invalid", /start index is 0/],
    ["an end at 0 in reverse", { reverse: true, endIndex: 0n }, "invalid", /end index is 0/],
    ["to begin beyond the tail", { reverse: true, start: from(12n) }, "out_of_range", /beyond/],
    [
      "a timestamp in the future",
      { reverse: true, start: since(Date.now() + 3_600_000) },
      "out_of_range",
      /future/,
    ],
    ["a filter without a condition", { filter: {} }, "invalid", /no condition/],
    [
      "a filter with too many headers",
      { filter: { headers: Array.from({ length: 17 }, () => ({ key: "a" })) } },
      "invalid",
      /17 headers; at most 16/,
    ],
    ["a filter by an empty key", { filter: withHeader("") }, "invalid", /0 bytes/],
    ["a filter by a long key", { filter: withHeader("k".repeat(257)) }, "invalid", /257 bytes/],
    [
      "a filter by a long value",
      { filter: withHeader("k", "v".repeat(4097)) },
      "invalid",
      /4097 bytes; at most 4096/,
    ],
  ];
  for (const [name, request, kind, message] of refused) {
    it(`refuses ${name}`, async () => {
      await fill();
      const error = await failure(readAll(test, request));
      expect(error.kind).to.equal(kind);
      expect(error.message).to.match(message);
    });
  }

  it("refuses to begin below what was trimmed, and ends there in reverse", async () => {
    await fill();
    test.node.log.trim(2);
    const error = await failure(readAll(test, { reverse: true, start: from(6n) }));
    expect(error.kind).to.equal("out_of_range");
    expect(error.details).to.deep.equal({ first_index: "7", next_index: "11" });
    const responses = await readAll(test, { reverse: true });
    expect(downwards(responses)).to.deep.equal(["10 10", "9 9", "8 8", "7 7"]);
    expect(responses.at(-1)?.progress?.readIndex).to.equal(6n);
  });
});
