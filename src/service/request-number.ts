/** Numbers of requests. */

import { SuraftError } from "../errors.js";

/** An index, id or sequence of a request. Throws `invalid`, naming it. */
export function requestNumber(name: string, value: bigint): number {
  if (value < 1n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new SuraftError("invalid", `${name} is ${value}; it must be at least 1, and below 2^53`);
  }
  return Number(value);
}
