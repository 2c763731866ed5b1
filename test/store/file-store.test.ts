import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";

import { checkStore } from "../../src/store/check-store.js";
import { nodeFileCalls } from "../../src/store/file-calls.js";
import { openStore } from "../../src/store/open-store.js";
import type { StoreError } from "../../src/store/store.js";
import { describeStore } from "./conformance.js";
import { expectKind, listAll, signal, text } from "./expectations.js";
import { scratchPerTest } from "./scratch.js";

describeStore("file", async () => {
  const root = await mkdtemp(join(tmpdir(), "suraft-store-"));
  const url = pathToFileURL(join(root, "a directory", "below")).href;
  return { url, open: () => openStore(url), close: () => rm(root, { recursive: true }) };
});

const bytes = Buffer.from("bytes");
function failing(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(`${code}: told to fail`), { code }));
}

describe("file: what is on the disk", () => {
  const scratch = scratchPerTest();

  it("keeps an object as the file of its name, and no temporary", async () => {
    const store = scratch().open();
    await store.create("log/00000000000000000001", bytes, { signal });
    await store.close();
    const path = join(scratch().directory, "log", "00000000000000000001");
    expect(await readFile(path, "utf8")).to.equal("bytes");
    expect(await scratch().temporaries()).to.deep.equal([]);
  });

  it("refuses a name that is a directory of others, and one below an object", async () => {
    const store = scratch().open();
    await store.create("a/b", bytes, { signal });
    expect(await store.create("a", bytes, { signal })).to.include({ type: "refused" });
    expect(await text(store, "a")).to.equal("absent");
    expect(await store.delete("a", { signal })).to.deep.equal({ type: "absent" });
    expect(await store.create("a/b/c", bytes, { signal })).to.include({ type: "refused" });
    expect(await text(store, "a/b/c")).to.equal("absent");
    const page = await store.list({ prefix: "a/b/", limit: 1, signal });
    expect(page).to.deep.equal({ items: [], more: false });
    await store.close();
    expect(await scratch().temporaries()).to.deep.equal([]);
  });

  it("lists no file that is not an object", async () => {
    const store = scratch().open();
    await store.create("a", bytes, { signal });
    await writeFile(join(scratch().directory, "not an object"), "");
    await mkdir(join(scratch().directory, "~other"));
    await writeFile(join(scratch().directory, "~other", "b"), "");
    expect(await listAll(store, { prefix: "", limit: 10, signal })).to.deep.equal(["a"]);
    await store.close();
  });

  it("is nothing yet where no directory is, for readers", async () => {
    const store = scratch().open();
    expect(await text(store, "a")).to.equal("absent");
    expect((await store.list({ prefix: "", limit: 1, signal })).items).to.deep.equal([]);
    expect(await readdir(scratch().root)).to.deep.equal([]);
    await store.close();
  });

  it("does not pass for empty when its directory is moved away", async () => {
    const store = scratch().open();
    await store.create("a/1", bytes, { signal });
    await rename(scratch().directory, join(scratch().root, "elsewhere"));
    await expectKind("unavailable", () => store.get("a/1", { signal }));
    await expectKind("unavailable", () => store.list({ prefix: "", limit: 1, signal }));
    const refused = await store.create("a/2", bytes, { signal });
    expect(refused.type).to.equal("refused");
    const again = await store.create("a/2", bytes, { signal });
    expect(again.type === "refused" && again.cause).to.contain("removed or replaced");
    expect(await readdir(scratch().root)).to.deep.equal(["elsewhere"]);
    await rename(join(scratch().root, "elsewhere"), scratch().directory);
    expect((await store.create("a/2", bytes, { signal })).type).to.equal("created");
    await store.close();
  });

  it("refuses a directory that cannot be one", async () => {
    await writeFile(join(scratch().root, "file"), "");
    for (const directory of [
      join(scratch().root, "file"),
      join(scratch().root, "file", "below"),
      "/dev/null/store",
    ]) {
      const store = openStore(pathToFileURL(directory).href);
      expect(await store.create("a", bytes, { signal })).to.include({ type: "refused" });
      const error = await checkStore(store, { signal }).catch((thrown: unknown) => thrown);
      expect(error).to.include({ name: "StoreError" });
      expect((error as StoreError).kind).to.be.oneOf(["invalid", "forbidden"]);
      await store.close();
    }
  });
});

