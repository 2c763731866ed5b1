/**
 * Damage to an input, as data: the same mutations make the same of the same bytes. Damage to fields
 * keeps the rest of a message well-formed, so that what lies behind the first check is reached.
 *
 * Invariant: an input grows by at most 16 KiB.
 */

import fc from "fast-check";

import type { Random } from "../sim/random.js";
import { encodeField, encodeFields, encodeVarint, parseFields, placesOf } from "./wire-tree.js";
import type { WireField } from "./wire-tree.js";

export const byteKinds = [
  "flipBit",
  "setByte",
  "cut",
  "removeRange",
  "repeatRange",
  "insertBytes",
] as const;
const textKinds = ["insertToken", "repeatToken"] as const;
export const fieldKinds = [
  "duplicateField",
  "removeField",
  "swapFields",
  "edgeNumber",
  "longVarint",
  "wireType",
  "hugeLength",
  "unknownField",
  "notUtf8",
  "nest",
  "renumber",
  "emptyField",
] as const;

type FieldKind = (typeof fieldKinds)[number];
export type MutationKind = (typeof byteKinds)[number] | (typeof textKinds)[number] | FieldKind;

/** One step of damage. Numbers are taken modulo what there is. */
export interface Mutation {
  readonly kind: MutationKind;
  readonly at: number;
  readonly other: number;
}

const growthMax = 16 * 1024;
const mutationsMax = 6;

/** Between none and a few mutations of these kinds. */
export function arbitraryMutations(
  kinds: readonly MutationKind[],
): fc.Arbitrary<readonly Mutation[]> {
  const one = fc.record({ kind: fc.constantFrom(...kinds), at: fc.nat(), other: fc.nat() });
  return fc.oneof(
    { arbitrary: fc.constant([]), weight: 2 },
    { arbitrary: fc.array(one, { minLength: 1, maxLength: 1 }), weight: 4 },
    { arbitrary: fc.array(one, { minLength: 1, maxLength: mutationsMax }), weight: 3 },
  );
}

/** One to three mutations of these kinds. */
export function drawMutations(kinds: readonly MutationKind[], random: Random): Mutation[] {
  const whole = () => random.below(2 ** 31);
  return Array.from({ length: 1 + random.below(3) }, () => ({
    kind: random.pick(kinds),
    at: whole(),
    other: whole(),
  }));
}

/** The bytes after all mutations. */
export function mutate(
  bytes: Uint8Array,
  mutations: readonly Mutation[],
  tokens: readonly string[],
): Uint8Array {
  const sizeMax = bytes.length + growthMax;
  return mutations.reduce((before, mutation) => {
    const after = apply(before, mutation, tokens);
    return after.length > sizeMax ? before : after;
  }, bytes);
}

function apply(bytes: Uint8Array, mutation: Mutation, tokens: readonly string[]): Uint8Array {
  const { kind } = mutation;
  switch (kind) {
    case "insertToken":
    case "repeatToken":
      return withToken(bytes, mutation, tokens);
    case "flipBit":
    case "setByte":
    case "cut":
    case "removeRange":
    case "repeatRange":
    case "insertBytes":
      return damageBytes(bytes, mutation);
    default:
      return damageFields(bytes, { ...mutation, kind });
  }
}

function withToken(bytes: Uint8Array, mutation: Mutation, tokens: readonly string[]): Uint8Array {
  const { kind, at, other } = mutation;
  const token = tokens[other % Math.max(1, tokens.length)] ?? "\0";
  const times = kind === "repeatToken" ? 2 ** (other % 8 === 0 ? 12 : at % 5) : 1;
  return spliced(bytes, at % (bytes.length + 1), 0, Buffer.from(token.repeat(times)));
}

const edgeBytes = [0, 1, 0x0a, 0x12, 0x20, 0x7f, 0x80, 0xc0, 0xff];

function damageBytes(bytes: Uint8Array, { kind, at, other }: Mutation): Uint8Array {
  const offset = at % (bytes.length + 1);
  const length = Math.min(bytes.length - offset, 1 + (other % 16));
  switch (kind) {
    case "flipBit":
      return replaced(bytes, offset, (byte) => byte ^ (1 << (other & 7)));
    case "setByte":
      return replaced(bytes, offset, () => edgeBytes[other % edgeBytes.length] ?? 0);
    case "cut":
      return bytes.subarray(0, offset);
    case "removeRange":
      return spliced(bytes, offset, length, new Uint8Array());
    case "repeatRange": {
      const range = Buffer.from(bytes.subarray(offset, offset + length));
      const times = 2 ** (other % 16 === 0 ? 11 : other % 5);
      return spliced(bytes, offset, 0, Buffer.concat(Array<Buffer>(times).fill(range)));
    }
    default:
      return spliced(bytes, offset, 0, Buffer.alloc(1 + (other % 9), other >>> 4));
  }
}

