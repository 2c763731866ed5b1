/** Opens a store for work on a log with no node. */

import { storeFailure } from "../log/store-failure.js";
import { openStore } from "../store/open-store.js";
import type { Store } from "../store/store.js";

export interface LogStoreOptions {
  /** For `gs://`: another server of the storage API. */
  readonly apiEndpoint?: string;
}

/** Makes no request yet. Throws a SuraftError of kind `invalid` for a URL that names no store. */
export function openLogStore(url: string, options: LogStoreOptions = {}): Store {
  try {
    return openStore(url, options);
  } catch (error) {
    throw storeFailure(error);
  }
}
