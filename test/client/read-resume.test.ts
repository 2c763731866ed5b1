/** Reads that lose their node, against the real service. */

import { expect } from "chai";
import { connect } from "../../src/client/client.js";
import type { ReadFilter, ReadOptions, ReadPart } from "../../src/client/types.js";
import { startProxy, startTestService, type TestService } from "../service/test-service.js";

const even: ReadFilter = { headers: [{ key: "even" }] };
const entryCount = 60;

/** An entry's index as text, padded, with a header that tells even from odd. */
function entryAt(index: number) {
  const key = index % 2 === 0 ? "even" : "odd";
  const headers = [{ key, value: Buffer.from(String(index)) }];
  return { payload: Buffer.from(String(index).padEnd(200)), headers };
}

/** The indexes that parts deliver, by the batches and checked by the payloads. */
function indexesIn(parts: readonly ReadPart[]): number[] {
  return parts.flatMap(({ batches }) =>
    batches.flatMap(({ firstIndex, step, entries }) =>
      entries.map(({ payload }, place) => {
        const index = firstIndex + step * place;
        expect(Buffer.from(payload).toString().trim()).to.equal(String(index));
        return index;
      }),
    ),
  );
}

describe("a read that loses its node", () => {
  let test: TestService;

  beforeEach(async () => {
    // Few entries fit into a response, so that there are many.
    test = await startTestService({ read: { responseBytes: 700, progressIntervalMs: 10 } });
    test.node.now = () => 5_000;
    for (let index = 1; index <= entryCount; index += 4) {
      await test.log.append({ entries: [0, 1, 2, 3].map((place) => entryAt(index + place)) });
      const now = test.node.now();
      test.node.now = () => now + 1_000;
    }
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  /** Reads, each time through another way to the node, which is cut after so many parts. */
  async function readWithCuts(options: ReadOptions, partsBetweenCuts: number): Promise<number[]> {
    const proxies = await Promise.all(Array.from({ length: 12 }, () => startProxy(test.address)));
    const client = connect(
      proxies.map(({ address }) => address),
      { timeoutMs: 5_000 },
    );
    const parts: ReadPart[] = [];
    try {
      for await (const part of client.read({ timeoutMs: 5_000, ...options })) {
        parts.push(part);
        if (parts.length % partsBetweenCuts === 0) proxies.shift()?.cut();
        if (proxies.length < 2) throw new Error("too many parts for the proxies");
      }
    } finally {
      client.close();
      for (const proxy of proxies) proxy.cut();
    }
    return indexesIn(parts);
  }

  const up = (first: number, last: number, step = 1): number[] =>
    Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);
  const down = (first: number, last: number, step = 1): number[] =>
    up(last, first, step).toReversed();

  const reads: readonly (readonly [string, ReadOptions, readonly number[]])[] = [
    ["everything", {}, up(1, 60)],
    ["the last twenty", { start: { type: "last", count: 20 } }, up(41, 60)],
    ["what matches", { filter: even }, up(2, 60, 2)],
    ["what matches, to a limit", { filter: even, entriesMax: 11 }, up(2, 22, 2)],
    [
      "what matches of the last",
      { filter: even, start: { type: "last", count: 21 } },
      up(40, 60, 2),
    ],
    ["everything in reverse", { reverse: true }, down(60, 1)],
    [
      "in reverse from an index",
      { reverse: true, start: { type: "index", index: 33 } },
      down(33, 1),
    ],
    ["in reverse to an index", { reverse: true, endIndex: 40 }, down(60, 41)],
    ["in reverse to a limit", { reverse: true, entriesMax: 17 }, down(60, 44)],
    ["in reverse the last", { reverse: true, start: { type: "last", count: 19 } }, down(60, 42)],
    [
      "in reverse from a time",
      { reverse: true, start: { type: "timestamp", timestampMs: 9_999 } },
      down(20, 1),
    ],
    ["in reverse what matches", { reverse: true, filter: even }, down(60, 2, 2)],
    [
      "in reverse what matches of the last",
      { reverse: true, filter: even, start: { type: "last", count: 31 } },
      down(60, 30, 2),
    ],
    [
      "in reverse what matches, to a limit",
      { reverse: true, filter: even, entriesMax: 9, endIndex: 20 },
      down(60, 44, 2),
    ],
    ["to a number of bytes", { bytesMax: 2_500 }, up(1, 12)],
    ["in reverse to a number of bytes", { reverse: true, bytesMax: 2_500 }, down(60, 49)],
  ];
  for (const [name, options, expected] of reads) {
    it(`delivers each entry once: ${name}`, async () => {
      expect(await readWithCuts(options, 1000)).to.deep.equal(expected);
      expect(await readWithCuts(options, 3)).to.deep.equal(expected);
    });
  }

  it("goes on behind what was looked through for nothing", async () => {
    const proxies = await Promise.all([startProxy(test.address), startProxy(test.address)]);
    const client = connect(proxies.map(({ address }) => address));
    const requested: number[] = [];
    let release = (): void => undefined;
    test.node.log.beforeSegment = (segment) => {
      requested.push(segment.firstIndex);
      // The first node gets stuck half-way.
      const isStuck = segment.firstIndex === 33 && requested.filter((i) => i === 33).length === 1;
      return isStuck ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    };
    const filter: ReadFilter = { headers: [{ key: "even", value: "58" }] };
    const parts: ReadPart[] = [];
    for await (const part of client.read({ filter })) {
      parts.push(part);
      if (part.progress?.readIndex === 33) proxies[0]?.cut();
    }
    expect(indexesIn(parts)).to.deep.equal([58]);
    // Nothing below was looked through again.
    expect(requested.slice(requested.lastIndexOf(33))).to.deep.equal(up(33, 57, 4));
    expect(requested.filter((index) => index < 33)).to.deep.equal(up(1, 29, 4));
    release();
    client.close();
    for (const proxy of proxies) proxy.cut();
  });

  it("follows what matches over a broken connection", async () => {
    const proxies = await Promise.all([startProxy(test.address), startProxy(test.address)]);
    const client = connect(proxies.map(({ address }) => address));
    const found: number[] = [];
    const options = { filter: even, follow: true, start: { type: "last", count: 2 } } as const;
    for await (const part of client.read(options)) {
      const indexes = indexesIn([part]);
      found.push(...indexes);
      if (indexes.includes(60)) {
        proxies[0]?.cut();
        await test.log.append({ entries: [entryAt(61), entryAt(62), entryAt(63), entryAt(64)] });
      }
      if (indexes.includes(64)) break;
    }
    expect(found).to.deep.equal([60, 62, 64]);
    client.close();
    for (const proxy of proxies) proxy.cut();
  });

  it("has come to its end where the rest was trimmed meanwhile", async () => {
    const proxies = await Promise.all([startProxy(test.address), startProxy(test.address)]);
    const client = connect(proxies.map(({ address }) => address));
    const parts: ReadPart[] = [];
    for await (const part of client.read({ reverse: true })) {
      parts.push(part);
      if (parts.length > 1) continue;
      test.node.log.trim(1);
      proxies[0]?.cut();
    }
    const indexes = indexesIn(parts);
    expect(indexes).to.deep.equal(down(60, indexes.at(-1) ?? 0));
    client.close();
    for (const proxy of proxies) proxy.cut();
  });
});
