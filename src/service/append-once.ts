/** One append, one answer: LogService.Append, and appends without entries. */

import { SuraftError } from "../errors.js";
import type { ScannedAppend } from "../log/append-scan.js";
import type { Acknowledged, AppendListener, Node } from "../node/node.js";
import type { Admittance } from "../rpc/admission.js";
import type { CallContext } from "../rpc/server-call.js";
import {
  bytesFieldSize,
  millisecondsSize,
  numberFieldSize,
  writeBytesFieldHead,
  writeMilliseconds,
  writeNumberField,
} from "../rpc/wire.js";
import { appendFailure, takeAppend } from "./append-check.js";

const tooMany = new SuraftError("overloaded", "too many appends wait to be read; slow down");

/** Which calls of LogService.Append begin. */
export function admittanceOf(node: Pick<Node, "appendRefusal">): Admittance {
  return { refusal: () => node.appendRefusal(), tooMany: appendFailure(tooMany) };
}

/** Appends what an encoded AppendRequest asks for; resolves to an encoded AppendResponse. */
export async function appendOnce(
  node: Node,
  message: Uint8Array,
  context: CallContext,
): Promise<Uint8Array> {
  try {
    const append = takeAppend(message, node.limits);
    return encodeResponse(await appendAlone(node, append, context));
  } catch (error) {
    throw error instanceof SuraftError ? appendFailure(error) : error;
  }
}

/** Hands one append to the node, in order with no other; resolves once it is durable. */
export async function appendAlone(
  node: Node,
  append: ScannedAppend,
  { signal, deadlineMs }: CallContext,
): Promise<Acknowledged> {
  return await new Promise<Acknowledged>((resolve, reject) => {
    const listener: AppendListener = { acknowledged: resolve, failed: reject };
    const appender = node.openAppender(listener, {
      forwarded: false,
      single: true,
      ...(Number.isFinite(deadlineMs) ? { deadlineMs } : {}),
    });
    signal.addEventListener(
      "abort",
      () => {
        appender.close();
        reject(withoutAnswer(signal.reason));
      },
      { once: true },
    );
    appender.append(append);
  });
}

/** Nobody waits any longer, or may; what became of the append is not known. */
function withoutAnswer(reason: unknown): SuraftError {
  const message = reason instanceof Error ? reason.message : "the call was ended";
  return new SuraftError("unknown_outcome", `${message}; the entries may be in the log or not`);
}

function encodeResponse(acknowledged: Acknowledged): Uint8Array {
  const { firstIndex, entryCount, term, timestampMs, repeat } = acknowledged;
  const lastIndex = Math.max(0, firstIndex + entryCount - 1);
  const repeated = repeat === true ? 1 : 0;
  const timestampSize = millisecondsSize(timestampMs);
  const target = Buffer.allocUnsafe(
    numberFieldSize(firstIndex) +
      numberFieldSize(lastIndex) +
      numberFieldSize(term) +
      bytesFieldSize(timestampSize) +
      numberFieldSize(repeated),
  );
  let offset = writeNumberField(target, 0, { number: 1, value: firstIndex });
  offset = writeNumberField(target, offset, { number: 2, value: lastIndex });
  offset = writeNumberField(target, offset, { number: 3, value: term });
  offset = writeBytesFieldHead(target, offset, { number: 4, sizeBytes: timestampSize });
  offset = writeMilliseconds(target, offset, timestampMs);
  writeNumberField(target, offset, { number: 5, value: repeated });
  return target;
}
