/** A directory of its own for each test of a local store, and stores in it. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { FileCalls } from "../../src/store/file-calls.js";
import { FileStore } from "../../src/store/file-store.js";
import type { Store, StoreError } from "../../src/store/store.js";

export class Scratch {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<Scratch> {
    return new Scratch(await mkdtemp(join(tmpdir(), "suraft-store-")));
  }

  /** The store's directory. It does not exist yet. */
  get directory(): string {
    return join(this.root, "store");
  }

  /** Opens a store there, some of whose system calls a test has replaced. */
  open(calls: Partial<FileCalls> = {}, onFatal?: (error: StoreError) => void): Store {
    const { directory } = this;
    const fatal = onFatal === undefined ? {} : { onFatal };
    return new FileStore({ url: `file://${directory}`, directory, calls, ...fatal });
  }

  temporaries(): Promise<string[]> {
    return readdir(join(this.directory, "~temporary"));
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true });
  }
}

/** For use in a describe: makes a scratch before each of its tests, and removes it after. */
export function scratchPerTest(): () => Scratch {
  let scratch: Scratch;

  beforeEach(async () => {
    scratch = await Scratch.create();
  });

  afterEach(() => scratch.remove());

  return () => scratch;
}
