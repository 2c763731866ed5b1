import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { DirectorySnapshots } from "../../src/replica/index.js";
import { makeDirectory, removeDirectory } from "../process/scratch.js";
import { failureOf } from "./tally.js";

const signal = new AbortController().signal;

describe("snapshots in a directory", () => {
  let directory: string;
  let snapshots: DirectorySnapshots;

  beforeEach(async () => {
    directory = join(await makeDirectory(), "snapshots");
    snapshots = new DirectorySnapshots(directory);
  });

  afterEach(async () => {
    await removeDirectory(join(directory, ".."));
  });

  async function text(nextIndex: number): Promise<string> {
    const found = (await snapshots.list()).find((one) => one.nextIndex === nextIndex);
    if (found === undefined) return "absent";
    const chunks: Uint8Array[] = [];
    for await (const chunk of snapshots.get(found, { signal })) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  it("are none before the first is put", async () => {
    expect(await snapshots.list()).to.deep.equal([]);
  });

  it("come back as they were put, also the empty one", async () => {
    expect(await snapshots.put(4, pieces("one ", "two"), { signal })).to.deep.equal({
      nextIndex: 4,
      sizeBytes: 7,
    });
    await snapshots.put(5, pieces(), { signal });
    expect(await text(4)).to.equal("one two");
    expect(await text(5)).to.equal("");
  });

  it("are the two newest", async () => {
    for (const index of [30, 4, 200]) await snapshots.put(index, pieces(String(index)), { signal });
    const other = new DirectorySnapshots(directory);
    expect((await other.list()).map(({ nextIndex }) => nextIndex)).to.deep.equal([200, 30]);
  });

  it("leave nothing behind when they are given up or fail", async () => {
    await snapshots.put(1, pieces("kept"), { signal });
    const abort = new AbortController();
    const broken = (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("some");
      abort.abort();
      yield Buffer.from("more");
    })();
    const cancelled = await failureOf(snapshots.put(9, broken, { signal: abort.signal }));
    expect(cancelled).to.have.property("kind", "cancelled");
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("some");
      throw new Error("no more");
    })();
    const failed = await failureOf(snapshots.put(9, failing, { signal }));
    expect(failed).to.have.property("kind", "unavailable");
    expect(await readdir(directory)).to.have.length(1);
    expect(await text(1)).to.equal("kept");
  });

  it("are refused as corrupt when a byte has changed or is missing", async () => {
    await snapshots.put(1, pieces("some bytes"), { signal });
    const [name = ""] = await readdir(directory);
    const path = join(directory, name);
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await writeFile(path, damaged);
      expect(await failureOf(text(1)), `byte ${at}`).to.have.property("kind", "corrupt");
      await writeFile(path, bytes.subarray(0, at));
      expect(await failureOf(text(1)), `cut at ${at}`).to.have.property("kind", "corrupt");
    }
  });
});

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
