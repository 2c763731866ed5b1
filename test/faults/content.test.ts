import { expect } from "chai";

import { entriesOf, recognize } from "./content.js";

interface Entry {
  readonly payload: Uint8Array;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
}

function second(): Entry {
  const entry = entriesOf(7, 3)[1];
  if (entry === undefined) throw new Error("three entries");
  return { payload: entry.payload, headers: entry.headers ?? [] };
}

describe("the content of entries", () => {
  it("is known again", () => {
    expect(recognize(second())).to.deep.equal({ op: 7, offset: 1, count: 3 });
    for (let op = 1; op < 2000; op++) {
      const [entry] = entriesOf(op, 1);
      const read = { payload: entry?.payload ?? Buffer.alloc(0), headers: entry?.headers ?? [] };
      expect(recognize(read)).to.deep.equal({ op, offset: 0, count: 1 });
    }
  });

  it("is not known again with any byte changed", () => {
    const { payload, headers } = second();
    for (let at = 0; at < payload.length; at++) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const name = recognize({ payload: changed, headers });
      expect(name, `byte ${at}`).to.not.deep.equal({ op: 7, offset: 1, count: 3 });
      // A name of another entry, with this one's bytes, is none either.
      expect(name, `byte ${at}`).to.be.a("string");
    }
    expect(recognize({ payload: payload.subarray(0, -1), headers })).to.be.a("string");
  });

  it("is not known again with other headers", () => {
    const { payload, headers } = second();
    const other = [{ key: "append", value: Buffer.from("8") }];
    for (const wrong of [[], other, [...headers, ...headers]]) {
      expect(recognize({ payload, headers: wrong })).to.match(/other headers/);
    }
  });
});
