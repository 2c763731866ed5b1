/**
 * The leases of leaders: `lease/<number>`, a series of which only the greatest number counts
 * (PROTOCOL.md section 6). What is in them is for people.
 */

import { listAll } from "./list-all.js";
import { MessageWriter } from "./message-writer.js";
import { leaseName, leasePrefix, parseLeaseName } from "./names.js";
import { nonceBytes } from "./walk-codec.js";
import type { Epoch } from "../core/types.js";
import type { Store } from "../store/store.js";

/** `suraft.storage.v1.Lease`. */
export function encodeLease(clusterId: string, number: number, epoch: Epoch): Uint8Array {
  const { term, leaderId, nonce } = epoch;
  const writer = new MessageWriter();
  writer.text(1, clusterId).number(2, number);
  writer.message(3, () => writer.number(1, term).text(2, leaderId).bytes(3, nonceBytes(nonce)));
  return writer.seal().bytes;
}

/** The greatest number above `after` for which a lease stands; `after` if there is none. */
export async function greatestLease(
  store: Store,
  after: number,
  signal: AbortSignal,
): Promise<number> {
  let greatest = after;
  const startAt = leaseName(after + 1);
  for await (const { name } of listAll(store, { prefix: leasePrefix, startAt, signal })) {
    greatest = Math.max(greatest, parseLeaseName(name) ?? greatest);
  }
  return greatest;
}
