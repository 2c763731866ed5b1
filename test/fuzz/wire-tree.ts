/**
 * A protocol buffers message as a tree of fields, taken apart without a schema, to be damaged and put
 * together again: lengths of messages around a damaged field come out right.
 */

/** One field. A field of bytes that can be read as a message has fields of its own. */
export interface WireField {
  number: number;
  wireType: number;
  /** A varint's. */
  value: bigint;
  /** Of every other type. */
  bytes: Uint8Array;
  fields: WireField[] | undefined;
  /** Stands in the place of everything above. */
  raw: Uint8Array | undefined;
}

const depthMax = 8;
const fieldsMax = 2_000;

interface Place {
  readonly bytes: Uint8Array;
  offset: number;
  fieldCount: number;
}

/** The fields of a message; undefined if the bytes are none. */
export function parseFields(bytes: Uint8Array): WireField[] | undefined {
  return parseWithin(bytes, 0, { fieldCount: 0 });
}

function parseWithin(
  bytes: Uint8Array,
  depth: number,
  seen: { fieldCount: number },
): WireField[] | undefined {
  const place: Place = { bytes, offset: 0, fieldCount: 0 };
  const fields: WireField[] = [];
  while (place.offset < bytes.length) {
    const field = parseField(place, depth, seen);
    if (field === undefined || ++seen.fieldCount > fieldsMax) return undefined;
    fields.push(field);
  }
  return fields;
}

function parseField(
  place: Place,
  depth: number,
  seen: { fieldCount: number },
): WireField | undefined {
  const tag = parseVarint(place);
  if (tag === undefined || tag < 8n || tag > 0xffff_ffffn) return undefined;
  const number = Number(tag >> 3n);
  const wireType = Number(tag & 7n);
  const base = { number, wireType, fields: undefined, raw: undefined };
  if (wireType === 0) {
    const value = parseVarint(place);
    return value === undefined ? undefined : { ...base, value, bytes: new Uint8Array() };
  }
  const fixed = wireType === 1 ? 8n : wireType === 5 ? 4n : undefined;
  const length = fixed ?? (wireType === 2 ? parseVarint(place) : undefined);
  const { bytes, offset } = place;
  if (length === undefined || length > BigInt(bytes.length - offset)) return undefined;
  place.offset += Number(length);
  const content = bytes.subarray(offset, place.offset);
  const nested =
    wireType === 2 && content.length > 0 && depth < depthMax
      ? parseWithin(content, depth + 1, seen)
      : undefined;
  return { ...base, value: 0n, bytes: content, fields: nested };
}

function parseVarint(place: Place): bigint | undefined {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = place.bytes[place.offset];
    if (byte === undefined) return undefined;
    place.offset += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return undefined;
}

/** The bytes of a message. */
export function encodeFields(fields: readonly WireField[]): Buffer {
  return Buffer.concat(fields.map(encodeField));
}

/** The bytes of a field, its tag included. */
export function encodeField(field: WireField): Buffer {
  const { number, wireType, value, bytes, fields, raw } = field;
  if (raw !== undefined) return Buffer.from(raw);
  const tag = encodeVarint((BigInt(number) << 3n) | BigInt(wireType));
  if (wireType === 0) return Buffer.concat([tag, encodeVarint(value)]);
  const content = fields === undefined ? Buffer.from(bytes) : encodeFields(fields);
  if (wireType !== 2) return Buffer.concat([tag, content]);
  return Buffer.concat([tag, encodeVarint(BigInt(content.length)), content]);
}

/** A varint, by `extraBytes` longer than it must be. */
export function encodeVarint(value: bigint, extraBytes = 0): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  for (let extra = 0; extra < extraBytes; extra++) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(0);
  }
  return Buffer.from(bytes);
}

/** A list of fields in a message, and the place of one in it. */
export interface FieldPlace {
  readonly siblings: WireField[];
  readonly index: number;
}

/** Every field of a message and of the messages within, and where it stands. */
export function placesOf(fields: WireField[]): FieldPlace[] {
  return fields.flatMap((field, index) => [
    { siblings: fields, index },
    ...(field.fields === undefined ? [] : placesOf(field.fields)),
  ]);
}
