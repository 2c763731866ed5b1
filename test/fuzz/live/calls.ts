/**
 * Calls of every method with messages of the right and the wrong type, frames that lie about their
 * length or say that they are compressed, and odd headers. Each call ends; its error has details;
 * and the log holds what was acknowledged, and nothing that was certainly refused.
 */

import { connect, type ClientHttp2Session } from "node:http2";

import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";

import type { ErrorInfo } from "../../../gen/google/rpc/error_details_pb.js";
import {
  ForwardRequestSchema,
  ForwardResponseSchema,
} from "../../../gen/suraft/node/v1/node_pb.js";
import {
  AppendResponseSchema,
  AppendSessionRequestSchema,
  AppendSessionResponseSchema,
  type AckRange,
} from "../../../gen/suraft/v1/log_pb.js";
import { appendRequestFields, forwardedAppendFields } from "../../../src/log/append-options.js";
import { scanAppend } from "../../../src/log/append-scan.js";
import type { EntryRun } from "../../../src/log/entry-run.js";
import { takeRepeated } from "../../../src/log/repeated-messages.js";
import { tagOf, wireType } from "../../../src/log/wire.js";
import { methodPath } from "../../../src/rpc/service-definition.js";
import { wideBounds } from "../../log/entries.js";
import { hold, liveTarget, type Judged, type OpenTarget } from "../target.js";
import { callBare, type CallOutcome } from "../../rpc/bare-call.js";
import { messagesIn } from "../../rpc/http2-bytes.js";
import { LiveNode } from "./live-node.js";
import { bodyFor, clusterPlaceholder, methods, paths } from "./methods.js";

const { number: forwardedField } = ForwardRequestSchema.field.appends;
const { number: gatheredField } = AppendSessionRequestSchema.field.appends;
const gatheredTag = tagOf(gatheredField, wireType.bytes);

const deadlineMs = 250;
const callEndMs = 20_000;
const probeEvery = 40;

/** What is odd about a call, a bit each. */
const odd = {
  contentType: 1,
  manyHeaders: 2,
  encoding: 4,
  timeout: 8,
  noEnd: 16,
  longHeader: 32,
  reset: 64,
} as const;

const input = fc
  .nat(paths.length - 1)
  .chain((at) =>
    fc
      .tuple(
        fc.oneof({ arbitrary: fc.constant(0), weight: 5 }, { arbitrary: fc.nat(127), weight: 1 }),
        bodyFor(methods[at]),
      )
      .map(([oddities, body]) => Buffer.concat([Buffer.from([at, oddities]), body])),
  );

function headersOf(path: string, oddities: number): Record<string, string | string[]> {
  const has = (bit: number): boolean => (oddities & bit) !== 0;
  return {
    ":method": "POST",
    ":path": path,
    "content-type": has(odd.contentType) ? "text/html" : "application/grpc",
    te: "trailers",
    "grpc-timeout": has(odd.timeout) ? "99999999999Q" : `${deadlineMs}m`,
    ...(has(odd.encoding) ? { "grpc-encoding": "gzip" } : {}),
    ...(has(odd.longHeader) ? { "x-long": "y".repeat(40_000) } : {}),
    ...(has(odd.manyHeaders)
      ? Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`x-${n}`, "y"]))
      : {}),
  };
}

/** What a body asks to append, if the path is one that appends, in the order of the appends' numbers. */
function appendsIn(path: string, body: Uint8Array): readonly (EntryRun | undefined)[] {
  const isForward = path.endsWith("/Forward");
  if (!isForward && !/\/Append(Session)?$/.test(path)) return [];
  const fields = isForward ? forwardedAppendFields : appendRequestFields;
  const messages = messagesIn(body).slice(isForward ? 1 : 0);
  const appends = messages.flatMap((message) => {
    if (isForward) return gatheredIn(message, forwardedField);
    const isGathered = path.endsWith("/AppendSession") && message[0] === gatheredTag;
    return isGathered ? gatheredIn(message, gatheredField) : [message];
  });
  return appends.flatMap((message) => {
    const scan = scanAppend(message, wideBounds, fields);
    if (scan.type === "closedStream") return [];
    return [scan.type === "append" ? scan.append.run : undefined];
  });
}

/** The appends in a message that is nothing but appends, up to where it makes no sense. */
function gatheredIn(message: Uint8Array, field: number): readonly Uint8Array[] {
  const appends: Uint8Array[] = [];
  takeRepeated(message, field, (append) => appends.push(append) > 0);
  return appends;
}

