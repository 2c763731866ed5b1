/** Short rounds without faults: nothing is found where nothing is wrong, and what is done is found. */

import { expect } from "chai";

import { join } from "node:path";
import { makeDirectory, removeDirectory } from "../process/scratch.js";
import { runRound } from "./round.js";
import { tampers, type TamperName } from "./tamper.js";

describe("a round with real processes", function () {
  this.timeout(120_000);
  let directory: string;

  before(async () => {
    directory = await makeDirectory();
  });

  after(() => removeDirectory(directory));

  /** Which rules the judges find broken. */
  async function verdict(tamper?: TamperName): Promise<ReadonlySet<string>> {
    const { violations, counts, segments } = await runRound({
      seed: 1,
      durationMs: 1_000,
      nodeCount: tamper === undefined ? 3 : 1,
      storeName: "directory",
      networkName: "proxies",
      kinds: [],
      directory: join(directory, tamper ?? "plain"),
      signal: new AbortController().signal,
      say: () => undefined,
      ...(tamper !== undefined && { tamper: tampers[tamper] }),
    });
    expect(counts.acknowledged).to.be.greaterThan(20);
    expect(segments).to.be.greaterThan(2);
    return new Set(violations.map(({ rule }) => rule));
  }

  it("finds nothing where nothing is wrong", async () => {
    expect([...(await verdict())]).to.deep.equal([]);
  });

  it("finds a segment that somebody deleted", async () => {
    expect(await verdict("delete")).to.include("lost");
  });

  it("finds a segment that somebody replaced", async () => {
    expect(await verdict("rewrite"))
      .to.include("other-bytes")
      .and.to.include("lost");
  });

  it("finds an acknowledgement that nobody gave", async () => {
    expect(await verdict("forge")).to.include("lost");
  });
});
