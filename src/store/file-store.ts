/**
 * A store in a local directory: an object is the file of its name below the root.
 *
 * Here is what surrounds the requests: signals, closing, and a disk that fails. What a request does
 * is in file-objects.ts.
 *
 * Invariant: a request ends when its signal is aborted, though a system call hangs.
 *
 * For file systems on one machine: over a network, directories are cached and not synced so. Two
 * names of which one is a directory of the other ("a" and "a/b") cannot both exist: refused.
 */

import { abortText, pause, untilAborted } from "./abort.js";
import { errorCode, errorText, nodeFileCalls, readError } from "./file-calls.js";
import type { FileCalls } from "./file-calls.js";
import { FileObjects } from "./file-objects.js";
import type { Attempt } from "./file-objects.js";
import { checkList, checkName, checkRange } from "./object-name.js";
import { StoreError } from "./store.js";
import type {
  ByteRange,
  CreateResult,
  DeleteResult,
  GetResult,
  ListOptions,
  ListResult,
  RequestOptions,
  Store,
} from "./store.js";

export interface FileStoreOptions {
  readonly url: string;
  readonly directory: string;
  /**
   * The disk failed to sync (EIO): what it said before may be lost, and no later answer is worth
   * anything. Stop the process. Without this the error is thrown where nobody catches it.
   */
  readonly onFatal?: (error: StoreError) => void;
  /** System calls that a test replaces. */
  readonly calls?: Partial<FileCalls>;
}

/** How long a close waits for system calls that do not come back. */
const closeMsMax = 2000;

export class FileStore implements Store {
  readonly url: string;
  readonly #objects: FileObjects;
  readonly #onFatal: (error: StoreError) => void;
  readonly #closing = new AbortController();
  /** Work that is under way, whether or not its request was answered. */
  readonly #pending = new Set<Promise<unknown>>();
  #fatal: StoreError | undefined;

  constructor(options: FileStoreOptions) {
    this.url = options.url;
    this.#onFatal = options.onFatal ?? throwUncaught;
    const calls = { ...nodeFileCalls, ...options.calls };
    this.#objects = new FileObjects({
      root: options.directory,
      calls: { ...calls, fsync: (file) => this.#sync(calls, file) },
      inBackground: (work) => this.#track(work),
    });
  }

  async create(name: string, bytes: Uint8Array, options: RequestOptions): Promise<CreateResult> {
    checkName(name);
    const cause = this.#fatal?.message ?? this.#endedBy(options);
    if (cause !== undefined) return { type: "refused", cause };
    const attempt: Attempt = { linkSent: false, givenUp: false };
    return this.#untilAborted(options, this.#objects.create(name, bytes, attempt), (reason) => {
      attempt.givenUp = true;
      return { type: attempt.linkSent ? "unknown" : "refused", cause: reason };
    });
  }

  async get(
    name: string,
    options: RequestOptions & { readonly range?: ByteRange },
  ): Promise<GetResult> {
    checkName(name);
    if (options.range !== undefined) checkRange(options.range);
    return this.#read(options, `get ${name} of ${this.url}`, () =>
      this.#objects.get(name, options.range),
    );
  }

  async list(options: ListOptions): Promise<ListResult> {
    checkList(options);
    return this.#read(options, `list "${options.prefix}" of ${this.url}`, () =>
      this.#objects.list(options),
    );
  }

  async delete(name: string, options: RequestOptions): Promise<DeleteResult> {
    checkName(name);
    const cause = this.#fatal?.message ?? this.#endedBy(options);
    if (cause !== undefined) return { type: "unknown", cause };
    return this.#untilAborted(options, this.#objects.delete(name), (reason) => ({
      type: "unknown",
      cause: reason,
    }));
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the store was closed"));
    const settled = new AbortController();
    await Promise.race([
      Promise.allSettled(this.#pending).finally(() => settled.abort()),
      pause(closeMsMax, settled.signal),
    ]);
  }

  async #read<T>(options: RequestOptions, what: string, run: () => Promise<T>): Promise<T> {
    const fail = (reason: string): never => {
      throw new StoreError("unavailable", `${what}: ${reason}`);
    };
    const ended = this.#endedBy(options);
    if (ended !== undefined) fail(ended);
    const work = run().catch((error: unknown) => {
      throw readError(what, error);
    });
    return this.#untilAborted(options, work, fail);
  }

  /** Why a request cannot begin, if so. */
  #endedBy(options: RequestOptions): string | undefined {
    return abortText([this.#closing.signal, options.signal]);
  }

  #untilAborted<T>(
    options: RequestOptions,
    work: Promise<T>,
    givenUp: (reason: string) => T,
  ): Promise<T> {
    this.#track(work);
    return untilAborted([options.signal, this.#closing.signal], work, givenUp);
  }

  #track(work: Promise<unknown>): void {
    this.#pending.add(work);
    const forget = () => this.#pending.delete(work);
    work.then(forget, forget);
  }

  async #sync(calls: FileCalls, file: number): Promise<void> {
    try {
      await calls.fsync(file);
    } catch (error) {
      if (errorCode(error) === "EIO" && this.#fatal === undefined) {
        const message = `${this.url}: the disk failed to sync: ${errorText(error)}`;
        this.#fatal = new StoreError("corrupt", message, { cause: error });
        this.#onFatal(this.#fatal);
      }
      throw error;
    }
  }
}

function throwUncaught(error: StoreError): void {
  process.nextTick(() => {
    throw error;
  });
}
