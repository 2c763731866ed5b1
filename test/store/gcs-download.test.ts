import { expect } from "chai";

import { readDownload } from "../../src/store/gcs-download.js";
import { StoreError } from "../../src/store/store.js";

describe("a part of an object", () => {
  const range = { start: 0, end: 3 };

  function sizeOf(size: string): number {
    const headers: Readonly<Record<string, string>> = {
      "content-range": `bytes 0-2/${size}`,
      "x-goog-generation": "1",
    };
    const header = (name: string) => headers[name];
    const reply = { type: "reply", status: 206, header, body: Buffer.from("abc") } as const;
    const found = readDownload(reply, { what: "get", range });
    return found.type === "found" ? found.size : -1;
  }

  it("is of an object whose size is a number", () => {
    expect(sizeOf("10")).to.equal(10);
    for (const size of ["9007199254740993", "1".repeat(400)]) {
      expect(() => sizeOf(size), size)
        .to.throw(StoreError)
        .with.property("kind", "unavailable");
    }
  });
});
