/**
 * What a node answers, as clients and peers take it: a node may be of another version, or no node at
 * all. An answer that makes no sense is a SuraftError; a number that passes is exact, a time can be
 * shown.
 */

import { create, fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";

import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import * as node from "../../../gen/suraft/node/v1/node_pb.js";
import * as cluster from "../../../gen/suraft/v1/cluster_pb.js";
import * as log from "../../../gen/suraft/v1/log_pb.js";
import { entryFormats, formatEntry } from "../../../src/cli/entry-format.js";
import { describeCluster } from "../../../src/cli/status-table.js";
import * as codec from "../../../src/client/codec.js";
import { ReadCursor } from "../../../src/client/read-cursor.js";
import type { ReadBatch } from "../../../src/client/types.js";
import { SuraftError, type ErrorKind } from "../../../src/errors.js";
import {
  checkSender,
  decodeBarrierResponse,
  decodeHeartbeatResponse,
  decodeVoteResponse,
} from "../../../src/peer/messages.js";
import { codeOf, fromServiceError, toStatus, toStatusObject } from "../../../src/rpc/status.js";
import { arbitraryMessage, withSender } from "../messages.js";
import { anyText, hold, taken, textTarget, wireTarget, type Target } from "../target.js";

const self = { clusterId: "c", nodeId: "n1", incarnation: "i1" };
/** Of every peer's message; the few of others stay as they are. */
const liar = { clusterId: "c", nodeId: "n2", incarnation: "i2", receiverId: "n1" };

function isTyped(error: unknown): boolean {
  return error instanceof SuraftError && error.message.length > 0;
}

/** No number lost a digit on its way from 64 bits. */
function checkNumbers(value: unknown): void {
  if (typeof value === "number") {
    hold(Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER, "numbers are exact");
  } else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    Object.values(value).forEach(checkNumbers);
  }
}

function answerTarget<S extends DescMessage>(
  schema: S,
  use: (message: MessageShape<S>) => unknown,
): Target {
  return wireTarget({
    name: `answer/${schema.name}`,
    valid: arbitraryMessage(schema).map((bytes) => withSender(schema, bytes, liar)),
    outputPerByte: 64,
    judge: (bytes) => {
      let message: MessageShape<S>;
      try {
        message = fromBinary(schema, bytes);
      } catch {
        // grpc-js ends the call for it.
        return { accepted: false };
      }
      const judged = taken(() => use(message), isTyped);
      checkNumbers(judged.output);
      return judged;
    },
  });
}

/** Prints a batch in every form. */
function printBatch({ firstIndex, step, term, timestampMs, entries }: ReadBatch): void {
  entries.forEach(({ payload, headers, key }, offset) => {
    const entry = { index: firstIndex + step * offset, term, timestampMs, payload, headers, key };
    for (const format of entryFormats) {
      const printed = formatEntry(entry, { format, terminal: true, verbose: true });
      const text = Buffer.from(printed).toString();
      if (format === "json") JSON.parse(text);
      // oxlint-disable-next-line no-control-regex
      if (format === "text") hold(!/[\u001b\u0007\u009b]/.test(text), "a terminal is not steered");
    }
  });
}

function useRead(response: log.ReadResponse): unknown {
  const progress = codec.decodeProgress(response.progress);
  return [1, -1].map((step) => {
    const reverse = step < 0;
    const cursor = new ReadCursor({ start: { type: "last", count: 3 }, reverse, bytesMax: 100 });
    const batches = response.batches.map((batch) => codec.decodeBatch(batch, reverse ? -1 : 1));
    for (const batch of batches) printBatch(batch);
    const part = { batches, progress };
    cursor.admits(part);
    cursor.advance(part);
    const next = cursor.request();
    if (next !== undefined) codec.encodeRead(next);
    return part;
  });
}

function useStatus(response: { readonly status?: cluster.NodeStatus | undefined }): unknown {
  const view = codec.decodeView(response.status ?? create(cluster.NodeStatusSchema, {}));
  describeCluster([{ reachable: true, ...view }]);
  return view;
}

/** A status in a trailer, or bytes in its place. */
const errorDetails = wireTarget({
  name: "answer/error-details",
  valid: fc.oneof(
    arbitraryMessage(StatusSchema),
    fc
      .tuple(fc.constantFrom<ErrorKind>("overloaded", "not_leader", "corrupt"), anyText, fc.nat())
      .map(([kind, text, retryDelayMs]) => {
        const error = new SuraftError(kind, text, { details: { object: text }, retryDelayMs });
        return toStatusObject(error).metadata.get("grpc-status-details-bin")[0] as Buffer;
      }),
  ),
  outputPerByte: 64,
  judge: (bytes) => {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from(bytes));
    const sent = { code: 14, details: "", metadata };
    const { kind, details, retryDelayMs = 0 } = fromServiceError(sent, { lost: "unavailable" });
    hold(codeOf(kind) > 0, "an error is of a known kind");
    hold(retryDelayMs >= 0 && Number.isSafeInteger(Math.ceil(retryDelayMs)), "a delay is a time");
    return { accepted: Object.keys(details).length > 0, output: { kind, details } };
  },
});

/** What a server says of an error fits into the headers that the strictest clients take. */
const errorSent = textTarget({
  name: "answer/error-sent",
  valid: fc.oneof(anyText, fc.string({ minLength: 900, maxLength: 1100, unit: "grapheme" })),
  tokens: ["é", "日", "\u{1f600}", "\n", "%", "\ufffd"],
  judge: (text) => {
    const error = new SuraftError("invalid", text);
    const { details, metadata } = toStatusObject(error);
    const [bytes] = metadata.get("grpc-status-details-bin");
    const size = encodeURI(details).length + (Buffer.from(bytes ?? "").length * 4) / 3;
    hold(size < 7_000, "trailers stay below 8 KiB");
    hold(details === toStatus(error).message, "the status says what the details say");
    return { accepted: true };
  },
});

export const answerTargets: readonly Target[] = [
  answerTarget(log.AppendResponseSchema, codec.decodeAppended),
  answerTarget(log.ReadResponseSchema, useRead),
  answerTarget(log.GetTailResponseSchema, codec.decodeTail),
  answerTarget(cluster.GetStatusResponseSchema, useStatus),
  answerTarget(cluster.WatchStatusResponseSchema, useStatus),
  answerTarget(node.VoteResponseSchema, (response) => {
    checkSender(response.sender, self);
    return decodeVoteResponse(response);
  }),
  answerTarget(node.HeartbeatResponseSchema, (response) => {
    checkSender(response.sender, self);
    return decodeHeartbeatResponse(response);
  }),
  answerTarget(node.BarrierResponseSchema, (response) => {
    checkSender(response.sender, self);
    return decodeBarrierResponse(response);
  }),
  errorDetails,
  errorSent,
];
