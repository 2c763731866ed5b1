import { readFileSync } from "node:fs";
import { expect } from "chai";

import { decodeSegment, entryRunOf } from "../../src/log/segment-codec.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import { plain, textEntry } from "./entries.js";

describe("src/log/README.md", () => {
  it("shows a segment that is one, and what it holds", () => {
    const text = readFileSync(new URL("../../../src/log/README.md", import.meta.url), "utf8");
    const lines = /<<END \|\n(?<hex>[0-9a-f\n]+)END\n/.exec(text)?.groups?.["hex"] ?? "";
    const decoded = decodeSegment(Buffer.from(lines.replaceAll("\n", ""), "hex"), 1);
    if (decoded.type === "corrupt") throw new Error(decoded.reason);
    const { segment } = decoded;
    expect(segment).to.deep.include({ type: "entries", firstIndex: 1, entryCount: 2 });
    expect(text).to.contain(`crc32c: ${segment.checksum}\n`);
    const headers = [{ key: "lang", value: Buffer.from("en") }];
    const world = { payload: Buffer.from("world"), headers };
    expect(plain(decodeEntries(entryRunOf(segment)))).to.deep.equal(
      plain([textEntry("hello"), world]),
    );
  });
});
