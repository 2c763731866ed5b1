/** Small services over a real server and a real connection, for the tests of src/rpc. */

import { Client, credentials } from "@grpc/grpc-js";

import { ClusterService } from "../../gen/suraft/v1/cluster_pb.js";
import { NodeService } from "../../gen/suraft/node/v1/node_pb.js";
import { SuraftError } from "../../src/errors.js";
import { openConnection, serviceClient } from "../../src/rpc/client.js";
import type { Handlers } from "../../src/rpc/handlers.js";
import { fromServiceError } from "../../src/rpc/status.js";
import type { CallContext } from "../../src/rpc/server-call.js";
import { implementService, startGrpcServer } from "../../src/rpc/server.js";
import { defineService } from "../../src/rpc/service-definition.js";

export const cluster = defineService(ClusterService, {});
export const node = defineService(NodeService, {
  forward: { request: true, response: true },
});

type ClusterHandlers = Handlers<NonNullable<MethodsOf<typeof cluster>>, typeof cluster.raw>;
type NodeHandlers = Handlers<NonNullable<MethodsOf<typeof node>>, typeof node.raw>;
type MethodsOf<S> = S extends { readonly descriptor: { readonly method: infer M } } ? M : never;

export interface TestHandlers {
  readonly cluster?: Partial<ClusterHandlers>;
  readonly node?: Partial<NodeHandlers>;
  readonly messageBytesMax?: number;
}

function unexpected(): never {
  throw new Error("this test does not expect this call");
}

export async function startTestServer(handlers: TestHandlers) {
  const defects: unknown[] = [];
  const server = await startGrpcServer({
    address: "127.0.0.1:0",
    services: [
      implementService(cluster, {
        getStatus: handlers.cluster?.getStatus ?? unexpected,
        watchStatus: handlers.cluster?.watchStatus ?? unexpected,
        transferLeadership: handlers.cluster?.transferLeadership ?? unexpected,
        changeMembers: handlers.cluster?.changeMembers ?? unexpected,
        forceLeadership: handlers.cluster?.forceLeadership ?? unexpected,
      }),
      implementService(node, {
        vote: handlers.node?.vote ?? unexpected,
        heartbeat: handlers.node?.heartbeat ?? unexpected,
        barrier: handlers.node?.barrier ?? unexpected,
        announce: handlers.node?.announce ?? unexpected,
        standNow: handlers.node?.standNow ?? unexpected,
        forward: handlers.node?.forward ?? unexpected,
      }),
    ],
    onDefect: (error) => defects.push(error),
    ...(handlers.messageBytesMax === undefined
      ? {}
      : { messageBytesMax: handlers.messageBytesMax }),
  });
  const address = `127.0.0.1:${server.port}`;
  const connection = openConnection(address);
  return {
    address,
    server,
    defects,
    connection,
    cluster: serviceClient(cluster, connection),
    node: serviceClient(node, connection),
    async stop() {
      connection.close();
      await server.stop({ graceMs: 1_000 });
    },
  };
}

/** A client that knows no schema: sends these bytes to this path. */
export function rawClient(address: string): Client {
  return new Client(address, credentials.createInsecure());
}

export function sendRaw(client: Client, path: string, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<Buffer, Buffer>(path, same, same, bytes, (error, response) => {
      if (error !== null) {
        reject(error);
      } else {
        resolve(response ?? Buffer.alloc(0));
      }
    });
  });
}

export function same(bytes: Buffer): Buffer {
  return bytes;
}

export type TestServer = Awaited<ReturnType<typeof startTestServer>>;

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<SuraftError> {
  try {
    await promise;
  } catch (error) {
    return fromServiceError(error, { lost: "unavailable" });
  }
  throw new Error("did not fail");
}

export function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Waits until the signal is aborted, then rejects with its reason. */
export function aborted(context: CallContext): Promise<never> {
  return new Promise((_, reject) => {
    context.signal.addEventListener("abort", () => reject(context.signal.reason as Error));
  });
}
