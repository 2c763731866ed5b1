import { crc32c } from "../../src/log/crc32c.js";

/** The object that a foreign writer would make of a message: the fields, then their checksum. */
export function withChecksum(fields: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(fields.length + 5);
  bytes.set(fields);
  bytes[fields.length] = 0x7d;
  bytes.writeUInt32LE(crc32c(fields), fields.length + 1);
  return bytes;
}
