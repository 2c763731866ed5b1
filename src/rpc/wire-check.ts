/**
 * Judges a received message before it is decoded: every field known, of the type that the schema
 * says, every length within its message. protobuf-es itself reads a known field of a wrong type as
 * if it had the right one, and keeps unknown fields without a word; a service that must refuse what
 * it does not do can let neither pass.
 */

import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";

/** What a message looks like from outside. */
export type WireVerdict =
  | { readonly type: "sound" }
  /** Each as `9 of suraft.v1.Entry`. */
  | { readonly type: "unknown"; readonly fields: readonly string[] }
  | { readonly type: "malformed"; readonly reason: string };

const varint = 0;
const fixed64 = 1;
const delimited = 2;
const fixed32 = 5;

const depthMax = 32;
const unknownFieldsMax = 8;

/**
 * A message of two bytes becomes an object of two hundred: what is decoded holds no more of them. Messages
 * with more belong to methods that take bytes as they are.
 */
const messagesMax = 65_536;

class Malformed extends Error {}

/** Walks a message and everything in it. */
export function checkWire(schema: DescMessage, bytes: Uint8Array): WireVerdict {
  const unknown: string[] = [];
  try {
    const counts = { messages: 0 };
    checkMessage(schema, { bytes, start: 0, end: bytes.length, depth: 0, unknown, counts });
  } catch (error) {
    if (error instanceof Malformed) {
      return { type: "malformed", reason: error.message };
    }
    throw error;
  }
  return unknown.length === 0 ? { type: "sound" } : { type: "unknown", fields: unknown };
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  readonly unknown: string[];
  readonly counts: { messages: number };
}

function checkMessage(schema: DescMessage, walk: Walk): void {
  if (walk.depth > depthMax) {
    throw new Malformed(`${schema.typeName} is nested more than ${depthMax} deep`);
  }
  if (++walk.counts.messages > messagesMax) {
    throw new Malformed(`it holds more than ${messagesMax} messages`);
  }
  const { bytes, end } = walk;
  const fields = fieldsByNumber(schema);
  let offset = walk.start;
  while (offset < end) {
    const tag = readVarint(bytes, offset, end);
    offset = tag.next;
    const number = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    if (number < 1 || number > 0x1fff_ffff) {
      throw new Malformed(`${schema.typeName} has a field number of ${number}`);
    }
    const value = skipValue(wireType, bytes, offset, end);
    const field = fields.get(number);
    if (field === undefined) {
      if (walk.unknown.length < unknownFieldsMax) {
        walk.unknown.push(`${number} of ${schema.typeName}`);
      }
    } else if (!accepts(field, wireType)) {
      throw new Malformed(`field ${number} of ${schema.typeName} has wire type ${wireType}`);
    } else if (field.message !== undefined) {
      checkMessage(field.message, { ...walk, ...value, depth: walk.depth + 1 });
    }
    offset = value.end;
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the value that begins at `offset` has its content. */
function skipValue(wireType: number, bytes: Uint8Array, offset: number, end: number): Span {
  switch (wireType) {
    case varint:
      return { start: offset, end: readVarint(bytes, offset, end).next };
    case fixed64:
      return span(offset, 8, end);
    case fixed32:
      return span(offset, 4, end);
    case delimited: {
      const length = readVarint(bytes, offset, end);
      return span(length.next, length.value, end);
    }
    default:
      throw new Malformed(`wire type ${wireType} at byte ${offset}`);
  }
}

function span(start: number, sizeBytes: number, end: number): Span {
  if (start + sizeBytes > end) {
    throw new Malformed(`a field of ${sizeBytes} bytes at byte ${start} runs past the end`);
  }
  return { start, end: start + sizeBytes };
}

function readVarint(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { readonly value: number; readonly next: number } {
  let value = 0;
  let scale = 1;
  for (let length = 0; length < 10 && offset + length < end; length++) {
    const byte = bytes[offset + length] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) {
      return { value, next: offset + length + 1 };
    }
    scale *= 128;
  }
  throw new Malformed(`the varint at byte ${offset} does not end`);
}

const fieldMaps = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsByNumber(schema: DescMessage): ReadonlyMap<number, DescField> {
  let fields = fieldMaps.get(schema);
  if (fields === undefined) {
    fields = new Map(schema.fields.map((field) => [field.number, field]));
    fieldMaps.set(schema, fields);
  }
  return fields;
}

function accepts(field: DescField, wireType: number): boolean {
  switch (field.fieldKind) {
    case "message":
    case "map":
      return wireType === delimited;
    case "enum":
      return wireType === varint;
    case "scalar":
      return wireType === scalarWireType(field.scalar);
    case "list": {
      if (field.listKind === "message") {
        return wireType === delimited;
      }
      const item = field.listKind === "enum" ? varint : scalarWireType(field.scalar);
      return wireType === item || wireType === delimited;
    }
  }
}

function scalarWireType(scalar: ScalarType): number {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return delimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return fixed64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return fixed32;
    default:
      return varint;
  }
}
