/** Starts a node and serves it, in an order in which nothing half-works, and stops it likewise. */

import { createServer } from "node:net";
import type { Logger } from "winston";
import { ClusterService } from "../../gen/suraft/v1/cluster_pb.js";
import { SuraftError } from "../errors.js";
import { openNode } from "../node/open-node.js";
import { openConnection, serviceClient } from "../rpc/client.js";
import { defineService } from "../rpc/service-definition.js";
import { startServer } from "./serve.js";
import type { NodeConfig } from "../node/config.js";
import type { Node, NodeStatus } from "../node/node.js";

export interface RunningNode {
  readonly nodeId: string;
  /** Where it serves, with the port that it really has. */
  readonly address: string;
  /** Who the members were when it started, by the log as far as it knew it. */
  readonly memberIds: readonly string[];
  /** Rejects when the node may go on no more: the process must end. Never resolves. */
  readonly failed: Promise<never>;
  /** Resolves once it serves: it knows a leader, and the store answers. Rejects when given up. */
  serving(signal: AbortSignal): Promise<void>;
  /** Finishes what is under way: every append is answered. A second call joins the first. */
  stop(options?: StopOptions): Promise<void>;
}

export interface StopOptions {
  /** `stopTimeoutMs` by default. With 0 it ends at once and hands nothing over, as if it had died. */
  readonly timeoutMs?: number;
  /** Whether a leader hands over to another node, as is the default; not where all of them stop. */
  readonly handsOver?: boolean;
}

/** How long a process that may use this node's name has to answer. */
const duplicateTimeoutMs = 1000;

/** Rejects with a SuraftError that says what to change: nothing is left running then. */
export async function startNode(
  configured: NodeConfig,
  { logger }: { readonly logger: Logger },
): Promise<RunningNode> {
  const config = await withRealPort(configured);
  await refuseDuplicate(config);
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);
  const { node, store } = await openNode({ config, logger, onFatal: (error) => fail(error) });
  const server = await startServer({
    node,
    address: config.listen,
    services: [node.nodeService],
    logger,
  }).catch(async (error: unknown) => {
    node.close();
    await store.close();
    throw error;
  });
  node.start();
  let stopped: Promise<void> | undefined;
  const stop = async ({
    timeoutMs = config.stopTimeoutMs,
    handsOver = true,
  }: StopOptions): Promise<void> => {
    const untilMs = performance.now() + timeoutMs;
    const leftMs = (): number => Math.max(untilMs - performance.now(), 0);
    // Appends that came here go on to the next leader, until clients have been sent elsewhere.
    const leaveMs = handsOver ? Math.min(2 * config.electionTimeoutMs, leftMs() / 2) : 0;
    if (leaveMs > 0) await node.leave(leaveMs);
    await server.stop({ graceMs: leftMs() });
    await node.drain(leftMs());
    node.close();
    await store.close();
  };
  return {
    nodeId: config.nodeId,
    address: config.advertise,
    memberIds: node.status().members.map(({ nodeId }) => nodeId),
    failed,
    serving: (signal) => untilServing(node, signal),
    stop: (options = {}) => (stopped ??= stop(options)),
  };
}

function untilServing(node: Node, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      unwatch();
      signal.removeEventListener("abort", giveUp);
    };
    const giveUp = (): void => {
      end();
      const { notServingReason } = node.status();
      const details = { cause: signal.reason };
      reject(new SuraftError("cancelled", `not serving yet: ${notServingReason}`, details));
    };
    const look = ({ notServingReason }: NodeStatus): void => {
      if (notServingReason !== "") return;
      end();
      resolve();
    };
    const unwatch = node.watch(look);
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    else look(node.status());
  });
}

/** Takes a free port where 0 was asked for, and finds a port in use before anything is touched. */
async function withRealPort(config: NodeConfig): Promise<NodeConfig> {
  const { host, port } = splitAddress(config.listen);
  const real = await tryPort(config.listen, host, port);
  if (port !== 0) return config;
  const advertise = `${splitAddress(config.advertise).host}:${real}`;
  const members = config.members.map((member) =>
    member.nodeId === config.nodeId ? { ...member, address: advertise } : member,
  );
  return { ...config, listen: `${host}:${real}`, advertise, members };
}

function tryPort(address: string, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? "another process uses this port" : error.message;
      const details = { address };
      reject(new SuraftError("invalid", `cannot serve on ${address}: ${reason}`, { details }));
    });
    server.listen(port, host.replace(/^\[|\]$/g, ""), () => {
      const bound = server.address();
      const real = typeof bound === "object" && bound !== null ? bound.port : port;
      server.close(() => resolve(real));
    });
  });
}

/** Another live process with this node's id, reached where this one is to be reached, is in the way. */
async function refuseDuplicate({ nodeId, advertise }: NodeConfig): Promise<void> {
  const connection = openConnection(advertise);
  try {
    const { getStatus } = serviceClient(defineService(ClusterService, {}), connection);
    const { status } = await getStatus({}, { timeoutMs: duplicateTimeoutMs });
    if (status?.nodeId !== nodeId) return;
    const message = `another live process at ${advertise} has the node id ${nodeId}`;
    throw new SuraftError("invalid", message);
  } catch (error) {
    if (error instanceof SuraftError && error.kind !== "invalid") return;
    throw error;
  } finally {
    connection.close();
  }
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
