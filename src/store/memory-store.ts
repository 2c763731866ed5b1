/**
 * A store in this process's memory: for tests, and for trying things out.
 *
 * Invariant: bytes are copied on the way in and on the way out, so nobody can change an object.
 * Invariant: a request takes effect at once and answers in a later turn of the event loop, as a
 * request over a network would, so that nobody comes to rely on an answer within the turn.
 */

import { setImmediate as nextTurn } from "node:timers/promises";

import { abortText, untilAborted } from "./abort.js";
import { checkList, checkName, checkRange, isListed } from "./object-name.js";
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

interface MemoryObject {
  readonly bytes: Uint8Array;
  readonly version: string;
}

/** The objects themselves. Several stores may share them. */
export class MemoryObjects {
  readonly #objects = new Map<string, MemoryObject>();
  /** In order. */
  readonly #names: string[] = [];
  #lastVersion = 0;

  create(name: string, bytes: Uint8Array): CreateResult {
    if (this.#objects.has(name)) return { type: "exists" };
    this.#lastVersion += 1;
    const version = String(this.#lastVersion);
    this.#objects.set(name, { bytes: Uint8Array.from(bytes), version });
    this.#names.splice(this.#indexOf(name), 0, name);
    return { type: "created", version };
  }

  get(name: string, range: ByteRange | undefined): GetResult {
    const object = this.#objects.get(name);
    if (object === undefined) return { type: "absent" };
    const { bytes, version } = object;
    const asked = range === undefined ? bytes.slice() : bytes.slice(range.start, range.end);
    return { type: "found", bytes: asked, version, size: bytes.length };
  }

  list(options: ListOptions): ListResult {
    const { prefix, startAt = "", limit } = options;
    const items = [];
    for (let at = this.#indexOf(startAt > prefix ? startAt : prefix); ; at++) {
      const name = this.#names[at];
      const object = name === undefined ? undefined : this.#objects.get(name);
      if (name === undefined || object === undefined || !isListed(name, options)) {
        return { items, more: false };
      }
      if (items.length === limit) return { items, more: true };
      items.push({ name, version: object.version, size: object.bytes.length });
    }
  }

  delete(name: string): DeleteResult {
    if (!this.#objects.delete(name)) return { type: "absent" };
    this.#names.splice(this.#indexOf(name), 1);
    return { type: "deleted" };
  }

  /** The index of the first name that is not less. */
  #indexOf(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#names[middle] ?? "") < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A view of objects in memory; closing it leaves them to the others. */
export class MemoryStore implements Store {
  readonly url: string;
  readonly #objects: MemoryObjects;
  readonly #closing = new AbortController();

  constructor(url: string, objects: MemoryObjects) {
    this.url = url;
    this.#objects = objects;
  }

  async create(name: string, bytes: Uint8Array, options: RequestOptions): Promise<CreateResult> {
    checkName(name);
    const ended = this.#endedBy(options);
    if (ended !== undefined) return { type: "refused", cause: ended };
    const result = this.#objects.create(name, bytes);
    return this.#later(options, result, (cause) => ({ type: "unknown", cause }));
  }

  async get(
    name: string,
    options: RequestOptions & { readonly range?: ByteRange },
  ): Promise<GetResult> {
    checkName(name);
    if (options.range !== undefined) checkRange(options.range);
    return this.#read(options, () => this.#objects.get(name, options.range));
  }

  async list(options: ListOptions): Promise<ListResult> {
    checkList(options);
    return this.#read(options, () => this.#objects.list(options));
  }

  async delete(name: string, options: RequestOptions): Promise<DeleteResult> {
    checkName(name);
    const ended = this.#endedBy(options);
    if (ended !== undefined) return { type: "unknown", cause: ended };
    const result = this.#objects.delete(name);
    return this.#later(options, result, (cause) => ({ type: "unknown", cause }));
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the store was closed"));
  }

  #read<T>(options: RequestOptions, look: () => T): Promise<T> {
    const fail = (cause: string): never => {
      throw new StoreError("unavailable", `${this.url}: ${cause}`);
    };
    const ended = this.#endedBy(options);
    return ended === undefined ? this.#later(options, look(), fail) : fail(ended);
  }

  #endedBy(options: RequestOptions): string | undefined {
    return abortText([this.#closing.signal, options.signal]);
  }

  #later<T>(options: RequestOptions, result: T, givenUp: (cause: string) => T): Promise<T> {
    return untilAborted([options.signal, this.#closing.signal], nextTurn(result), givenUp);
  }
}
