/**
 * The thinnest client of LogService: requests are encoded once, answers stay bytes. It takes as
 * little as it can of the cores that it shares with the servers.
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { AppendRequestSchema, LogService } from "../../gen/suraft/v1/log_pb.js";
import { openConnection, serviceClient, type Connection } from "../../src/rpc/client.js";
import { defineService } from "../../src/rpc/service-definition.js";

const log = defineService(LogService, {
  append: { request: true, response: true },
  appendSession: { request: true },
});

export type LogCalls = ReturnType<typeof logCalls>;

/** A connection of its own; `close()` it. */
export function connect(address: string): Connection {
  return openConnection(address, {
    flowControlWindowBytes: 8 * 1024 ** 2,
    messageBytesMax: 64 * 1024 ** 2,
  });
}

export function logCalls(connection: Connection) {
  return serviceClient(log, connection);
}

/** An AppendRequest, which is an AppendSessionRequest too, with so many entries. */
export function encodeAppend(entryCount: number, payloadBytes: number): Uint8Array {
  const entries = Array.from({ length: entryCount }, (_, index) => ({
    payload: new Uint8Array(payloadBytes).map((_byte, at) => (index * 31 + at * 7) % 251),
  }));
  return toBinary(AppendRequestSchema, create(AppendRequestSchema, { entries }));
}
