/** What the tests of the adapter under faults run on. */

import type { Store } from "../../src/store/store.js";
import type { FaultProxy } from "./fault-proxy.js";

export interface GcsFixture {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  readonly bucket: string;
  /** How often the server created a name, if it counts. */
  readonly createdCount?: (name: string) => number;
  close(): Promise<void>;
}

export interface Context {
  readonly fixture: () => GcsFixture;
  readonly proxy: () => FaultProxy;
  /** Through the proxy. */
  readonly store: () => Store;
  /** Straight to the server. */
  readonly direct: () => Store;
  /** A name that no other test uses. */
  readonly newName: () => string;
}

/** For settling names in tests: a server on this machine needs no second to recover. */
export const quick = { backoffMsMin: 1, backoffMsMax: 10, requestMsMax: 150 };
