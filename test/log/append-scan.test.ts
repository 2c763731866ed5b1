import { expect } from "chai";
import fc from "fast-check";

import { appendRequestFields, forwardedAppendFields } from "../../src/log/append-options.js";
import { runBytesMax, scanAppend } from "../../src/log/append-scan.js";
import type { AppendBounds, ScannedAppend } from "../../src/log/append-scan.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import { appendRequest, arbitraryEntries, plain, textEntry, wideBounds } from "./entries.js";

function scan(bytes: Uint8Array, bounds: AppendBounds = wideBounds) {
  return scanAppend(bytes, bounds, appendRequestFields);
}

function taken(bytes: Uint8Array, bounds?: AppendBounds): ScannedAppend {
  const result = scan(bytes, bounds);
  if (result.type !== "append") throw new Error(JSON.stringify(result));
  return result.append;
}

function refusal(bytes: Uint8Array | readonly number[], bounds?: AppendBounds): string {
  const result = scan(Uint8Array.from(bytes), bounds);
  return result.type === "invalid" ? result.reason : `not refused but ${result.type}`;
}

const entry = (...fields: number[]): number[] => [0x0a, fields.length, ...fields];

describe("scanAppend", () => {
  it("takes the entries of any request as protobuf-es writes it, without copying them", () => {
    fc.assert(
      fc.property(arbitraryEntries, (entries) => {
        const message = appendRequest(entries);
        const { run, options } = taken(message);
        expect(run.bytes.buffer).to.equal(message.buffer);
        expect(run.bytes).to.deep.equal(message);
        expect(run.entryCount).to.equal(entries.length);
        expect(plain(decodeEntries(run))).to.deep.equal(plain(entries));
        expect(options).to.equal(undefined);
      }),
    );
  });

  it("copies entries together that other fields stand between", () => {
    const parts = [[textEntry("a"), textEntry("b")], [textEntry("c")], [textEntry("d")]];
    const [ab, c, d] = parts.map(appendRequest);
    const token = [0x22, 0x01, 0x78];
    const message = Buffer.concat(
      [token, ab, [0x2a, 0x01, 0x79], c, [0x18, 0x05], d].map((part) => Buffer.from(part ?? [])),
    );
    const { run, options } = taken(message);
    expect(run.entryCount).to.equal(4);
    expect(Buffer.from(run.bytes)).to.deep.equal(Buffer.from(appendRequest(parts.flat())));
    const demands = { fencingToken: "x", setFencingToken: "y", expectedNextIndex: 5 };
    expect(options).to.deep.equal(demands);
  });

  it("takes an entry without any field as an empty one", () => {
    const { run } = taken(Uint8Array.from([0x0a, 0, 0x0a, 0]));
    expect(plain(decodeEntries(run))).to.deep.equal(plain([textEntry(""), textEntry("")]));
  });

  it("takes an entry's fields in any order", () => {
    const header = [0x12, 0x06, 0x12, 0x01, 0x76, 0x0a, 0x01, 0x6b];
    const { run } = taken(Uint8Array.from(entry(...header, 0x0a, 0x01, 0x70)));
    const headers = [{ key: "k", value: Buffer.from("v") }];
    expect(plain(decodeEntries(run))).to.deep.equal(
      plain([{ payload: Buffer.from("p"), headers }]),
    );
  });

  it("refuses an append without entries", () => {
    const reason = "the append has no entries; it must have at least one";
    expect(refusal([])).to.equal(reason);
    expect(refusal([0x18, 0x05])).to.equal(reason);
  });

  it("refuses what this version does not know", () => {
    expect(refusal([...entry(), 0x3a, 0x00])).to.equal("field 7 is unknown");
    expect(refusal(entry(0x22, 0x00))).to.equal("entry 1: field 4 of an entry is unknown");
    const header = [0x12, 0x05, 0x0a, 0x01, 0x6b, 0x18, 0x01];
    expect(refusal(entry(...header))).to.equal("entry 1: field 3 of a header is unknown");
    const forwarded = scanAppend(Uint8Array.of(0x70, 1), wideBounds, forwardedAppendFields);
    expect(forwarded).to.deep.equal({ type: "invalid", reason: "field 14 is unknown" });
  });

  it("refuses a known field of a wrong type", () => {
    expect(refusal([0x08, 0x01])).to.equal("entries has wire type 0 where 2 belongs");
    expect(refusal([...entry(), 0x10, 1])).to.equal("producer has wire type 0 where 2 belongs");
    expect(refusal(entry(0x08, 1))).to.equal(
      "entry 1: payload of an entry has wire type 0 where 2 belongs",
    );
    expect(refusal(entry(0x12, 0x02, 0x08, 0x01))).to.equal(
      "entry 1: key of a header has wire type 0 where 2 belongs",
    );
    for (const group of [0x0b, 0x0c, 0x13]) expect(refusal([group])).to.contain("has wire type");
  });

  it("refuses what has two meanings", () => {
    expect(refusal(entry(0x0a, 0x00, 0x0a, 0x00))).to.equal("entry 1: payload is set twice");
    const twoKeys = [0x12, 0x06, 0x0a, 0x01, 0x6b, 0x0a, 0x01, 0x6c];
    expect(refusal(entry(...twoKeys))).to.equal("entry 1: key of a header is set twice");
    const twoValues = [0x12, 0x07, 0x0a, 0x01, 0x6b, 0x12, 0x00, 0x12, 0x00];
    expect(refusal(entry(...twoValues))).to.equal("entry 1: value of a header is set twice");
    expect(refusal([0x18, 1, ...entry(), 0x18, 1])).to.equal("expected_next_index is set twice");
  });

  it("refuses a header whose key is missing, too long or no UTF-8", () => {
    const withKey = (key: Uint8Array): Uint8Array => {
      const length = (bytes: number): number[] =>
        bytes < 128 ? [bytes] : [(bytes & 127) | 128, bytes >> 7];
      const field = [0x0a, ...length(key.length), ...key];
      const inner = [0x12, ...length(field.length), ...field];
      return Uint8Array.from([0x0a, ...length(inner.length), ...inner]);
    };
    expect(refusal(withKey(Buffer.alloc(0)))).to.contain("key has 0 bytes");
    expect(refusal(withKey(Buffer.alloc(257, "k")))).to.contain("key has 257 bytes");
    expect(scan(withKey(Buffer.alloc(256, "k"))).type).to.equal("append");
    expect(refusal(withKey(Buffer.from([0xc0, 0x80])))).to.contain("not UTF-8");
    expect(refusal(withKey(Buffer.from([0xed, 0xa0, 0x80])))).to.contain("not UTF-8");
    expect(scan(withKey(Buffer.from("ключ"))).type).to.equal("append");
    expect(refusal(entry(0x12, 0x00))).to.equal("entry 1: a header has no key");
    expect(refusal(entry(0x12, 0x02, 0x12, 0x00))).to.equal("entry 1: a header has no key");
  });

  it("notes which entries have a key, and counts it", () => {
    const keyed = { ...textEntry("abc"), key: "ключ" };
    const message = appendRequest([textEntry("a"), keyed, keyed, textEntry("b")]);
    const { run } = taken(message, { ...wideBounds, entryBytesMax: 11 });
    expect(run.keys).to.deep.equal([
      { offset: 1, key: "ключ" },
      { offset: 2, key: "ключ" },
    ]);
    expect(decodeEntries(run)[1]).to.deep.include({ key: "ключ" });
    expect(refusal(message, { ...wideBounds, entryBytesMax: 10 })).to.contain("entry 2 has 11");
    expect(taken(appendRequest([textEntry("a")])).run.keys).to.equal(undefined);
  });

  it("refuses a key that is empty, too long, no UTF-8 or set twice", () => {
    const keys: [Uint8Array, string][] = [
      [Buffer.alloc(0), "entry 1: the key has 0 bytes; it must have 1 to 256"],
      [Buffer.alloc(257, "k"), "entry 1: the key has 257 bytes; it must have 1 to 256"],
      [Buffer.from([0xc0, 0x80]), "entry 1: the key is not UTF-8"],
    ];
    for (const [key, reason] of keys) {
      const size = key.length < 128 ? [key.length] : [(key.length & 127) | 128, key.length >> 7];
      const field = [0x1a, ...size, ...key];
      const outer =
        field.length < 128 ? [field.length] : [(field.length & 127) | 128, field.length >> 7];
      expect(refusal([0x0a, ...outer, ...field])).to.equal(reason);
    }
    expect(refusal(entry(0x1a, 1, 0x6b, 0x1a, 1, 0x6b))).to.equal("entry 1: key is set twice");
  });

  it("keeps the bounds to the byte and to the entry", () => {
    const bounds = { entryBytesMax: 10, appendBytesMax: 25, appendEntriesMax: 3 };
    const ten = { payload: Buffer.alloc(7), headers: [{ key: "k", value: Buffer.alloc(2) }] };
    const eleven = { ...ten, payload: Buffer.alloc(8) };
    const five = { payload: Buffer.alloc(5), headers: [] };
    const six = { payload: Buffer.alloc(6), headers: [] };
    const small = { payload: Buffer.alloc(1), headers: [] };
    expect(scan(appendRequest([ten, ten, five]), bounds).type).to.equal("append");
    expect(refusal(appendRequest([small, eleven]), bounds)).to.equal(
      "entry 2 has 11 bytes; at most 10 are allowed",
    );
    expect(refusal(appendRequest([ten, ten, six]), bounds)).to.equal(
      "the append has more than 25 bytes",
    );
    expect(refusal(appendRequest([small, small, small, small]), bounds)).to.equal(
      "the append has more than 3 entries",
    );
  });

  it("refuses an append whose encoding is much longer than what it holds", () => {
    const bounds = { entryBytesMax: 100, appendBytesMax: 100, appendEntriesMax: 1 };
    const headers = Array.from({ length: 60 }, () => ({ key: "k", value: Buffer.alloc(0) }));
    const entries = [{ payload: Buffer.alloc(0), headers }];
    const reason = `the append's encoding has more than ${runBytesMax(bounds)} bytes`;
    expect(refusal(appendRequest(entries), bounds)).to.equal(reason);
    expect(scan(appendRequest(entries), { ...bounds, appendEntriesMax: 50 }).type).to.equal(
      "append",
    );
  });

  it("refuses malformed numbers and lengths", () => {
    expect(refusal([0x8a])).to.equal("a number that is cut off");
    expect(refusal([0x8a, 0x00, 0x00])).to.equal("a number written too long");
    expect(refusal([0x0a, 0x80, 0x00])).to.equal("entry 1: a number written too long");
    expect(refusal([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])).to.equal(
      "entry 1: a length of 4294967295 where 0 bytes are left",
    );
    const tooGreat = [0x0a, ...Array<number>(9).fill(0xff), 0x01];
    expect(refusal(tooGreat)).to.contain("2^53");
    expect(refusal([...entry(), 0x18, ...Array<number>(7).fill(0xff), 0x1f])).to.contain("2^53");
    expect(refusal(Array<number>(64).fill(0xff))).to.contain("2^53");
    expect(refusal([0x0a, 0x05, 0x0a, 0x04, 0x00])).to.contain("a length of 5");
    expect(refusal(entry(0x0a, 0x04, 0x00))).to.equal(
      "entry 1: a length of 4 where 1 bytes are left",
    );
    expect(refusal(entry(0x12, 0x03, 0x0a, 0x02, 0x6b))).to.contain("a length of 2");
  });

  it("refuses a request that is cut anywhere but between its entries", () => {
    const entries = [
      { payload: Buffer.from("payload"), headers: [{ key: "key", value: Buffer.from("value") }] },
      textEntry("x".repeat(200)),
    ];
    const message = appendRequest(entries);
    const first = appendRequest(entries.slice(0, 1)).length;
    for (let length = 1; length < message.length; length++) {
      const { type } = scan(message.subarray(0, length));
      expect(type, `cut at ${length}`).to.equal(length === first ? "append" : "invalid");
    }
  });

  it("looks no further than the first entry too many", () => {
    const bounds = { ...wideBounds, appendEntriesMax: 10 };
    const behind = [0x0a, 0xff];
    const message = [...Array.from({ length: 11 }, () => entry()).flat(), ...behind];
    expect(refusal(message, bounds)).to.equal("the append has more than 10 entries");
  });
});
