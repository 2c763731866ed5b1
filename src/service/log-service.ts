/** suraft.v1.LogService over a node. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";

import {
  LogService,
  type GetTailRequest,
  type GetTailResponseSchema,
} from "../../gen/suraft/v1/log_pb.js";
import type { Node } from "../node/node.js";
import { implementService, type ServiceRegistration } from "../rpc/server.js";
import type { CallContext } from "../rpc/server-call.js";
import { defineService } from "../rpc/service-definition.js";
import { admittanceOf, appendOnce } from "./append-once.js";
import { AppendSession, sessionWindowDefault, type SessionWindow } from "./append-session.js";
import { getOutcome, openProducer } from "./producers.js";
import { trim } from "./trim.js";
import { isLinearizable, planRead } from "./read-request.js";
import { progressOf } from "./read-output.js";
import { Readership } from "./readership.js";
import { readSettingsDefault, serveRead, type ReadSettings } from "./read-stream.js";

/** The service as a server speaks it: entries stay bytes. */
export const logService = defineService(LogService, {
  append: { request: true, response: true },
  appendSession: { request: true, response: true },
  read: { response: true },
});

export interface LogServiceOptions {
  readonly read?: Partial<ReadSettings>;
  readonly session?: Partial<SessionWindow>;
}

/** The service, ready to be served. */
export function implementLogService(
  node: Node,
  options: LogServiceOptions = {},
): ServiceRegistration {
  const { responseBytes, progressIntervalMs } = { ...readSettingsDefault, ...options.read };
  const window: SessionWindow = { ...sessionWindowDefault, ...options.session };
  const readership = new Readership(responseBytes);
  return implementService(
    logService,
    {
      append: (message, context) => appendOnce(node, message, context),
      appendSession: (call) => new AppendSession(node, call, window),
      read: async (request, responses, context) =>
        serveRead(node, planRead(request), { responses, context, readership, progressIntervalMs }),
      openProducer: (_request, context) => openProducer(node, context),
      getOutcome: (request, context) => getOutcome(node, request, context),
      trim: (request, context) => trim(node, request, context),
      getTail: (request, context) => getTail(node, request, context),
    },
    { append: admittanceOf(node) },
  );
}

async function getTail(
  node: Node,
  request: GetTailRequest,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof GetTailResponseSchema>> {
  if (isLinearizable(request.consistency)) {
    await node.barrier(signal);
  }
  const { nextIndex, firstIndex, ageMs } = progressOf(node);
  return {
    nextIndex: BigInt(nextIndex),
    firstIndex: BigInt(firstIndex),
    term: BigInt(node.log.term),
    age: durationFromMs(ageMs),
  };
}
