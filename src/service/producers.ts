/** LogService.OpenProducer and GetOutcome. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";

import {
  Outcome,
  type GetOutcomeRequest,
  type GetOutcomeResponseSchema,
  type OpenProducerResponseSchema,
} from "../../gen/suraft/v1/log_pb.js";
import type { ProducerOutcome } from "../core/protocol.js";
import type { Control } from "../core/types.js";
import { SuraftError } from "../errors.js";
import { requestNumber } from "./request-number.js";
import { controlAppend } from "../node/control-append.js";
import type { Acknowledged, Node } from "../node/node.js";
import { producerExpired, producerUnknown } from "../node/refusal-error.js";
import type { CallContext } from "../rpc/server-call.js";
import { appendAlone } from "./append-once.js";

/** A producer's append, by name. */
interface Numbered {
  readonly producerId: number;
  readonly sequence: number;
}

/** Opens a producer. */
export async function openProducer(
  node: Node,
  context: CallContext,
): Promise<MessageInitShape<typeof OpenProducerResponseSchema>> {
  const { producerId } = await appendControl(node, { type: "open" }, context);
  if (producerId === undefined) {
    throw new SuraftError("unavailable", "the producer's id was lost; a retry opens another one");
  }
  return { producerId: BigInt(producerId) };
}

/** Says what became of a producer's append. */
export async function getOutcome(
  node: Node,
  request: GetOutcomeRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof GetOutcomeResponseSchema>> {
  const numbered = {
    producerId: requestNumber("producer_id", request.producerId),
    sequence: requestNumber("sequence", request.sequence),
  };
  const found = await readOutcome(node, numbered, context);
  if (!request.settle || found.outcome !== Outcome.UNDECIDED) {
    return found;
  }
  await close(node, numbered.producerId, context);
  return await readOutcome(node, numbered, context);
}

/** Closes the producer, unless it is closed. */
async function close(node: Node, producerId: number, context: CallContext): Promise<void> {
  try {
    await appendControl(node, { type: "close", producerId }, context);
  } catch (error) {
    const closed = error instanceof SuraftError && error.details["condition"] === "producer_closed";
    if (!closed) {
      throw error;
    }
  }
}

/** Appends what may be appended again: where its outcome is unknown the call may be repeated. */
async function appendControl(
  node: Node,
  control: Control,
  context: CallContext,
): Promise<Acknowledged> {
  try {
    return await appendAlone(node, controlAppend(control), context);
  } catch (error) {
    if (error instanceof SuraftError && error.kind === "unknown_outcome") {
      throw new SuraftError("unavailable", `${error.message}; retry`);
    }
    throw error;
  }
}

async function readOutcome(
  node: Node,
  { producerId, sequence }: Numbered,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof GetOutcomeResponseSchema>> {
  await node.barrier(signal);
  return encodeOutcome(node.outcomeOf(producerId, sequence), producerId);
}

function encodeOutcome(
  found: ProducerOutcome,
  producerId: number,
): MessageInitShape<typeof GetOutcomeResponseSchema> {
  switch (found.type) {
    case "committed": {
      if (found.standing === undefined) {
        return { outcome: Outcome.COMMITTED };
      }
      const { firstIndex, entryCount, term, timestampMs } = found.standing;
      return {
        outcome: Outcome.COMMITTED,
        firstIndex: BigInt(firstIndex),
        lastIndex: BigInt(firstIndex + entryCount - 1),
        term: BigInt(term),
        timestamp: timestampFromMs(timestampMs),
      };
    }
    case "neverCommitted":
      return { outcome: Outcome.NOT_COMMITTED, lastSequence: BigInt(found.lastSequence) };
    case "undecided":
      return { outcome: Outcome.UNDECIDED, lastSequence: BigInt(found.lastSequence) };
    case "producerExpired":
      throw producerExpired(producerId);
    case "producerUnknown":
      throw producerUnknown(producerId);
  }
}
