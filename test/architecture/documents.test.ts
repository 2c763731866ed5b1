import { readFileSync } from "node:fs";

import { expect } from "chai";

import { describeDefault, nodeConfigKeys, nodeSettings } from "../../src/node/config.js";

/** The cells of a Markdown file's table rows, without padding. */
function tableRows(file: string): readonly string[] {
  const lines = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("|"));
  return rows.map((row) =>
    row
      .split("|")
      .map((cell) => cell.trim())
      .join("|"),
  );
}

describe("the README", () => {
  it("lists every setting with its default", () => {
    const expected = nodeConfigKeys.map(
      (key) => `|\`${key}\`|${describeDefault(key)}|${nodeSettings[key].description}|`,
    );
    expect(tableRows("README.md")).to.include.members(expected);
  });

  it("has the table of errors that the protocol buffers have", () => {
    const proto = readFileSync(
      new URL("../../../proto/suraft/v1/log.proto", import.meta.url),
      "utf8",
    );
    const reasons = proto.matchAll(/^\/\/ {3}([A-Z_]+) +([A-Z_]+) {2,}/gm);
    const expected = [...reasons].map(([, reason, code]) => `|\`${reason}\`|${code}|`);
    expect(expected).to.have.length.above(5);
    const rows = tableRows("README.md").map((row) => row.split("|").slice(0, 3).join("|") + "|");
    expect(rows).to.include.members(expected);
  });

  it("has the conditions of conflicts that the protocol buffers have", () => {
    const proto = readFileSync(
      new URL("../../../proto/suraft/v1/log.proto", import.meta.url),
      "utf8",
    );
    const conditions = proto.matchAll(/^ {2}\/\/ {3}([a-z_]+) +([a-z_, ]+):/gm);
    const expected = [...conditions].map(([, condition, details = ""]) => {
      const names = details.split(", ").map((name) => `\`${name}\``);
      return `|\`${condition}\`|${names.join(", ")}|`;
    });
    expect(expected).to.have.length(7);
    const rows = tableRows("README.md").map((row) => row.split("|").slice(0, 3).join("|") + "|");
    expect(rows).to.include.members(expected);
  });
});
