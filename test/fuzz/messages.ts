/** Any message of a schema, so that a new method or field is fuzzed without a word about it. */

import { create, ScalarType, toBinary } from "@bufbuild/protobuf";
import type { DescField, DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";

import { SenderSchema } from "../../gen/suraft/node/v1/node_pb.js";
import { anyText, edgeNumber } from "./target.js";

const depthMax = 5;

/** The bytes of a message with some of the schema's fields. */
export function arbitraryMessage(schema: DescMessage): fc.Arbitrary<Uint8Array> {
  return arbitraryInit(schema, 0).map((init) => toBinary(schema, create(schema, init)));
}

/** The message with this sender, if it has one at all: of two senders the last counts. */
export function withSender(
  schema: DescMessage,
  message: Uint8Array,
  sender: MessageInitShape<typeof SenderSchema>,
): Uint8Array {
  const field = schema.fields.find(({ name }) => name === "sender");
  if (field === undefined) return message;
  const bytes = toBinary(SenderSchema, create(SenderSchema, sender));
  return Buffer.concat([message, Buffer.from([(field.number << 3) | 2, bytes.length]), bytes]);
}

type Init = Record<string, unknown>;

function arbitraryInit(schema: DescMessage, depth: number): fc.Arbitrary<Init> {
  const members = schema.members.map((member): [string, fc.Arbitrary<unknown>] => {
    if (member.kind === "field") return [member.localName, arbitraryField(member, depth)];
    const cases = member.fields.map((field) =>
      arbitraryField(field, depth).map((value) => ({ case: field.localName, value })),
    );
    return [member.localName, fc.oneof(fc.constant({ case: undefined }), ...cases)];
  });
  return fc.record(Object.fromEntries(members), { requiredKeys: [] }).map(withoutUndefined);
}

/** Of a oneof a chosen case is given whole. */
function withoutUndefined(init: Init): Init {
  return Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined));
}

function arbitraryField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "scalar":
      return arbitraryScalar(field.scalar);
    case "enum":
      return fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer());
    case "message":
      return depth > depthMax ? fc.constant(undefined) : arbitraryInit(field.message, depth + 1);
    case "list":
      return fc.array(arbitraryItem(field, depth), { maxLength: depth > depthMax ? 0 : 3 });
    case "map":
      return fc.dictionary(fc.string(), arbitraryMapValue(field), { maxKeys: 3 });
  }
}

function arbitraryItem(field: DescField & { fieldKind: "list" }, depth: number) {
  switch (field.listKind) {
    case "message":
      return arbitraryInit(field.message, depth + 1);
    case "enum":
      return fc.integer({ min: 0, max: 4 });
    case "scalar":
      return arbitraryScalar(field.scalar);
  }
}

function arbitraryMapValue(field: DescField & { fieldKind: "map" }): fc.Arbitrary<unknown> {
  return field.mapKind === "scalar" ? arbitraryScalar(field.scalar) : fc.constant({});
}

function arbitraryScalar(scalar: ScalarType): fc.Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.STRING:
      return anyText.map((text) => Buffer.from(text).toString());
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 40 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return edgeNumber;
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return fc.oneof(
        fc.bigInt({ min: 0n, max: 300_000_000_000n }),
        edgeNumber.map((value) => BigInt.asIntN(64, value)),
      );
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return edgeNumber.map((value) => Number(BigInt.asUintN(32, value)));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return fc.oneof(
        fc.integer({ min: 0, max: 999_999_999 }),
        edgeNumber.map((value) => Number(BigInt.asIntN(32, value))),
      );
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.DOUBLE:
      return fc.double();
  }
}
