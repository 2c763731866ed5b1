/**
 * What reading a log starts from: the manifest that counts, and the ledger of its checkpoint. A handful
 * of requests, however long the log is.
 */

import { SuraftError } from "../errors.js";
import { logStart } from "../core/walk.js";
import { readLedger } from "./checkpoint.js";
import { objectName } from "./names.js";
import { corruptObject } from "./store-failure.js";
import type { CheckpointRef, ManifestView } from "../core/manifest.js";
import type { CoreStart } from "../core/options.js";
import type { Store } from "../store/store.js";
import type { AgeClock } from "./age-clock.js";
import type { LogStart } from "./segment-log.js";

export interface ReadLogStartOptions {
  /** Makes a manifest read. */
  readonly read: () => Promise<ManifestView>;
  readonly signal: AbortSignal;
}

/**
 * Throws what `read` throws; a SuraftError: `corrupt` naming the object, or what the store's failure
 * means; or the signal's reason.
 */
export async function readLogStart(
  store: Store,
  clock: AgeClock,
  { read, signal }: ReadLogStartOptions,
): Promise<CoreStart> {
  for (let missing: CheckpointRef | undefined; ;) {
    const { ageMs } = clock;
    const manifest = await read();
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

/** From where on a log is held that starts so. */
export function startOf({ manifest, ledger }: Omit<CoreStart, "ageMs">): LogStart {
  const walk = manifest.checkpoint?.walk ?? logStart;
  // The trim that the manifest knows of may stand behind the checkpoint.
  return { walk, firstIndex: Math.max(manifest.firstIndex, ledger?.firstIndex ?? 1) };
}
