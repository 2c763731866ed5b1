/** Serves a node: suraft's services, health, reflection, and whatever else is registered. */

import type { Node } from "../node/node.js";
import { startGrpcServer, type RunningServer, type ServiceRegistration } from "../rpc/server.js";
import { implementClusterService } from "./cluster-service.js";
import { implementHealth } from "./health.js";
import { implementLogService, type LogServiceOptions } from "./log-service.js";
import { implementSnapshotService, type SnapshotServiceOptions } from "./snapshot-service.js";
import { implementReflection } from "./reflection.js";

export interface ServeOptions extends LogServiceOptions {
  readonly node: Node;
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly snapshots?: Partial<SnapshotServiceOptions>;
  /** More services for the same port. */
  readonly services?: readonly ServiceRegistration[];
  /** Hears of exceptions that no handler should have let through. */
  readonly logger: { error(message: string): void };
}

/** What protocol buffers and gRPC add to an append at most, with room to spare. */
const framingBytesMax = 4 * 1024 * 1024;

/**
 * Starts to serve. Rejects with a SuraftError of kind `invalid` that names the address where it
 * cannot be bound. `stop` says NOT_SERVING to those who watch, ends reads with UNAVAILABLE, lets
 * appends that were taken have their answers, and returns after about `graceMs` at the latest.
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { node, address, services = [], logger } = options;
  const health = implementHealth(node);
  try {
    const server = await startGrpcServer({
      address,
      services: [
        implementLogService(node, options),
        implementClusterService(node),
        implementSnapshotService(node, options.snapshots),
        ...health.services,
        ...implementReflection(),
        ...services,
      ],
      // Above the limits on appends, so that the refusal that names the limit comes first.
      messageBytesMax: 2 * node.limits.appendBytesMax + framingBytesMax,
      onDefect: (error, path) => logger.error(`${path} failed: ${describe(error)}`),
    });
    return {
      port: server.port,
      stop: async (stopOptions) => {
        health.stop();
        await server.stop(stopOptions);
      },
    };
  } catch (error) {
    health.stop();
    throw error;
  }
}

/** Logs are for those who mend it. */
function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
