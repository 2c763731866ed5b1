/**
 * Protocol buffers by hand, for the messages of the hot paths: sizes first, then bytes into a
 * buffer that has the exact size.
 *
 * Numbers are non-negative integers below 2^53.
 */

/** How many bytes `value` takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    size += 1;
  }
  return size;
}

/** Writes a varint and returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  while (value >= 128) {
    target[offset] = (value % 128) | 128;
    offset += 1;
    value = value < 0x8000_0000 ? value >>> 7 : Math.floor(value / 128);
  }
  target[offset] = value;
  return offset + 1;
}

/** The size of a varint field with a one-byte tag; zero is left out, as proto3 does. */
export function numberFieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Writes a varint field with a field number below 16, nothing for zero. */
export function writeNumberField(
  target: Uint8Array,
  offset: number,
  field: { readonly number: number; readonly value: number },
): number {
  if (field.value === 0) {
    return offset;
  }
  target[offset] = field.number << 3;
  return writeVarint(target, offset + 1, field.value);
}

/** The size of a length-delimited field with a one-byte tag. */
export function bytesFieldSize(sizeBytes: number): number {
  return 1 + varintSize(sizeBytes) + sizeBytes;
}

/** Writes the tag and the length of a length-delimited field with a field number below 16. */
export function writeBytesFieldHead(
  target: Uint8Array,
  offset: number,
  field: { readonly number: number; readonly sizeBytes: number },
): number {
  target[offset] = (field.number << 3) | 2;
  return writeVarint(target, offset + 1, field.sizeBytes);
}

/** A message that is nothing but one repeated field of encoded messages, below 16. */
export function encodeRepeated(field: number, messages: readonly Uint8Array[]): Buffer {
  let sizeBytes = 0;
  for (const { length } of messages) sizeBytes += bytesFieldSize(length);
  const target = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  for (const message of messages) {
    offset = writeBytesFieldHead(target, offset, { number: field, sizeBytes: message.length });
    target.set(message, offset);
    offset += message.length;
  }
  return target;
}

/** The size of a google.protobuf.Timestamp (or Duration) of so many milliseconds. */
export function millisecondsSize(milliseconds: number): number {
  const seconds = Math.floor(milliseconds / 1000);
  return numberFieldSize(seconds) + numberFieldSize((milliseconds - seconds * 1000) * 1_000_000);
}

/** Writes the fields of a google.protobuf.Timestamp (or Duration) and returns the offset behind. */
export function writeMilliseconds(
  target: Uint8Array,
  offset: number,
  milliseconds: number,
): number {
  const seconds = Math.floor(milliseconds / 1000);
  offset = writeNumberField(target, offset, { number: 1, value: seconds });
  const nanos = (milliseconds - seconds * 1000) * 1_000_000;
  return writeNumberField(target, offset, { number: 2, value: nanos });
}
