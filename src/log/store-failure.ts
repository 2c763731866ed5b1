/** What a store's failures mean to suraft's callers. */

import { SuraftError } from "../errors.js";
import { StoreError } from "../store/store.js";

/**
 * A failed store request as a SuraftError of the same kind; `object`, if one is named, goes into a
 * `corrupt` error's details. Every other error is returned as it is.
 */
export function storeFailure(error: unknown, object?: string): unknown {
  if (!(error instanceof StoreError)) return error;
  const details = error.kind === "corrupt" && object !== undefined ? { details: { object } } : {};
  return new SuraftError(error.kind, error.message, { cause: error, ...details });
}

/** An object of the bucket is damaged, missing, or contradicts what is known. */
export function corruptObject(object: string, reason: string): SuraftError {
  return new SuraftError("corrupt", `${object}: ${reason}`, { details: { object } });
}

/** Whether something is damaged, rather than out of reach. */
export function isCorrupt(error: unknown): boolean {
  return error instanceof SuraftError && error.kind === "corrupt";
}
