/**
 * ForwardRequests by hand: appends stay the bytes that clients sent, and many travel in one message,
 * since a message costs a turn of the follower's event loop, whatever its size.
 */

import { ForwardedAppendSchema, ForwardRequestSchema } from "../../gen/suraft/node/v1/node_pb.js";
import {
  bytesFieldSize,
  numberFieldSize,
  writeBytesFieldHead,
  writeNumberField,
} from "../rpc/wire.js";

/** A ForwardedAppend but for the number of its stream; 0: it belongs to none. */
export interface ForwardPart {
  readonly message: Uint8Array;
  readonly stream: number;
}

export const { number: appendsField } = ForwardRequestSchema.field.appends;
const { number: streamField } = ForwardedAppendSchema.field.stream;

/** How many bytes the part takes in a request. */
export function forwardPartSize(part: ForwardPart): number {
  return bytesFieldSize(appendSize(part));
}

/** A ForwardRequest of these appends. */
export function encodeForwardRequest(parts: readonly ForwardPart[]): Buffer {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += forwardPartSize(part);
  const request = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  for (const part of parts) {
    const { message, stream } = part;
    const head = { number: appendsField, sizeBytes: appendSize(part) };
    offset = writeBytesFieldHead(request, offset, head);
    request.set(message, offset);
    offset += message.length;
    offset = writeNumberField(request, offset, { number: streamField, value: stream });
  }
  return request;
}

function appendSize({ message, stream }: ForwardPart): number {
  return message.length + numberFieldSize(stream);
}
