/** The real server over a {@link MemoryNode}, and ways to call it. */

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Readable } from "node:stream";

import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";

import { ClusterService } from "../../gen/suraft/v1/cluster_pb.js";
import {
  AppendRequestSchema,
  LogService,
  type AppendSessionResponse,
  type ReadRequestSchema,
  type ReadResponse,
} from "../../gen/suraft/v1/log_pb.js";
import { SnapshotService } from "../../gen/suraft/v1/snapshot_pb.js";
import { SuraftError } from "../../src/errors.js";
import { openConnection, serviceClient } from "../../src/rpc/client.js";
import { defineService } from "../../src/rpc/service-definition.js";
import { fromServiceError } from "../../src/rpc/status.js";
import { startServer, type ServeOptions } from "../../src/service/serve.js";
import { MemoryNode, type MemoryNodeOptions } from "./memory-node.js";

const log = defineService(LogService, {});
const cluster = defineService(ClusterService, {});
const snapshots = defineService(SnapshotService, {});

export type TestService = Awaited<ReturnType<typeof startTestService>>;

export async function startTestService(
  options: MemoryNodeOptions & Partial<Omit<ServeOptions, "node" | "address" | "logger">> = {},
) {
  const node = new MemoryNode(options);
  const defects: unknown[] = [];
  const server = await startServer({
    ...options,
    node,
    address: "127.0.0.1:0",
    logger: { error: (message) => defects.push(message) },
  });
  const address = `127.0.0.1:${server.port}`;
  const connection = openConnection(address);
  return {
    node,
    server,
    address,
    connection,
    defects,
    log: serviceClient(log, connection),
    cluster: serviceClient(cluster, connection),
    snapshots: serviceClient(snapshots, connection),
    async stop() {
      connection.close();
      await server.stop({ graceMs: 1_000 });
    },
  };
}

/** One append's entries, by their payloads. */
export function append(...payloads: readonly (string | Uint8Array)[]) {
  return { entries: payloads.map((payload) => ({ payload: Buffer.from(payload) })) };
}

export function encodeAppend(request: MessageInitShape<typeof AppendRequestSchema>): Buffer {
  return Buffer.from(toBinary(AppendRequestSchema, create(AppendRequestSchema, request)));
}

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<SuraftError> {
  try {
    await promise;
  } catch (error) {
    return fromServiceError(error, { lost: "unknown_outcome" });
  }
  throw new Error("did not fail");
}

/** Reads to the end. Rejects with a SuraftError. */
export async function readAll(
  test: TestService,
  request: MessageInitShape<typeof ReadRequestSchema> = {},
): Promise<readonly ReadResponse[]> {
  const responses: ReadResponse[] = [];
  const call = test.log.read(request);
  call.on("data", (response: ReadResponse) => responses.push(response));
  try {
    await once(call, "end");
  } catch (error) {
    throw fromServiceError(error, { lost: "unavailable" });
  }
  return responses;
}

/** The payloads in responses, as text, with the index of each. */
export function payloads(responses: readonly ReadResponse[]): readonly string[] {
  return responses.flatMap(({ batches }) =>
    batches.flatMap(({ entries, firstIndex }) =>
      entries.map(
        ({ payload }, i) => `${Number(firstIndex) + i} ${Buffer.from(payload).toString()}`,
      ),
    ),
  );
}

/** What a session was told, and how it ended. */
export interface SessionOutcome {
  /** `ack 1-3 at 1`, `repeat 4-4 at 2`, `fail 5 INVALID_ARGUMENT` in the order told. */
  readonly answers: string[];
  readonly acknowledged: number;
  readonly error: SuraftError | undefined;
}

/** Collects a session's answers to its end. */
export function collect(call: Readable): Promise<SessionOutcome> {
  const answers: string[] = [];
  let acknowledged = 0;
  call.on("data", ({ acks, failures }: AppendSessionResponse) => {
    for (const { firstAppend, appendCount, firstIndex, repeat } of acks) {
      const first = Number(firstAppend);
      const word = repeat ? "repeat" : "ack";
      answers.push(`${word} ${first}-${first + appendCount - 1} at ${firstIndex}`);
      acknowledged += appendCount;
    }
    for (const { append: number, status } of failures) {
      answers.push(`fail ${number} ${status?.code}`);
    }
  });
  return new Promise((resolve) => {
    let error: SuraftError | undefined;
    call.on("error", (cause: ServiceError) => {
      error = fromServiceError(cause, { lost: "unknown_outcome" });
    });
    call.on("status", () => setImmediate(() => resolve({ answers, acknowledged, error })));
  });
}

/** Goes round by the server until the condition holds. */
export async function until(condition: () => boolean, test: TestService): Promise<void> {
  while (!condition()) {
    await test.cluster.getStatus({});
  }
}

/** A way to the server that can be cut. */
export async function startProxy(address: string): Promise<{ address: string; cut(): void }> {
  const port = Number(address.split(":")[1]);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.pipe(server).pipe(client);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const bound = proxy.address() as AddressInfo;
  return {
    address: `127.0.0.1:${bound.port}`,
    cut: () => {
      proxy.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}

/** Calls any path with bytes of one's own. */
export async function callRaw(address: string, path: string, bytes: Buffer): Promise<Buffer> {
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest<Buffer, Buffer>(path, same, same, bytes, (error, response) => {
        if (error === null) {
          resolve(response ?? Buffer.alloc(0));
        } else {
          reject(error);
        }
      });
    });
  } finally {
    client.close();
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
