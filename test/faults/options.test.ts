import { expect } from "chai";

import { parseOptions } from "./options.js";

describe("the options of the fault runs", () => {
  it("have defaults", () => {
    const { seed, ...rest } = parseOptions([]);
    expect(seed).to.be.a("number");
    expect(rest).to.deep.include({ minutes: 2, nodeCount: 3, network: "auto", keep: false });
    expect(rest.stores).to.deep.equal(["directory", "emulator"]);
  });

  it("are read", () => {
    const words = ["--only", "kill", "--only", "clock", "--nodes", "5", "--seed", "9"];
    const options = parseOptions([...words, "--store", "emulator", "--minutes", "0.5"]);
    expect(options).to.deep.include({ nodeCount: 5, seed: 9, minutes: 0.5 });
    expect(options.kinds).to.deep.equal(["kill", "clock"]);
    expect(options.stores).to.deep.equal(["emulator"]);
  });

  it("say what is wrong with them", () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [["--only", "meteor"], /--only: meteor is none of kill, /],
      [["--store", "s3"], /--store: s3 is none of directory, emulator, both/],
      [["--minutes", "0"], /--minutes: 0 is no time/],
      [["--minutes", "soon"], /--minutes: soon is no time/],
      [["--nodes", "0"], /--nodes: 0 is no number from 1 to 9/],
      [["--seed", "1.5"], /--seed: 1.5 is no number/],
      [["--tamper", "gently"], /--tamper: gently is none of delete, rewrite, forge/],
      [["--sede", "1"], /sede/],
    ];
    for (const [words, complaint] of wrong) {
      expect(() => parseOptions(words), words.join(" ")).to.throw(complaint);
    }
  });
});