describe("file: a disk that fails", () => {
  const scratch = scratchPerTest();

  for (const code of ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE"]) {
    it(`refuses a create that failed before its link: ${code}`, async () => {
      for (const call of ["open", "write", "fsync", "futimes", "mkdir"] as const) {
        const store = scratch().open({ [call]: failing(code) });
        const result = await store.create(`log/${call}`, bytes, { signal });
        expect(result.type, call).to.equal("refused");
        expect(result.type === "refused" && result.cause).to.contain(code);
        await store.close();
        const reader = scratch().open();
        expect(await text(reader, `log/${call}`)).to.equal("absent");
        await reader.close();
      }
      expect(await scratch().temporaries()).to.deep.equal([]);
    });
  }

  it("refuses a create whose link certainly failed, else says unknown", async () => {
    const results = { ENOSPC: "refused", EPERM: "refused", EXDEV: "refused", EIO: "unknown" };
    for (const [code, type] of Object.entries(results)) {
      const store = scratch().open({ link: failing(code) });
      expect((await store.create("log/1", bytes, { signal })).type, code).to.equal(type);
      await store.close();
    }
  });

  it("refuses a delete that is not permitted, else says unknown", async () => {
    const results = { EACCES: "refused", EPERM: "refused", EROFS: "refused", EIO: "unknown" };
    for (const [code, type] of Object.entries(results)) {
      const store = scratch().open({ unlink: failing(code) });
      await store.create("log/1", bytes, { signal });
      expect((await store.delete("log/1", { signal })).type, code).to.equal(type);
      expect(await text(store, "log/1")).to.not.equal("absent");
      await store.close();
    }
  });

  it("says unknown of a create whose directory failed to sync, and reports no such object", async () => {
    const before = scratch().open();
    await before.create("log/0", bytes, { signal });
    await before.close();
    const directories = new Set<number>();
    const store = scratch().open({
      open: async (path, flags) => {
        const file = await nodeFileCalls.open(path, flags);
        if (path === join(scratch().directory, "log")) directories.add(file);
        else directories.delete(file);
        return file;
      },
      fsync: (file) => (directories.has(file) ? failing("ENOSPC")() : nodeFileCalls.fsync(file)),
    });
    expect((await store.create("log/1", bytes, { signal })).type).to.equal("unknown");
    // It stands, and may be gone after a power failure: nobody may hear of it yet.
    await expectKind("unavailable", () => store.get("log/1", { signal }));
    await expectKind("unavailable", () => store.list({ prefix: "log/1", limit: 1, signal }));
    expect((await store.create("log/1", bytes, { signal })).type).to.equal("unknown");
    await store.close();
    const healthy = scratch().open();
    expect(await text(healthy, "log/1")).to.equal("bytes");
    expect((await healthy.create("log/1", bytes, { signal })).type).to.equal("exists");
    await healthy.close();
  });

  it("syncs the bytes before it links them, and the link before it unlinks the temporary", async () => {
    const before = scratch().open();
    await before.create("log/0", bytes, { signal });
    await before.close();
    const paths = new Map<number, string>();
    const steps: string[] = [];
    const place = (path: string) => (path.includes("~temporary") ? "temporary" : "directory");
    const store = scratch().open({
      open: async (path, flags) => {
        const file = await nodeFileCalls.open(path, flags);
        paths.set(file, path);
        return file;
      },
      fsync: async (file) => {
        steps.push(`sync ${place(paths.get(file) ?? "")}`);
        await nodeFileCalls.fsync(file);
      },
      link: async (from, to) => {
        steps.push("link");
        await nodeFileCalls.link(from, to);
      },
      unlink: async (path) => {
        steps.push(`unlink ${place(path)}`);
        await nodeFileCalls.unlink(path);
      },
    });
    await store.create("log/1", bytes, { signal });
    await store.close();
    const own = steps.slice(steps.indexOf("link") - 1);
    expect(own).to.deep.equal(["sync temporary", "link", "sync directory", "unlink temporary"]);
  });

  it("syncs the directory once for many creates at once, each begun after its link", async () => {
    const store = scratch().open();
    await store.create("log/first", bytes, { signal });
    await store.close();
    const order: string[] = [];
    let syncs = 0;
    const counting = scratch().open({
      open: async (path, flags) => {
        if (path.endsWith("/log")) order.push(`sync ${++syncs}`);
        return nodeFileCalls.open(path, flags);
      },
      link: async (from, to) => {
        await nodeFileCalls.link(from, to);
        order.push(String(to).slice(-3));
      },
    });
    const names = Array.from({ length: 64 }, (_, n) => `log/${100 + n}`);
    const done = names.map(async (name) => {
      await counting.create(name, bytes, { signal });
      order.push(`created ${name.slice(-3)}`);
    });
    await Promise.all(done);
    await counting.close();
    expect(syncs).to.be.lessThan(names.length);
    for (const name of names) {
      const linked = order.indexOf(name.slice(-3));
      const created = order.indexOf(`created ${name.slice(-3)}`);
      const between = order.slice(linked, created).filter((step) => step.startsWith("sync"));
      expect(between, name).not.to.deep.equal([]);
    }
  });

  it("stops for good when a sync fails with EIO", async () => {
    const fatal: StoreError[] = [];
    const store = scratch().open({ fsync: failing("EIO") }, (error) => fatal.push(error));
    expect((await store.create("log/1", bytes, { signal })).type).to.equal("refused");
    expect(fatal.map(({ kind }) => kind)).to.deep.equal(["corrupt"]);
    const later = await store.create("log/2", bytes, { signal });
    expect(later.type === "refused" && later.cause).to.contain("failed to sync");
    expect(fatal).to.have.length(1);
    await store.close();
  });

  it("keeps the deadline when a system call hangs", async () => {
    const hanging = () => new Promise<never>(() => undefined);
    for (const [call, type] of [
      ["fsync", "refused"],
      ["link", "unknown"],
    ] as const) {
      const controller = new AbortController();
      const hang = () => {
        setImmediate(() => controller.abort(new Error("enough")));
        return hanging();
      };
      const store = scratch().open({ [call]: hang });
      const result = await store.create("log/1", bytes, { signal: controller.signal });
      expect(result, call).to.deep.equal({ type, cause: "enough" });
    }
  });
});
