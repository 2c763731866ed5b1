/** What the conformance tests run on. */

import type { Store } from "../../src/store/store.js";

/** An empty storage, and the means to open stores on it. */
export interface StoreFixture {
  /** Opens a store of its own: nothing shared with another but the storage. */
  open(): Store;
  /** What another process opens to get at the same storage, if it can. */
  readonly url?: string;
  close(): Promise<void>;
}

export interface Context {
  readonly scope: () => string;
  readonly store: () => Store;
  readonly other: () => Store;
  readonly fixture: () => StoreFixture;
}
