/** A store that counts the requests made of it. */

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

export interface RequestCounts {
  readonly creates: number;
  readonly gets: number;
  readonly lists: number;
  readonly deletes: number;
}

export class CountingStore implements Store {
  readonly url: string;
  readonly #store: Store;
  readonly #counts = { creates: 0, gets: 0, lists: 0, deletes: 0 };

  constructor(store: Store) {
    this.url = store.url;
    this.#store = store;
  }

  /** What was asked of the store so far. */
  get counts(): RequestCounts {
    return { ...this.#counts };
  }

  create(name: string, bytes: Uint8Array, options: RequestOptions): Promise<CreateResult> {
    this.#counts.creates++;
    return this.#store.create(name, bytes, options);
  }

  get(name: string, options: RequestOptions & { readonly range?: ByteRange }): Promise<GetResult> {
    this.#counts.gets++;
    return this.#store.get(name, options);
  }

  list(options: ListOptions): Promise<ListResult> {
    this.#counts.lists++;
    return this.#store.list(options);
  }

  delete(name: string, options: RequestOptions): Promise<DeleteResult> {
    this.#counts.deletes++;
    return this.#store.delete(name, options);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
