/** LogService.Append: one append, one answer. */

import { SuraftError } from "../errors.js";
import type { Acknowledged, AppendListener, Node } from "../node/node.js";
import type { CallContext } from "../rpc/server-call.js";
import {
  bytesFieldSize,
  millisecondsSize,
  numberFieldSize,
  writeBytesFieldHead,
  writeMilliseconds,
  writeNumberField,
} from "../rpc/wire.js";
import { takeEntryRun } from "./append-check.js";

/** Appends the entries of an encoded AppendRequest; resolves to an encoded AppendResponse. */
export async function appendOnce(
  node: Node,
  message: Uint8Array,
  context: CallContext,
): Promise<Uint8Array> {
  const run = takeEntryRun(message, node.limits);
  const { signal, deadlineMs } = context;
  return encodeResponse(
    await new Promise<Acknowledged>((resolve, reject) => {
      const listener: AppendListener = { acknowledged: resolve, failed: reject };
      const appender = node.openAppender(listener, {
        forwarded: false,
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
      appender.append(run);
    }),
  );
}

/** Nobody waits any longer, or may; what became of the append is not known. */
function withoutAnswer(reason: unknown): SuraftError {
  const message = reason instanceof Error ? reason.message : "the call was ended";
  return new SuraftError("unknown_outcome", `${message}; the entries may be in the log or not`);
}

function encodeResponse(acknowledged: Acknowledged): Uint8Array {
  const { firstIndex, entryCount, term, timestampMs } = acknowledged;
  const lastIndex = firstIndex + entryCount - 1;
  const timestampSize = millisecondsSize(timestampMs);
  const target = Buffer.allocUnsafe(
    numberFieldSize(firstIndex) +
      numberFieldSize(lastIndex) +
      numberFieldSize(term) +
      bytesFieldSize(timestampSize),
  );
  let offset = writeNumberField(target, 0, { number: 1, value: firstIndex });
  offset = writeNumberField(target, offset, { number: 2, value: lastIndex });
  offset = writeNumberField(target, offset, { number: 3, value: term });
  offset = writeBytesFieldHead(target, offset, { number: 4, sizeBytes: timestampSize });
  writeMilliseconds(target, offset, timestampMs);
  return target;
}
