import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";

import { nodeFileCalls } from "../../src/store/file-calls.js";
import { crashBytes } from "./crash-bytes.js";
import { listAll, signal, text } from "./expectations.js";
import { scratchPerTest } from "./scratch.js";
import type { Scratch } from "./scratch.js";

const bytes = Buffer.from("bytes");

describe("file: processes that are killed", () => {
  const scratch = scratchPerTest();

  it("ends a process that does not handle EIO", async () => {
    const child = crasher(scratch(), "a", "eio");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).not.to.equal(0);
  });

  it("never shows a torn object, whichever system call was the last", async () => {
    const store = scratch().open();
    const seen = new Set<string>();
    for (let n = 1; ; n++) {
      const name = `a/${n}`;
      const calls = await killed(scratch(), name, n);
      if (calls === undefined) break;
      const [last = "", ...made] = calls.toReversed();
      seen.add(last);
      const found = await store.get(name, { signal });
      const isLinked = made.includes("link");
      expect(found.type, `killed before ${last}`).to.equal(isLinked ? "found" : "absent");
      if (found.type === "found") expect(Buffer.compare(found.bytes, crashBytes)).to.equal(0);
      const again = await store.create(name, crashBytes, { signal });
      expect(again.type).to.equal(isLinked ? "exists" : "created");
    }
    expect([...seen]).to.include.members(["open", "write", "fsync", "link", "unlink", "close"]);
    await store.close();
  }).timeout(60_000);

  it("never shows a torn object when killed at any time", async () => {
    const store = scratch().open();
    for (let round = 0; round < 5; round++) {
      const child = crasher(scratch(), `b/${round}`, "stream");
      for await (const n of messages(child)) if (n === 3 + round) break;
      child.kill("SIGKILL");
      await once(child, "exit");
      const names = await listAll(store, { prefix: `b/${round}/`, limit: 100, signal });
      expect(names.length).to.be.at.least(3 + round);
      for (const name of names) {
        const found = await store.get(name, { signal });
        const expected = Buffer.alloc(1024 * 1024, Number(name.split("/")[2]));
        expect(found.type === "found" && Buffer.compare(found.bytes, expected)).to.equal(0);
      }
    }
    await store.close();
  }).timeout(60_000);

  it("clears away what dead processes left, and nothing of the living", async () => {
    const living = crasher(scratch(), "c/living", "hang");
    await once(living, "message");
    const dead = crasher(scratch(), "c/dead", "hang");
    await once(dead, "message");
    const own = scratch().open({ link: () => new Promise(() => undefined) });
    const controller = new AbortController();
    const creating = own.create("c/own", bytes, { signal: controller.signal });
    while (
      (
        await scratch()
          .temporaries()
          .catch(() => [])
      ).length < 3
    )
      await new Promise(setImmediate);
    dead.kill("SIGKILL");
    await once(dead, "exit");
    const store = scratch().open();
    await store.create("c/1", bytes, { signal });
    await store.close();
    const left = await scratch().temporaries();
    expect(left).to.have.length(2);
    const owners = left.map((name) => name.split("-")[1]);
    expect(owners).to.have.members([living.pid, process.pid].map(String));
    controller.abort();
    await creating;
    living.kill("SIGKILL");
    await once(living, "exit");
  });

  it("makes an object durable before it clears away the temporary that says it may not be", async () => {
    expect(await killed(scratch(), "d/unsynced", "after-link")).to.include("link");
    const left = await scratch().temporaries();
    const steps: string[] = [];
    const store = scratch().open({
      open: async (path, flags) => {
        steps.push(`open ${path}`);
        return nodeFileCalls.open(path, flags);
      },
      unlink: async (path) => {
        steps.push(`unlink ${path}`);
        await nodeFileCalls.unlink(path);
      },
    });
    await store.create("e", bytes, { signal });
    await store.close();
    expect(await scratch().temporaries()).to.deep.equal([]);
    const again = scratch().open();
    expect(await text(again, "d/unsynced")).to.equal(crashBytes.toString());
    await again.close();
    // A directory is opened only to be synced.
    const synced = steps.indexOf(`open ${join(scratch().directory, "d")}`);
    for (const name of left) {
      const cleared = steps.indexOf(`unlink ${join(scratch().directory, "~temporary", name)}`);
      expect(synced).to.be.at.least(0).and.to.be.lessThan(cleared);
    }
    expect(left).not.to.deep.equal([]);
  });
});

function crasher(
  scratch: Scratch,
  name: string,
  action: string,
  count: number | string = 0,
): ChildProcess {
  const path = new URL("./crasher.js", import.meta.url);
  const args = [scratch.directory, name, action, String(count)];
  return fork(path, args, { execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
}

/** The system calls of a create up to the one before which it was killed; undefined if it got through. */
async function killed(
  scratch: Scratch,
  name: string,
  when: number | string,
): Promise<string[] | undefined> {
  const log = join(scratch.root, "store.calls");
  await rm(log, { force: true });
  const [, killedBy] = (await once(crasher(scratch, name, "kill", when), "exit")) as [
    unknown,
    string | null,
  ];
  if (killedBy === null) return undefined;
  return (await readFile(log, "utf8")).trim().split("\n");
}

async function* messages(child: ChildProcess): AsyncGenerator<unknown> {
  for (;;) yield ((await once(child, "message")) as [unknown])[0];
}
