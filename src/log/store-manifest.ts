/** A manifest read of a reader that has no node: tried for some time, with a deadline each time. */

import { SuraftError } from "../errors.js";
import { pause, reasonText, withDeadline } from "../store/abort.js";
import { readManifest } from "./manifest.js";
import type { ManifestView } from "../core/manifest.js";
import type { Store } from "../store/store.js";

export interface ReadManifestOptions {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly requestTimeoutMs: number;
  /** It is given up after so long. */
  readonly timeoutMs: number;
}

const retryDelayMs = 100;
const retryDelayMsMax = 1000;

/**
 * Throws `absent` if the store holds none; a SuraftError: `corrupt` naming the object, what the store's
 * failure means; or the signal's reason.
 */
export async function readManifestWithin(
  options: ReadManifestOptions,
  absent: SuraftError,
): Promise<ManifestView> {
  const { store, signal, requestTimeoutMs, timeoutMs } = options;
  const untilMs = performance.now() + timeoutMs;
  for (let delayMs = retryDelayMs; ; delayMs = Math.min(delayMs * 2, retryDelayMsMax)) {
    const outcome = await withDeadline(signal, requestTimeoutMs, (deadline) =>
      readOnce(store, deadline, absent),
    );
    signal.throwIfAborted();
    if (!(outcome instanceof SuraftError)) return outcome;
    if (outcome.kind !== "unavailable" || performance.now() + delayMs > untilMs) throw outcome;
    await pause(delayMs, signal);
  }
}

/** The manifest, or why there is none. */
async function readOnce(
  store: Store,
  signal: AbortSignal,
  absent: SuraftError,
): Promise<ManifestView | SuraftError> {
  try {
    const found = await readManifest(store, signal);
    return found.type === "found" ? found.manifest : absent;
  } catch (error) {
    if (error instanceof SuraftError) return error;
    if (!signal.aborted) throw error;
    const reason = reasonText(error);
    return new SuraftError("unavailable", `the manifest in ${store.url} cannot be read: ${reason}`);
  }
}