function replaced(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const before = copy[at];
  if (before !== undefined) copy[at] = change(before);
  return copy;
}

function spliced(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

function damageFields(bytes: Uint8Array, mutation: Mutation & { kind: FieldKind }): Uint8Array {
  const fields = parseFields(bytes);
  if (fields === undefined) return bytes;
  const places = placesOf(fields);
  const place = places[mutation.at % Math.max(1, places.length)];
  const siblings = place?.siblings ?? fields;
  const index = place?.index ?? 0;
  const field = siblings[index];
  if (field === undefined || mutation.kind === "unknownField") {
    const { other } = mutation;
    const value = edgeValue(other);
    siblings.splice(index, 0, { ...emptyField(1 + (other % 40), other % 3), value });
  } else {
    damageField(siblings, field, mutation, index);
  }
  return encodeFields(fields);
}

function damageField(
  siblings: WireField[],
  field: WireField,
  { kind, other }: { readonly kind: FieldKind; readonly other: number },
  index: number,
): void {
  switch (kind) {
    case "duplicateField":
      siblings.splice(other % (siblings.length + 1), 0, field);
      return;
    case "removeField":
      siblings.splice(index, 1);
      return;
    case "swapFields": {
      const second = other % siblings.length;
      siblings[index] = siblings[second] ?? field;
      siblings[second] = field;
      return;
    }
    default:
      siblings[index] = damagedField(field, kind, other);
  }
}

function damagedField(field: WireField, kind: FieldKind, other: number): WireField {
  switch (kind) {
    case "edgeNumber":
      return field.wireType === 0
        ? { ...field, value: edgeValue(other) }
        : { ...field, fields: undefined, bytes: Buffer.alloc(field.bytes.length, other) };
    case "longVarint":
      return { ...field, raw: longForm(field, 1 + (other % 10)) };
    case "wireType":
      return { ...field, wireType: other % 8 };
    case "hugeLength":
      return { ...field, raw: Buffer.concat([tagOf(field, 2), encodeVarint(edgeValue(other))]) };
    case "notUtf8":
      return { ...field, wireType: 2, fields: undefined, bytes: Buffer.from([0x61, 0xff, 0xc0]) };
    case "nest":
      return nested(field, 2 ** (other % 9));
    case "renumber":
      return { ...field, number: 1 + (other % 20) };
    case "emptyField":
      return { ...field, fields: undefined, bytes: new Uint8Array(), value: 0n };
    default:
      return field;
  }
}

function emptyField(number: number, wireType: number): WireField {
  const bytes = Buffer.alloc(wireType === 1 ? 8 : 3, 0x61);
  return { number, wireType, value: 0n, bytes, fields: undefined, raw: undefined };
}

function tagOf(field: WireField, wireType: number): Buffer {
  return encodeVarint((BigInt(field.number) << 3n) | BigInt(wireType));
}

function longForm(field: WireField, extraBytes: number): Buffer {
  const tag = tagOf(field, field.wireType);
  if (field.wireType === 0) return Buffer.concat([tag, encodeVarint(field.value, extraBytes)]);
  if (field.wireType !== 2) return encodeField(field);
  const content = field.fields === undefined ? field.bytes : encodeFields(field.fields);
  return Buffer.concat([tag, encodeVarint(BigInt(content.length), extraBytes), content]);
}

function nested(field: WireField, depth: number): WireField {
  let inner = field;
  for (let level = 0; level < depth; level++) {
    inner = { ...emptyField(field.number, 2), fields: [inner] };
  }
  return inner;
}

/** Numbers around the powers of two where something ends. */
function edgeValue(other: number): bigint {
  const powers = [0n, 7n, 14n, 31n, 32n, 53n, 63n, 64n];
  const power = powers[other % powers.length] ?? 0n;
  const beside = BigInt((other >>> 4) % 4) - 2n;
  const value = 2n ** power + beside;
  return value < 0n ? 0n : value;
}
