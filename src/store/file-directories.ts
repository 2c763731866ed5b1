/**
 * The directories of a local store: made on first use, and made durable.
 *
 * Invariant: a directory is used only once the entries of all directories on its path were synced
 * by this process. Another process may have made one and not have synced it yet.
 * Invariant: one root in a store's life. A volume that is unmounted, or a directory that is removed,
 * must not pass for an empty store.
 */

import { dirname, join } from "node:path";

import { errorCode } from "./file-calls.js";
import type { FileCalls } from "./file-calls.js";
import { StoreError } from "./store.js";

/** Remembered directories; names are few, but nobody promises so. */
const preparedMax = 1000;

export class FileDirectories {
  readonly #root: string;
  readonly #calls: FileCalls;
  readonly #prepared = new Map<string, Promise<void>>();
  readonly #syncs = new Map<string, SharedSync>();
  #rootIdentity: string | undefined;

  constructor(root: string, calls: FileCalls) {
    this.#root = root;
    this.#calls = calls;
  }

  /** Makes the directory, a `/`-separated path below the root or "", and those above it. */
  prepare(directory: string): Promise<void> {
    const known = this.#prepared.get(directory);
    if (known !== undefined) return known;
    if (this.#prepared.size >= preparedMax) this.#prepared.clear();
    const work = directory === "" ? this.#prepareRoot() : this.#prepareBelow(directory);
    this.#prepared.set(directory, work);
    work.catch(() => this.forget());
    return work;
  }

  /** After a directory turned out to be gone: they are all made anew. */
  forget(): void {
    this.#prepared.clear();
  }

  /** Throws a {@link StoreError} unless the root is what it was; one that never was may be absent. */
  async checkRoot(): Promise<void> {
    const identity = await this.#identify();
    this.#rootIdentity ??= identity;
    if (this.#rootIdentity !== identity) {
      throw new StoreError("unavailable", `${this.#root} was removed or replaced while in use`);
    }
  }

  /** Makes the entries of a directory durable that were there before the call. */
  async sync(directory: string): Promise<void> {
    let shared = this.#syncs.get(directory);
    if (shared === undefined) {
      const path = join(this.#root, directory);
      shared = new SharedSync(() => this.#syncNow(path));
      this.#syncs.set(directory, shared);
    }
    try {
      await shared.sync();
    } finally {
      if (shared.isIdle) this.#syncs.delete(directory);
    }
  }

  /** Makes the entries of all directories durable, whoever made them. */
  async syncAll(directory = ""): Promise<void> {
    const path = join(this.#root, directory);
    for (const entry of await this.#calls.readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await this.syncAll(join(directory, entry.name));
    }
    await this.sync(directory);
  }

  async #identify(): Promise<string | undefined> {
    try {
      const stats = await this.#calls.stat(this.#root, { bigint: true });
      if (!stats.isDirectory()) throw new StoreError("invalid", `${this.#root} is no directory`);
      return `${stats.dev}:${stats.ino}`;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async #prepareBelow(directory: string): Promise<void> {
    const above = directory.includes("/") ? dirname(directory) : "";
    await this.prepare(above);
    await this.#make(join(this.#root, directory));
    await this.sync(above);
  }

  async #prepareRoot(): Promise<void> {
    if (this.#rootIdentity !== undefined) return this.checkRoot();
    const missing: string[] = [];
    let path = this.#root;
    while (!(await this.#exists(path)) && path !== dirname(path)) {
      missing.unshift(path);
      path = dirname(path);
    }
    for (const each of missing) await this.#make(each);
    for (let each = dirname(this.#root); ; each = dirname(each)) {
      await this.#syncAbove(each);
      if (each === dirname(each)) break;
    }
    await this.checkRoot();
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#calls.stat(path, { bigint: true });
      return true;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  }

  async #make(path: string): Promise<void> {
    try {
      await this.#calls.mkdir(path);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }

  /** Above the root we may not be allowed to look; those directories were there before us. */
  async #syncAbove(path: string): Promise<void> {
    try {
      await this.#syncNow(path);
    } catch (error) {
      if (errorCode(error) === "EIO") throw error;
    }
  }

  async #syncNow(path: string): Promise<void> {
    const file = await this.#calls.open(path, "r");
    try {
      await this.#calls.fsync(file);
    } finally {
      await this.#calls.close(file);
    }
  }
}

/**
 * One sync at a time; whoever comes while one is under way shares the next, since the one under way
 * may have begun too early to cover him.
 */
class SharedSync {
  readonly #syncNow: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(syncNow: () => Promise<void>) {
    this.#syncNow = syncNow;
  }

  get isIdle(): boolean {
    return this.#running === undefined && this.#next === undefined;
  }

  sync(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    this.#next = this.#startAfter(this.#running);
    return this.#next;
  }

  async #startAfter(running: Promise<void>): Promise<void> {
    await running.catch(() => undefined);
    this.#next = undefined;
    await this.#start();
  }

  #start(): Promise<void> {
    const running = this.#syncNow().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
