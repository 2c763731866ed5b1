/**
 * The limit of the stack: a plain grpc-js server of LogService's messages that only answers. It
 * looks at no entry, keeps nothing, and uses none of suraft's own layers but codecs.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import {
  AppendResponseSchema,
  AppendSessionRequestSchema,
  GetTailResponseSchema,
  LogService,
  ReadRequestSchema,
} from "../../gen/suraft/v1/log_pb.js";
import { tagOf, wireType } from "../../src/log/wire.js";
import { takeRepeated } from "../../src/log/repeated-messages.js";
import { encodeAckRanges } from "../../src/rpc/ack-range.js";
import { defineService, grpcDefinition } from "../../src/rpc/service-definition.js";
import { encodeReadResponse } from "../../src/service/read-response.js";
import { answerParent } from "./child.js";
import { encodeAppend } from "./log-client.js";
import { payloadBytes } from "./section.js";

/** About as many bytes as suraft's own responses have. */
const entriesPerResponse = 256;

const appendResponse = Buffer.from(
  toBinary(
    AppendResponseSchema,
    create(AppendResponseSchema, { firstIndex: 1n, lastIndex: 1n, term: 1n }),
  ),
);
const tailResponse = Buffer.from(
  toBinary(GetTailResponseSchema, create(GetTailResponseSchema, { nextIndex: 1n })),
);
const run = {
  bytes: encodeAppend(entriesPerResponse, payloadBytes),
  entryCount: entriesPerResponse,
};

function append(_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void {
  answer(null, appendResponse);
}

function getTail(_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void {
  answer(null, tailResponse);
}

/** Acknowledges what came in one turn of the event loop by one answer, as suraft does. */
function appendSession(call: ServerDuplexStream<Buffer, Buffer>): void {
  let received = 0;
  let answered = 0;
  const acknowledge = (): void => {
    const appendCount = received - answered;
    const firstAppend = answered + 1;
    answered = received;
    const indexes = { firstIndex: firstAppend, entryCount: appendCount };
    call.write(
      encodeAckRanges([{ firstAppend, appendCount, ...indexes, term: 1, timestampMs: 1 }]),
    );
  };
  call.on("data", (request: Buffer) => {
    if (received === answered) setImmediate(acknowledge);
    received += appendsIn(request);
  });
  call.on("end", () => setImmediate(() => call.end()));
}

const { number: gatheredField } = AppendSessionRequestSchema.field.appends;

function appendsIn(request: Buffer): number {
  if (request[0] !== tagOf(gatheredField, wireType.bytes)) return 1;
  let count = 0;
  takeRepeated(request, gatheredField, () => ++count > 0);
  return count;
}

/** Writes as many entries as were asked for, whole responses only, as fast as they are taken. */
function read(call: ServerWritableStream<Buffer, Buffer>): void {
  const { entriesMax } = fromBinary(ReadRequestSchema, call.request);
  let firstIndex = 1;
  const write = (): void => {
    while (firstIndex <= Number(entriesMax)) {
      const response = encodeReadResponse(
        [{ run, firstIndex, term: 1, timestampMs: 1 }],
        undefined,
      );
      firstIndex += entriesPerResponse;
      if (!call.write(response)) {
        call.once("drain", write);
        return;
      }
    }
    call.end();
  };
  write();
}

async function start(): Promise<string> {
  const server = new Server({
    "grpc.max_receive_message_length": 16 * 1024 ** 2,
    "grpc-node.flow_control_window": 4 * 1024 ** 2,
    "grpc.enable_channelz": 0,
  });
  const definition = grpcDefinition(defineService(LogService, {}));
  server.addService(definition, { append, appendSession, read, getTail });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return `127.0.0.1:${port}`;
}

answerParent(start);
