/**
 * Makes a failing input small: leaves out fields, then ever smaller ranges, then puts plain bytes in
 * the place of odd ones.
 */

import { encodeFields, parseFields, placesOf } from "./wire-tree.js";

export type Fails = (bytes: Uint8Array) => Promise<boolean>;

/** The smallest input found that still fails, within a bounded number of tries. */
export async function minimise(
  bytes: Uint8Array,
  fails: Fails,
  triesMax = 3_000,
): Promise<Uint8Array> {
  let best = bytes;
  let tries = 0;
  const attempt = async (candidate: Uint8Array): Promise<boolean> => {
    tries += 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let at = 0; tries < triesMax;) {
    const without = withoutField(best, at);
    if (without === undefined) break;
    if (!(await attempt(without))) at += 1;
  }
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < best.length && tries < triesMax;) {
      const without = Buffer.concat([best.subarray(0, start), best.subarray(start + size)]);
      if (!(await attempt(without))) start += size;
    }
  }
  for (let at = 0; at < best.length && tries < triesMax; at++) {
    for (const plain of [0, 0x61]) {
      const before = best[at] ?? 0;
      if (before === plain || before === 0) break;
      const candidate = Uint8Array.from(best);
      candidate[at] = plain;
      if (await attempt(candidate)) break;
    }
  }
  return best;
}

/** The message without one of its fields; undefined if there is none at that place. */
function withoutField(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const fields = parseFields(bytes);
  const place = fields === undefined ? undefined : placesOf(fields)[at];
  if (fields === undefined || place === undefined) return undefined;
  place.siblings.splice(place.index, 1);
  return encodeFields(fields);
}
