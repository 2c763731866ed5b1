/**
 * One connection to one node.
 *
 * Invariant: `ready` failed means that nothing was sent; an append whose connection was ready and
 * that then failed without suraft's own answer may be in the log or not.
 */

import { connectivityState } from "@grpc/grpc-js";
import { ClusterService } from "../../gen/suraft/v1/cluster_pb.js";
import { LogService } from "../../gen/suraft/v1/log_pb.js";
import { SnapshotService } from "../../gen/suraft/v1/snapshot_pb.js";
import { SuraftError } from "../errors.js";
import * as rpc from "../rpc/client.js";
import { defineService } from "../rpc/service-definition.js";

/** Sessions join what they send by themselves. */
const logService = defineService(LogService, { appendSession: { request: true } });
const clusterService = defineService(ClusterService, {});
const snapshotService = defineService(SnapshotService, {});

const MIB = 1024 * 1024;

/** A message may hold the greatest append that a node can be configured to take. */
const MESSAGE_BYTES_MAX = 72 * MIB;
const WINDOW_BYTES = 8 * MIB;
const CONNECT_TIMEOUT_MS = 2000;

/** Bounds a call. */
export interface CallBounds {
  /** When the caller gives up, by `performance.now()`. */
  readonly endMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What is left of a call's time, in milliseconds, at least 0. */
export function remainingMs(bounds: CallBounds): number {
  return Math.max(0, bounds.endMs - performance.now());
}

/** Throws `cancelled` if the caller has given up. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new SuraftError("cancelled", "given up by the caller", { cause: signal.reason });
  }
}

/** A call's bounds as rpc wants them. */
export function callOptions(bounds: CallBounds): rpc.CallOptions {
  const timeoutMs = remainingMs(bounds);
  return bounds.signal === undefined ? { timeoutMs } : { timeoutMs, signal: bounds.signal };
}

export class Connection {
  readonly address: string;
  readonly log: rpc.ServiceClient<typeof LogService.method, typeof logService.raw>;
  readonly cluster: rpc.ServiceClient<typeof ClusterService.method, typeof clusterService.raw>;
  readonly snapshots: rpc.ServiceClient<typeof SnapshotService.method, typeof snapshotService.raw>;
  readonly #connection: rpc.Connection;

  constructor(address: string) {
    this.address = address;
    this.#connection = rpc.openConnection(address, {
      messageBytesMax: MESSAGE_BYTES_MAX,
      flowControlWindowBytes: WINDOW_BYTES,
      reconnectDelayMaxMs: 1000,
    });
    this.log = rpc.serviceClient(logService, this.#connection);
    this.cluster = rpc.serviceClient(clusterService, this.#connection);
    this.snapshots = rpc.serviceClient(snapshotService, this.#connection);
  }

  /** Resolves once the node is connected. Throws `unavailable`: nothing was sent. */
  async ready(bounds: CallBounds): Promise<void> {
    const channel = this.#connection.getChannel();
    const untilMs = Date.now() + Math.min(remainingMs(bounds), CONNECT_TIMEOUT_MS);
    for (;;) {
      throwIfCancelled(bounds.signal);
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) {
        return;
      }
      if (state === connectivityState.TRANSIENT_FAILURE || Date.now() >= untilMs) {
        throw new SuraftError("unavailable", `cannot connect to ${this.address}`, {
          details: { unreachable: this.address },
        });
      }
      await new Promise<void>((resolve) => {
        channel.watchConnectivityState(state, untilMs, () => {
          resolve();
        });
      });
    }
  }

  close(): void {
    this.#connection.close();
  }
}
