/**
 * Gets objects for readers of the log's past: each try has a deadline, and what the store does not
 * answer is asked again a few times.
 */

import { pause, withDeadline } from "../store/abort.js";
import { StoreError } from "../store/store.js";
import { storeFailure } from "./store-failure.js";
import type { ByteRange, GetResult, Store } from "../store/store.js";

/** A get that fails is tried again so often, a little later each time. */
const triesMax = 4;
const retryDelayMs = 100;

/** A get of a range has a millisecond more for each so many bytes. */
const bytesPerMs = 1024;

export interface ObjectGetterOptions {
  readonly store: Store;
  /** A get that takes longer is made again. */
  readonly timeoutMs: number;
}

export class ObjectGetter {
  readonly #options: ObjectGetterOptions;
  /** Gets sent. */
  gets = 0;

  constructor(options: ObjectGetterOptions) {
    this.#options = options;
  }

  /** Throws a SuraftError: what the store's failure means; or the signal's reason. */
  async get(name: string, signal: AbortSignal, range?: ByteRange): Promise<GetResult> {
    const { store, timeoutMs } = this.#options;
    const bytes = range === undefined ? 0 : range.end - range.start;
    const part = range === undefined ? {} : { range };
    for (let attempt = 1; ; attempt++) {
      this.gets++;
      try {
        return await withDeadline(signal, timeoutMs + bytes / bytesPerMs, (deadline) =>
          store.get(name, { ...part, signal: deadline }),
        );
      } catch (error) {
        const mayPass = error instanceof StoreError && error.kind === "unavailable";
        if (!mayPass || signal.aborted || attempt === triesMax) throw storeFailure(error, name);
      }
      await pause(retryDelayMs * 2 ** (attempt - 1), signal);
    }
  }
}
