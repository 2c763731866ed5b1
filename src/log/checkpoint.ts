/**
 * A checkpoint's ledger in the store: an object that a manifest names with what proves its bytes.
 *
 * Invariant: an object that is not the very one that was named is never believed.
 */

import { settle } from "../store/settle.js";
import { StoreError } from "../store/store.js";
import { decodeLedger, encodeLedger } from "./ledger-codec.js";
import { objectName } from "./names.js";
import type { LedgerSnapshot } from "../core/ledger/snapshot.js";
import type { LedgerOutcome, ObjectId, ObjectRef } from "../core/manifest.js";
import type { SettleOptions } from "../store/settle.js";
import type { RequestOptions, Store } from "../store/store.js";

/** Reads a ledger that a manifest names. One request. Reasons name the object. */
export async function readLedger(
  store: Store,
  clusterId: string,
  ref: ObjectRef,
  options: RequestOptions,
): Promise<LedgerOutcome> {
  const name = objectName({ type: "checkpoint", id: ref.id });
  try {
    const result = await store.get(name, options);
    if (result.type === "absent") return result;
    if (result.bytes.length !== ref.sizeBytes) {
      const reason = `${name}: it has ${result.bytes.length} bytes, not ${ref.sizeBytes}`;
      return { type: "corrupt", reason };
    }
    const decoded = decodeLedger(result.bytes, clusterId, ref.checksum);
    if (decoded.type === "ok") return { type: "found", ledger: decoded.value };
    return { type: "corrupt", reason: `${name}: ${decoded.reason}` };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.kind === "corrupt") return { type: "corrupt", reason: error.message };
    return { type: "unavailable" };
  }
}

/** Stores a ledger; undefined if it is not known to stand. */
export async function createLedger(
  store: Store,
  clusterId: string,
  { id, ledger }: { readonly id: ObjectId; readonly ledger: LedgerSnapshot },
  options: SettleOptions,
): Promise<ObjectRef | undefined> {
  const { bytes, checksum } = encodeLedger(clusterId, ledger);
  const name = objectName({ type: "checkpoint", id });
  const settled = await settle(store, name, bytes, options);
  return settled.type === "mine" ? { id, sizeBytes: bytes.length, checksum } : undefined;
}
