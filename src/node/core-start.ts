/** What a node starts from: the cluster in its store, founded if there is none. */

import { readLogStart } from "../log/log-start.js";
import { openCluster } from "../log/manifest.js";
import type { CoreStart } from "../core/options.js";
import type { OpenClusterOptions } from "../log/manifest.js";
import type { Store } from "../store/store.js";
import type { AgeClock } from "../log/age-clock.js";

/**
 * Founds the cluster in an empty store. Throws a SuraftError: `corrupt` naming the object, or what the
 * store's failure means; or the signal's reason.
 */
export async function readCoreStart(
  store: Store,
  clock: AgeClock,
  options: OpenClusterOptions,
): Promise<CoreStart> {
  const { signal } = options;
  return await readLogStart(store, clock, { read: () => openCluster(store, options), signal });
}
