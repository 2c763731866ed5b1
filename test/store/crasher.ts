/**
 * A process that creates objects in a local store and is stopped in the midst of it.
 *
 * Arguments: the directory, a name, and what to do:
 * - `kill N`: kills itself before the N-th system call of a create in a directory that stands, and
 *   keeps the names of the calls in DIRECTORY.calls, the one that was not made last;
 * - `kill after-link`: kills itself before the call after the link;
 * - `hang`: says so and waits for ever before it links;
 * - `stream`: creates name/0, name/1, … of a megabyte and says so before each;
 * - `eio`: its disk fails to sync.
 */

import { appendFileSync, readdirSync } from "node:fs";

import { FileStore } from "../../src/store/file-store.js";
import type { FileStoreOptions } from "../../src/store/file-store.js";
import { nodeFileCalls } from "../../src/store/file-calls.js";
import { crashBytes } from "./crash-bytes.js";

const [directory = "", name = "", action = "", count = "0"] = process.argv.slice(2);
const { signal } = new AbortController();

switch (action) {
  case "kill": {
    let made: string[] | undefined;
    const store = open(
      everyCall((call) => {
        if (made === undefined) return;
        appendFileSync(`${directory}.calls`, `${call}\n`);
        const isDue =
          count === "after-link" ? made.at(-1) === "link" : made.length + 1 >= Number(count);
        if (isDue) process.kill(process.pid, "SIGKILL");
        made.push(call);
      }),
    );
    // Whatever goes on behind the first create is over by the end of the second.
    for (const before of ["a", "b"]) {
      await store.create(`${name}-${before}`, crashBytes, { signal });
      while (readdirSync(`${directory}/~temporary`).length > 0) await new Promise(setImmediate);
    }
    made = [];
    await store.create(name, crashBytes, { signal });
    await store.close();
    break;
  }
  case "hang": {
    const link = () => {
      process.send?.("hanging");
      return new Promise<void>(() => setInterval(() => undefined, 1000));
    };
    await open({ link }).create(name, crashBytes, { signal });
    break;
  }
  case "stream": {
    const store = open({});
    for (let n = 0; ; n++) {
      process.send?.(n);
      await store.create(`${name}/${n}`, Buffer.alloc(1024 * 1024, n), { signal });
    }
  }
  case "eio": {
    const fsync = () => Promise.reject(Object.assign(new Error("EIO: fsync"), { code: "EIO" }));
    const store = open({ fsync });
    await store.create(name, crashBytes, { signal });
    process.send?.("went on");
    setInterval(() => undefined, 1000);
  }
}

function open(calls: NonNullable<FileStoreOptions["calls"]>): FileStore {
  return new FileStore({ url: `file://${directory}`, directory, calls });
}

/** All system calls, each after a look at what comes before it. */
function everyCall(before: (call: string) => void): NonNullable<FileStoreOptions["calls"]> {
  const wrapped = Object.entries(nodeFileCalls).map(([key, call]) => [
    key,
    (...args: readonly unknown[]) => {
      before(key);
      return (call as (...args: readonly unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(wrapped) as typeof nodeFileCalls;
}
