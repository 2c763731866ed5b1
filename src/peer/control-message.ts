/** Appends without entries, as nodes hand them on. */

import { create, toBinary } from "@bufbuild/protobuf";
import { ForwardedAppendSchema } from "../../gen/suraft/node/v1/node_pb.js";
import type { Control } from "../core/types.js";
import type { MessageInitShape } from "@bufbuild/protobuf";

/** The ForwardedAppend for a control. */
export function encodeControl(control: Control): Uint8Array {
  return toBinary(
    ForwardedAppendSchema,
    create(ForwardedAppendSchema, { control: caseOf(control) }),
  );
}

function caseOf(
  control: Control,
): NonNullable<MessageInitShape<typeof ForwardedAppendSchema>["control"]> {
  switch (control.type) {
    case "open":
      return { case: "open", value: {} };
    case "close":
      return { case: "close", value: { producerId: BigInt(control.producerId) } };
    case "trim": {
      const { firstIndex, expectedFirstIndex: expected } = control;
      const value = { firstIndex: BigInt(firstIndex) };
      if (expected === undefined) return { case: "trim", value };
      return { case: "trim", value: { ...value, expectedFirstIndex: BigInt(expected) } };
    }
    case "members": {
      const { version, members } = control.list;
      return { case: "members", value: { version: BigInt(version), members: [...members] } };
    }
  }
}
