/**
 * The thinnest client of LogService: requests are encoded once, answers stay bytes. It takes as
 * little as it can of the cores that it shares with the servers.
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { AppendRequestSchema, LogService } from "../../gen/suraft/v1/log_pb.js";
import { tagOf, wireType } from "../../src/log/wire.js";
import { bytesFieldSize, writeBytesFieldHead } from "../../src/rpc/wire.js";
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

/** AppendSessionRequest.appends. */
export const gatheredField = 7;
export const gatheredTag = tagOf(gatheredField, wireType.bytes);

/** An AppendSessionRequest of appends that travel together. */
export function gather(appends: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = appends.reduce((sum, { length }) => sum + bytesFieldSize(length), 0);
  const request = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  for (const append of appends) {
    const head = { number: gatheredField, sizeBytes: append.length };
    offset = writeBytesFieldHead(request, offset, head);
    request.set(append, offset);
    offset += append.length;
  }
  return request;
}

/** An AppendRequest, which is an AppendSessionRequest too, with so many entries. */
export function encodeAppend(entryCount: number, payloadBytes: number): Uint8Array {
  const entries = Array.from({ length: entryCount }, (_, index) => ({
    payload: new Uint8Array(payloadBytes).map((_byte, at) => (index * 31 + at * 7) % 251),
  }));
  return toBinary(AppendRequestSchema, create(AppendRequestSchema, { entries }));
}
