import { expect } from "chai";

import {
  manifestName,
  objectName,
  parseManifestName,
  parseObjectName,
  parseSegmentName,
  segmentName,
} from "../../src/log/names.js";

describe("names of objects", () => {
  it("have 20 digits, so that they sort as their numbers do", () => {
    expect(segmentName(0)).to.equal("log/00000000000000000000");
    expect(manifestName(42)).to.equal("manifest/00000000000000000042");
    expect(segmentName(Number.MAX_SAFE_INTEGER)).to.equal("log/00009007199254740991");
    const numbers = [0, 9, 10, 99, 1000, 2 ** 32, Number.MAX_SAFE_INTEGER];
    const names = numbers.map(segmentName);
    expect(names.toSorted()).to.deep.equal(names);
    expect(names.map(parseSegmentName)).to.deep.equal(numbers);
    expect(numbers.map(manifestName).map(parseManifestName)).to.deep.equal(numbers);
  });

  it("are not taken for names that they resemble", () => {
    const strange = [
      "log/0",
      "log/0000000000000000000x",
      "log/000000000000000000001",
      "log/00009007199254740992",
      "log/+0000000000000000001",
      "log/ 0000000000000000001",
      "log/1e000000000000000000",
      "Log/00000000000000000000",
      "manifest/00000000000000000000",
      "",
    ];
    for (const name of strange) expect(parseSegmentName(name), name).to.equal(undefined);
    expect(parseManifestName("log/00000000000000000000")).to.equal(undefined);
  });

  it("say which manifest may name them first, and which process made them", () => {
    const nonce = "0123456789abcdef0123456789abcdef";
    const id = { manifest: 7, nonce };
    const names = [
      { type: "segment", position: 3 },
      { type: "manifest", number: 4 },
      { type: "archive", id },
      { type: "checkpoint", id },
      { type: "snapshot", id },
    ] as const;
    for (const name of names) expect(parseObjectName(objectName(name))).to.deep.equal(name);
    expect(objectName(names[2])).to.equal(`archive/00000000000000000007-${nonce}`);
    const strange = [
      `archive/7-${nonce}`,
      `archive/00000000000000000007${nonce}`,
      `archive/00000000000000000007-${nonce.toUpperCase()}`,
      `archive/00000000000000000007-${nonce}0`,
      `other/00000000000000000007-${nonce}`,
      `log/00000000000000000007-${nonce}`,
      "archive/",
    ];
    for (const name of strange) expect(parseObjectName(name), name).to.equal(undefined);
    expect(() => objectName({ type: "archive", id: { ...id, nonce: "x" } })).to.throw("a nonce is");
  });

  it("refuse to be made of what is no number", () => {
    for (const number of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      expect(() => segmentName(number), String(number)).to.throw("objects are numbered");
    }
  });
});
