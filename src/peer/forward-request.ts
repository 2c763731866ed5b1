/**
 * ForwardRequests by hand: appends stay the bytes that clients sent, and many travel in one message,
 * since a message costs a turn of the follower's event loop, whatever its size.
 */

import { takeRepeated } from "../log/repeated-messages.js";
import { SuraftError } from "../errors.js";
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

/** The numbers of ForwardRequest.appends and ForwardedAppend.stream. */
const appendsField = 2;
const streamField = 8;

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

/** Gives each append of a ForwardRequest to `take`, not copied. Throws `invalid` for anything else. */
export function takeForwardRequest(request: Uint8Array, take: (append: Uint8Array) => void): void {
  const problem = takeRepeated(request, appendsField, take);
  if (problem !== undefined) throw new SuraftError("invalid", `no ForwardRequest: ${problem}`);
}

function appendSize({ message, stream }: ForwardPart): number {
  return message.length + numberFieldSize(stream);
}
