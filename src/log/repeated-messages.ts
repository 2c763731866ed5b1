/** Messages that are nothing but one repeated field of messages, taken apart without decoding those. */

import { Cursor, tagOf, wireType } from "./wire.js";

/**
 * Gives each message within to `take`, not copied, until that returns false. Returns what is wrong,
 * which is found behind those that were given; undefined if nothing is.
 */
export function takeRepeated(
  message: Uint8Array,
  field: number,
  take: (message: Uint8Array) => boolean,
): string | undefined {
  const cursor = new Cursor(message);
  const tag = tagOf(field, wireType.bytes);
  while (!cursor.atEnd) {
    const found = cursor.varint();
    if (found < 0) return cursor.problem;
    if (found !== tag) {
      const number = Math.floor(found / 8);
      if (number === field) return `field ${field} has wire type ${found % 8}`;
      return `field ${number} stands where only ${field} belongs`;
    }
    const within = cursor.view();
    if (within === undefined) return cursor.problem;
    if (!take(within)) return undefined;
  }
  return undefined;
}
