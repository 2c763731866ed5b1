/**
 * The objects of a local store: what a create, get, list and delete do on the disk.
 *
 * A create writes a temporary in the same file system, syncs it, links it to its name (link(2) fails
 * where the name exists), syncs the directory, and unlinks the temporary.
 *
 * Invariant: a name holds nothing or the whole object, whenever a process or the machine stops.
 * Invariant: what a create, get or list reported outlives a power failure: an object that has a
 * second link may not be durable yet, and its directory is synced before it is reported.
 */

import { dirname, join } from "node:path";

import { errorCode, errorText } from "./file-calls.js";
import type { FileCalls } from "./file-calls.js";
import { FileDirectories } from "./file-directories.js";
import { listNames } from "./file-list.js";
import { FileTemporaries, fileVersion, temporaryDirectory } from "./file-temporaries.js";
import type { Temporary } from "./file-temporaries.js";
import { nameAfter } from "./object-name.js";
import { StoreError } from "./store.js";
import type {
  ByteRange,
  CreateResult,
  DeleteResult,
  GetResult,
  ListItem,
  ListOptions,
  ListResult,
} from "./store.js";

/** A link that failed so did not happen. After any other failure it may have. */
const linkRefusals = new Set([
  "EACCES",
  "EDQUOT",
  "ELOOP",
  "EMLINK",
  "ENAMETOOLONG",
  "ENOENT",
  "ENOSPC",
  "ENOTDIR",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EPERM",
  "EROFS",
  "EXDEV",
]);

/** A create that its caller may give up: before the link is sent, it never will be. */
export interface Attempt {
  linkSent: boolean;
  givenUp: boolean;
}

export interface FileObjectsOptions {
  readonly root: string;
  readonly calls: FileCalls;
  /** Takes work that goes on after its request was answered. It never rejects. */
  readonly inBackground: (work: Promise<unknown>) => void;
}

export class FileObjects {
  readonly #root: string;
  readonly #calls: FileCalls;
  readonly #inBackground: (work: Promise<unknown>) => void;
  readonly #directories: FileDirectories;
  readonly #temporaries: FileTemporaries;
  #swept = false;

  constructor(options: FileObjectsOptions) {
    this.#root = options.root;
    this.#calls = options.calls;
    this.#inBackground = options.inBackground;
    this.#directories = new FileDirectories(options.root, options.calls);
    this.#temporaries = new FileTemporaries(options.root, options.calls);
  }

  async create(name: string, bytes: Uint8Array, attempt: Attempt): Promise<CreateResult> {
    const directory = parentOf(name);
    let temporary: Temporary;
    try {
      await this.#prepare(directory);
      temporary = await this.#temporaries.write(bytes);
    } catch (error) {
      return this.#refused(error);
    }
    // From here to the link in one turn: a create that was given up is never linked.
    if (attempt.givenUp) {
      await this.#temporaries.remove(temporary.path);
      return { type: "refused", cause: "given up" };
    }
    attempt.linkSent = true;
    try {
      await this.#calls.link(temporary.path, join(this.#root, name));
    } catch (error) {
      const result = await this.#notLinked(name, error);
      if (result.type !== "unknown") this.#inBackground(this.#temporaries.remove(temporary.path));
      return result;
    }
    try {
      await this.#directories.sync(directory);
    } catch (error) {
      // The temporary stays: it tells readers that the name may not be durable.
      return { type: "unknown", cause: errorText(error) };
    }
    this.#inBackground(this.#temporaries.remove(temporary.path));
    return { type: "created", version: temporary.version };
  }

  async get(name: string, range: ByteRange | undefined): Promise<GetResult> {
    let file: number;
    try {
      file = await this.#calls.open(join(this.#root, name), "r");
    } catch (error) {
      return this.#notOpened(error);
    }
    try {
      const stats = await this.#calls.fstat(file, { bigint: true });
      if (!stats.isFile()) return { type: "absent" };
      if (stats.nlink > 1n) await this.#directories.sync(parentOf(name));
      const size = Number(stats.size);
      const { start, end } = range ?? { start: 0, end: size };
      const bytes = await this.#readBytes(file, Math.min(start, size), Math.min(end, size));
      return { type: "found", bytes, version: fileVersion(stats), size };
    } finally {
      await this.#calls.close(file).catch(() => undefined);
    }
  }

