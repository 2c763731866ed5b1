/** LogService.Trim. */

import type { MessageInitShape } from "@bufbuild/protobuf";

import type { TrimRequest, TrimResponseSchema } from "../../gen/suraft/v1/log_pb.js";
import type { Control } from "../core/types.js";
import { SuraftError } from "../errors.js";
import { requestNumber } from "./request-number.js";
import { controlAppend } from "../node/control-append.js";
import type { Node } from "../node/node.js";
import type { CallContext } from "../rpc/server-call.js";
import { appendAlone } from "./append-once.js";

/** Trims the log; resolves once the trim is committed. */
export async function trim(
  node: Node,
  request: TrimRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof TrimResponseSchema>> {
  const control = controlOf(request);
  try {
    await appendAlone(node, controlAppend(control), context);
  } catch (error) {
    throw failureOf(error, node, control);
  }
  // This node may hear of the commit later than the leader's answer came.
  return { firstIndex: BigInt(Math.max(control.firstIndex, node.log.firstIndex)) };
}

type TrimControl = Extract<Control, { type: "trim" }>;

function controlOf({ firstIndex, expectedFirstIndex }: TrimRequest): TrimControl {
  const trimmed = { type: "trim", firstIndex: requestNumber("first_index", firstIndex) } as const;
  if (expectedFirstIndex === undefined) {
    return trimmed;
  }
  return {
    ...trimmed,
    expectedFirstIndex: requestNumber("expected_first_index", expectedFirstIndex),
  };
}

function failureOf(error: unknown, node: Node, control: TrimControl): unknown {
  if (!(error instanceof SuraftError)) {
    return error;
  }
  const { kind, message, details } = error;
  if (kind === "out_of_range") {
    const first = { first_index: String(node.log.firstIndex) };
    return new SuraftError(kind, message, { details: { ...first, ...details } });
  }
  // A trim to the same index changes nothing: it may be made again.
  if (kind === "unknown_outcome" && control.expectedFirstIndex === undefined) {
    return new SuraftError("unavailable", `${message}; retry`);
  }
  return error;
}
