/** CRC32C (Castagnoli), the checksum of every stored object, computed by native code. */

import { crc32c as native } from "@node-rs/crc32";

/**
 * The CRC32C of the bytes, an unsigned 32-bit number. With `before`, the CRC32C of some bytes, it
 * is that of those bytes and these, one behind the other.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  return native(bytes, before);
}