type Ack = Pick<AckRange, "firstAppend" | "appendCount" | "firstIndex" | "repeat">;

/** The acknowledgements in a message of an answer. */
function acksIn(path: string, message: Uint8Array): readonly Ack[] {
  if (path.endsWith("/Append")) {
    const { firstIndex, repeat } = fromBinary(AppendResponseSchema, message);
    return [{ firstAppend: 1n, appendCount: 1, firstIndex, repeat }];
  }
  if (path.endsWith("/Forward")) return fromBinary(ForwardResponseSchema, message).acks;
  return path.endsWith("/AppendSession")
    ? fromBinary(AppendSessionResponseSchema, message).acks
    : [];
}

/** Whether an error vouches for it that what has no answer is not in the log. */
function isCertain(info: ErrorInfo | undefined): boolean {
  const reasons = [
    "INVALID",
    "NOT_SERVED",
    "OUT_OF_RANGE",
    "UNAVAILABLE",
    "OVERLOADED",
    "CONFLICT",
  ];
  return info?.metadata["outcome"] !== "unknown" && reasons.includes(info?.reason ?? "");
}

/** Enters into the account what a call appended, or may have. */
function account(live: LiveNode, path: string, body: Uint8Array, outcome: CallOutcome): void {
  const appends = new Map(appendsIn(path, body).map((run, at) => [at + 1, run]));
  for (const ack of outcome.messages.flatMap((message) => acksIn(path, message))) {
    let index = Number(ack.firstIndex);
    for (let offset = 0; offset < ack.appendCount; offset++) {
      const number = Number(ack.firstAppend) + offset;
      const run = appends.get(number);
      hold(run !== undefined, "only what can be read is acknowledged, and once");
      appends.delete(number);
      if (ack.repeat) continue;
      live.acknowledge(index, run);
      index += run.entryCount;
    }
  }
  if (isCertain(outcome.info)) return;
  for (const run of appends.values()) live.maybe(run?.entryCount ?? 0);
}

function checkEnd(path: string, oddities: number, outcome: CallOutcome): void {
  const { code, info, httpStatus, givenUp, resetCode } = outcome;
  hold(!givenUp || (oddities & (odd.noEnd | odd.timeout | odd.reset)) !== 0, "a call ends");
  if (code === undefined || code === 0) return;
  hold(httpStatus === 200 || httpStatus === 415, `HTTP says ${httpStatus}, reset ${resetCode}`);
  // What grpc-js refuses before any interceptor sees it has no details.
  const isOurs = methods.some((method) => methodPath(method) === path) && httpStatus === 200;
  if (!isOurs) return;
  hold(info?.domain === "suraft.dev", `an error of suraft's has details: code ${code} of ${path}`);
}

async function open(): Promise<OpenTarget> {
  const live = await LiveNode.start();
  let session: ClientHttp2Session | undefined;
  let inputs = 0;
  return {
    judge: async (bytes): Promise<Judged> => {
      if (session === undefined || session.closed || session.destroyed) {
        session = connect(`http://${live.node.address}`);
        session.on("error", () => undefined);
      }
      const path = paths[(bytes[0] ?? 0) % paths.length] ?? "/";
      const oddities = bytes[1] ?? 0;
      const body = withCluster(bytes.subarray(2), live.clusterId);
      const ends = (oddities & odd.noEnd) === 0;
      const timeoutMs = ends ? callEndMs : deadlineMs;
      const resets = (oddities & odd.reset) !== 0;
      const outcome = await callBare(session, headersOf(path, oddities), {
        body,
        ends,
        timeoutMs,
        resets,
      });
      account(live, path, body, outcome);
      checkEnd(path, oddities, outcome);
      if (++inputs % probeEvery === 0) await live.checkServes();
      await live.checkHolds();
      return { accepted: outcome.code === 0 };
    },
    close: async () => {
      session?.destroy();
      await live.close();
    },
  };
}

/** Names the cluster where it stands for it, so that peers' messages are taken. */
function withCluster(body: Uint8Array, clusterId: string): Buffer {
  const bytes = Buffer.from(body);
  const placeholder = Buffer.from(clusterPlaceholder);
  for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder, at + 1)) {
    bytes.write(clusterId, at);
  }
  return bytes;
}

export const callsTarget = liveTarget({
  name: "live/calls",
  valid: input,
  open,
});
