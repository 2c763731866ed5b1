/**
 * What a node starts from: the manifest that counts, and the ledger of its checkpoint. A handful of
 * requests, however long the log is.
 */

import { logStart } from "../core/walk.js";
import { SuraftError } from "../errors.js";
import { readLedger } from "../log/checkpoint.js";
import { openCluster } from "../log/manifest.js";
import { objectName } from "../log/names.js";
import { corruptObject } from "../log/store-failure.js";
import type { CheckpointRef } from "../core/manifest.js";
import type { CoreStart } from "../core/options.js";
import type { OpenClusterOptions } from "../log/manifest.js";
import type { LogStart } from "../log/segment-log.js";
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
  for (let missing: CheckpointRef | undefined; ;) {
    const { ageMs } = clock;
    const manifest = await openCluster(store, options);
    const { checkpoint, clusterId } = manifest;
    if (checkpoint === undefined) return { manifest, ledger: undefined, ageMs };
    const name = objectName({ type: "checkpoint", id: checkpoint.ledger.id });
    // A checkpoint that was deleted meanwhile is one that a later manifest does not name any more.
    if (missing?.ledger.id.nonce === checkpoint.ledger.id.nonce) {
      throw corruptObject(name, "it has vanished from the store");
    }
    const outcome = await readLedger(store, clusterId, checkpoint.ledger, { signal });
    signal.throwIfAborted();
    switch (outcome.type) {
      case "found":
        return { manifest, ledger: outcome.ledger, ageMs };
      case "absent":
        missing = checkpoint;
        break;
      case "unavailable":
        throw new SuraftError("unavailable", `${name} in ${store.url} cannot be read`);
      case "corrupt":
        throw corruptObject(name, outcome.reason);
    }
  }
}

/** From where on a node that starts holds the log. */
export function startOf({ manifest, ledger }: Omit<CoreStart, "ageMs">): LogStart {
  const walk = manifest.checkpoint?.walk ?? logStart;
  return { walk, firstIndex: ledger?.firstIndex ?? manifest.firstIndex };
}