  async list(options: ListOptions): Promise<ListResult> {
    for (let { startAt } = options; ;) {
      const from = startAt === undefined ? {} : { startAt };
      const count = options.limit + 1;
      const names = await listNames(this.#root, this.#calls, { ...options, ...from, count });
      const page = names.slice(0, options.limit);
      const items = (await Promise.all(page.map((name) => this.#item(name)))).flat();
      const more = names.length > page.length;
      if (names.length === 0) await this.#directories.checkRoot();
      // All deleted since their directory was read: look further.
      const last = page.at(-1);
      if (items.length > 0 || !more || last === undefined) return { items, more };
      startAt = nameAfter(last);
    }
  }

  async delete(name: string): Promise<DeleteResult> {
    try {
      await this.#calls.unlink(join(this.#root, name));
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return { type: "absent" };
      const isRefused = code === "EACCES" || code === "EPERM" || code === "EROFS";
      return { type: isRefused ? "refused" : "unknown", cause: errorText(error) };
    }
    try {
      await this.#directories.sync(parentOf(name));
    } catch (error) {
      return { type: "unknown", cause: errorText(error) };
    }
    return { type: "deleted" };
  }

  async #prepare(directory: string): Promise<void> {
    await this.#directories.prepare("");
    await this.#directories.prepare(temporaryDirectory);
    if (directory !== "") await this.#directories.prepare(directory);
    if (this.#swept) return;
    this.#swept = true;
    this.#inBackground(this.#temporaries.sweep(this.#directories).catch(() => undefined));
  }

  #refused(error: unknown): CreateResult {
    // Somebody removed a directory under us; the next create makes it again.
    if (errorCode(error) === "ENOENT") this.#directories.forget();
    return { type: "refused", cause: errorText(error) };
  }

  async #notLinked(name: string, error: unknown): Promise<CreateResult> {
    const code = errorCode(error) ?? "";
    if (code === "EEXIST") return this.#exists(name);
    if (linkRefusals.has(code)) return this.#refused(error);
    return { type: "unknown", cause: errorText(error) };
  }

  /** A name that stands is reported only once it is durable. */
  async #exists(name: string): Promise<CreateResult> {
    try {
      const stats = await this.#calls.lstat(join(this.#root, name), { bigint: true });
      if (!stats.isFile()) {
        return { type: "refused", cause: `${name} is a directory of other objects' names` };
      }
      if (stats.nlink > 1n) await this.#directories.sync(parentOf(name));
      return { type: "exists" };
    } catch (error) {
      if (errorCode(error) === "ENOENT") return { type: "exists" };
      return { type: "unknown", cause: errorText(error) };
    }
  }

  async #notOpened(error: unknown): Promise<GetResult> {
    switch (errorCode(error)) {
      case "ENOENT":
      case "ENOTDIR":
      case "ENAMETOOLONG":
        await this.#directories.checkRoot();
        return { type: "absent" };
      default:
        throw error;
    }
  }

  async #readBytes(file: number, start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start);
    for (let at = 0; at < bytes.length;) {
      const length = bytes.length - at;
      const { bytesRead } = await this.#calls.read(file, bytes, at, length, start + at);
      if (bytesRead === 0) throw new StoreError("corrupt", "the file is shorter than it was");
      at += bytesRead;
    }
    return bytes;
  }

  /** One item, or none if the object was deleted since its name was read. */
  async #item(name: string): Promise<readonly ListItem[]> {
    try {
      const stats = await this.#calls.lstat(join(this.#root, name), { bigint: true });
      if (stats.nlink > 1n) await this.#directories.sync(parentOf(name));
      return [{ name, version: fileVersion(stats), size: Number(stats.size) }];
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }
}

/** The directory of a name, "" for the root. */
function parentOf(name: string): string {
  return name.includes("/") ? dirname(name) : "";
}
