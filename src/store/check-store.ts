/**
 * The start-up check: a store that ignores preconditions would lose the log.
 *
 * One fixed name, so that a restart costs one request and leaves nothing behind.
 */

import { withDeadline } from "./abort.js";
import { Backoff } from "./backoff.js";
import type { BackoffOptions } from "./backoff.js";
import { StoreError } from "./store.js";
import type { RequestOptions, Store } from "./store.js";

/** `probe/0`: created once in a store's life, by the first node that checks it; never deleted. */
export const probeName = "probe/0";

const probeBytes = Buffer.from("suraft: this store refuses to create a name twice\n");

export interface CheckStoreOptions extends RequestOptions, BackoffOptions {
  /** A try that takes longer is repeated. 10 seconds by default. */
  readonly requestMsMax?: number;
}

/**
 * Returns once the store has refused to create a name that stands. Throws a {@link StoreError}:
 * `invalid` (it created the name twice, or there is no such bucket), `forbidden` (it lets us not
 * create), or `unavailable` once the signal is aborted before an answer came.
 */
export async function checkStore(store: Store, options: CheckStoreOptions): Promise<void> {
  const { signal, requestMsMax = 10_000 } = options;
  const backoff = new Backoff(options);
  let created = false;
  for (;;) {
    const result = await withDeadline(signal, requestMsMax, (deadline) =>
      store.create(probeName, probeBytes, { signal: deadline }),
    );
    switch (result.type) {
      case "exists":
        return;
      case "created":
        if (created) throw ignoresPreconditions(store);
        created = true;
        continue;
      case "refused":
        await throwReason(store, result.cause, { signal, requestMsMax });
    }
    if (!signal.aborted) await backoff.wait();
    if (signal.aborted) {
      throw new StoreError("unavailable", `${store.url} does not answer: ${result.cause}`);
    }
  }
}

function ignoresPreconditions(store: Store): StoreError {
  return new StoreError(
    "invalid",
    `${store.url} created ${probeName} twice: it ignores preconditions, and would lose data`,
  );
}

/** A refusal is for good unless the store cannot be reached: a listing tells. */
async function throwReason(
  store: Store,
  cause: string,
  options: RequestOptions & { readonly requestMsMax: number },
): Promise<void> {
  try {
    await withDeadline(options.signal, options.requestMsMax, (deadline) =>
      store.list({ prefix: probeName, limit: 1, signal: deadline }),
    );
  } catch (error) {
    if (error instanceof StoreError && error.kind === "unavailable") return;
    throw error;
  }
  throw new StoreError("forbidden", `${store.url} refuses to create objects: ${cause}`);
}
