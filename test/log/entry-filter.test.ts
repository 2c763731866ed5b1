import { expect } from "chai";
import fc from "fast-check";

import { SuraftError } from "../../src/errors.js";
import { EntryFilter, type HeaderCondition } from "../../src/log/entry-filter.js";
import { entryOffsets, type EntryRun } from "../../src/log/entry-run.js";
import { runOf, type PlainEntry } from "./entries.js";

/** Which entries of a run match, by their places. */
function matching(run: EntryRun, ...headers: readonly HeaderCondition[]): number[] {
  return matchingBy(new EntryFilter({ headers }), run);
}

function matchingBy(filter: EntryFilter, run: EntryRun): number[] {
  const offsets = entryOffsets(run);
  return Array.from({ length: run.entryCount }, (_, place) => place).filter((place) =>
    filter.matches(run.bytes, offsets[place] ?? 0, offsets[place + 1] ?? 0),
  );
}

function header(key: string, value?: string): HeaderCondition {
  return { key, value: value === undefined ? undefined : Buffer.from(value) };
}

function entry(...headers: readonly (readonly [string, string])[]): PlainEntry {
  return {
    payload: Buffer.from("kind=order"),
    headers: headers.map(([key, value]) => ({ key, value: Buffer.from(value) })),
  };
}

describe("EntryFilter", () => {
  const run = runOf([
    entry(),
    entry(["kind", "order"]),
    entry(["kind", "refund"], ["region", "eu"]),
    entry(["region", "us"], ["kind", "order"], ["kind", "gift"]),
    entry(["kinds", "order"], ["kin", "d"]),
    entry(["order", "kind"], ["kind", ""]),
  ]);

  const cases: readonly (readonly [string, readonly HeaderCondition[], readonly number[]])[] = [
    ["a key", [header("kind")], [1, 2, 3, 5]],
    ["a key and a value", [header("kind", "order")], [1, 3]],
    ["a value at any place among repeated keys", [header("kind", "gift")], [3]],
    ["an empty value", [header("kind", "")], [5]],
    ["all conditions at once", [header("kind"), header("region")], [2, 3]],
    ["two values of one key", [header("kind", "order"), header("kind", "gift")], [3]],
    ["a key that nothing has", [header("color")], []],
  ];
  for (const [name, conditions, places] of cases) {
    it(`finds ${name}`, () => {
      expect(matching(run, ...conditions)).to.deep.equal(places);
    });
  }

  it("finds an entry's own key, and that key only", () => {
    const keyed = runOf([
      { ...entry(["a", "b"]), key: "order-7" },
      { ...entry(["order-7", "order-7"]) },
      { ...entry(["a", "c"]), key: "order-7" },
      { ...entry(["a", "b"]), key: "order-77" },
    ]);
    const places = (key: string, ...headers: readonly HeaderCondition[]): number[] =>
      matchingBy(new EntryFilter({ key, headers }), keyed);
    expect(places("order-7")).to.deep.equal([0, 2]);
    expect(places("order-7", header("a", "b"))).to.deep.equal([0]);
    expect(places("order-77")).to.deep.equal([3]);
    expect(places("order")).to.deep.equal([]);
    expect(matching(keyed, header("a", "b"))).to.deep.equal([0, 3]);
  });

  it("reads a header whose value comes first", () => {
    // entries { headers { value: "b" key: "a" } }
    const bytes = Buffer.from([10, 8, 18, 6, 18, 1, 98, 10, 1, 97]);
    const valueFirst: EntryRun = { bytes, entryCount: 1 };
    expect(matching(valueFirst, header("a", "b"))).to.deep.equal([0]);
    expect(matching(valueFirst, header("b"))).to.deep.equal([]);
  });

  it("agrees with a search of decoded entries", () => {
    const text = fc.constantFrom("a", "b", "é", "aa", "");
    const headers = fc.array(fc.tuple(fc.constantFrom("a", "b", "é", "aa"), text), {
      maxLength: 4,
    });
    const condition = fc.tuple(fc.constantFrom("a", "b", "é", "c"), fc.option(text));
    fc.assert(
      fc.property(
        fc.array(headers, { minLength: 1, maxLength: 8 }),
        fc.array(condition, { minLength: 1, maxLength: 3 }),
        (entries, conditions) => {
          const expected = entries.flatMap((has, place) =>
            conditions.every(([key, value]) =>
              has.some(([k, v]) => k === key && (value === null || v === value)),
            )
              ? [place]
              : [],
          );
          const found = matching(
            runOf(entries.map((has) => entry(...has))),
            ...conditions.map(([key, value]) => header(key, value ?? undefined)),
          );
          expect(found).to.deep.equal(expected);
        },
      ),
    );
  });

  it("does not look at a payload's inside", () => {
    const filter = new EntryFilter({ headers: [header("kind")] });
    const big = runOf([{ payload: Buffer.alloc(500_000, 10), headers: [] }]);
    expect(filter.matches(big.bytes, 0, big.bytes.length)).to.equal(false);
    expect(filter.fieldsSeen).to.equal(2);
  });

  const refused: readonly (readonly [string, readonly HeaderCondition[], RegExp])[] = [
    ["no condition", [], /no condition/],
    ["too many", Array.from({ length: 17 }, () => header("a")), /17 headers; at most 16/],
    ["an empty key", [header("")], /key in the filter has 0 bytes/],
    ["a key too long", [header("é".repeat(129))], /key in the filter has 258 bytes/],
    ["a value too long", [header("a", "v".repeat(4097))], /value in the filter has 4097 bytes/],
  ];
  for (const [name, conditions, message] of refused) {
    it(`refuses ${name}`, () => {
      expect(() => new EntryFilter({ headers: conditions }))
        .to.throw(SuraftError, message)
        .with.property("kind", "invalid");
    });
  }

  it("refuses a key that no entry can have", () => {
    for (const key of ["", "k".repeat(257)]) {
      expect(() => new EntryFilter({ key, headers: [] }))
        .to.throw(SuraftError, /the key in the filter has (0|257) bytes/)
        .with.property("kind", "invalid");
    }
  });

  it("takes the longest that is allowed", () => {
    const longest = header("k".repeat(256), "v".repeat(4096));
    const headers = Array.from({ length: 16 }, () => longest);
    const filter = new EntryFilter({ key: longest.key, headers });
    const long = runOf([{ ...entry([longest.key, "v".repeat(4096)]), key: longest.key }]);
    expect(filter.matches(long.bytes, 0, long.bytes.length)).to.equal(true);
  });
});
