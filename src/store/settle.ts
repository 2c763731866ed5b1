/**
 * Settles a name: finds out who holds it, by the one means there is, which is to create it.
 *
 * For rare names, as manifests. (The log's own are settled in the core, which knows more.)
 *
 * Invariant: one call sends one content for one name.
 * Invariant: `refused` is answered only if no try of this call can ever land.
 */

import { withDeadline, reasonText } from "./abort.js";
import { Backoff } from "./backoff.js";
import type { BackoffOptions } from "./backoff.js";
import { StoreError } from "./store.js";
import type { GetResult, RequestOptions, Store } from "./store.js";

export interface SettleOptions extends RequestOptions, BackoffOptions {
  /** A try that takes longer is unknown, and repeated. 10 seconds by default. */
  readonly requestMsMax?: number;
}

export type Settled =
  /** The name holds these bytes, created by this call or an earlier one. */
  | { readonly type: "mine"; readonly version: string }
  /** The name holds other bytes. */
  | { readonly type: "theirs"; readonly bytes: Uint8Array; readonly version: string }
  /** Something held the name and was deleted: whether it was mine, nobody can tell any more. */
  | { readonly type: "deleted" }
  /** Not created, and no try of this call will be. */
  | { readonly type: "refused"; readonly cause: string }
  /** The signal was aborted first: a try may still land. */
  | { readonly type: "unknown"; readonly cause: string };

/**
 * Repeats a create until it is known who holds the name, and reads what holds it. Waits between
 * tries. Safe to call again with the same bytes. Throws a {@link StoreError} where reading the name
 * back fails for good (`invalid`, `forbidden`, `corrupt`).
 */
export async function settle(
  store: Store,
  name: string,
  bytes: Uint8Array,
  options: SettleOptions,
): Promise<Settled> {
  const { signal, requestMsMax = 10_000 } = options;
  const backoff = new Backoff(options);
  let mayLand = false;
  for (;;) {
    const result = await withDeadline(signal, requestMsMax, (deadline) =>
      store.create(name, bytes, { signal: deadline }),
    );
    switch (result.type) {
      case "created":
        return { type: "mine", version: result.version };
      case "exists":
        return readBack(store, name, bytes, { ...options, requestMsMax, backoff });
      case "unknown":
        mayLand = true;
        break;
      case "refused":
        if (!mayLand) return result;
    }
    if (!signal.aborted) await backoff.wait();
    if (signal.aborted) return mayLand ? { type: "unknown", cause: result.cause } : result;
  }
}

async function readBack(
  store: Store,
  name: string,
  bytes: Uint8Array,
  options: RequestOptions & { readonly requestMsMax: number; readonly backoff: Backoff },
): Promise<Settled> {
  const { signal, requestMsMax, backoff } = options;
  for (;;) {
    let cause: string;
    try {
      const found = await withDeadline(signal, requestMsMax, (deadline) =>
        store.get(name, { signal: deadline }),
      );
      return compare(found, bytes);
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== "unavailable") throw error;
      cause = reasonText(error);
    }
    if (!signal.aborted) await backoff.wait();
    if (signal.aborted) return { type: "unknown", cause };
  }
}

function compare(found: GetResult, bytes: Uint8Array): Settled {
  if (found.type === "absent") return { type: "deleted" };
  const { version } = found;
  if (Buffer.compare(found.bytes, bytes) === 0) return { type: "mine", version };
  return { type: "theirs", bytes: found.bytes, version };
}
