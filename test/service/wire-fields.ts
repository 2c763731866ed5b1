/** Just enough of protocol buffers to speak a protocol whose schema is not at hand. */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message with one length-delimited field. */
export function encodeField(number: number, value: Uint8Array): Buffer {
  const writer = new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(value);
  return Buffer.from(writer.finish());
}

/** The length-delimited fields of a message, by number. */
export function fieldsOf(message: Uint8Array): ReadonlyMap<number, readonly Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) {
      const values = fields.get(number) ?? [];
      values.push(Buffer.from(reader.bytes()));
      fields.set(number, values);
    } else {
      reader.skip(type, number);
    }
  }
  return fields;
}
