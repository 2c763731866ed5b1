/** suraft.v1.ClusterService over a node. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";

import { ClusterService, Role, type NodeStatusSchema } from "../../gen/suraft/v1/cluster_pb.js";
import { SuraftError } from "../errors.js";
import type { Node, NodeStatus } from "../node/node.js";
import type { Responses } from "../rpc/handlers.js";
import { implementService, type ServiceRegistration } from "../rpc/server.js";
import type { CallContext } from "../rpc/server-call.js";
import { defineService } from "../rpc/service-definition.js";
import { changeMembers, forceLeadership } from "./members.js";

type StatusMessage = MessageInitShape<typeof NodeStatusSchema>;

interface StatusResponse {
  readonly status: StatusMessage;
}

/** How many changes a watcher may be behind. */
const changesMax = 1_000;

/** A watcher that has not taken so many bytes is behind. */
const bufferedBytesMax = 16 * 1024;

const roles: Readonly<Record<NodeStatus["role"], Role>> = {
  starting: Role.STARTING,
  follower: Role.FOLLOWER,
  candidate: Role.CANDIDATE,
  leader: Role.LEADER,
};

/** The service, ready to be served. */
export function implementClusterService(node: Node): ServiceRegistration {
  return implementService(defineService(ClusterService, {}), {
    getStatus: async () => ({ status: statusMessage(node, node.status()) }),
    watchStatus: (_, responses, context) => watchStatus(node, responses, context),
    transferLeadership: async ({ targetId }, { deadlineMs }) => {
      const { nodeId, address } = await node.transferLeadership({
        targetId: targetId === "" ? undefined : targetId,
        timeoutMs: Math.max(0, deadlineMs - Date.now()),
      });
      return { leaderId: nodeId, leaderAddress: address };
    },
    changeMembers: (request, context) => changeMembers(node, request, context),
    forceLeadership: (_, context) => forceLeadership(node, context),
  });
}

/** Tells of every change, in order, until the call is over or the watcher is too far behind. */
function watchStatus(
  node: Node,
  responses: Responses<StatusResponse>,
  { signal }: CallContext,
): Promise<void> {
  return new Promise((_, reject) => {
    const backlog = new StatusBacklog(responses);
    const end = (error: unknown): void => {
      unwatch();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const unwatch = node.watch((status) => {
      backlog.push({ status: statusMessage(node, status) });
      if (backlog.length > changesMax) {
        end(
          new SuraftError("overloaded", `the watcher is ${changesMax} changes behind; begin anew`),
        );
      }
    });
    backlog.push({ status: statusMessage(node, node.status()) });
    if (signal.aborted) {
      end(signal.reason);
    } else {
      signal.addEventListener("abort", () => end(signal.reason), { once: true });
    }
  });
}

/**
 * Changes that wait for a slow watcher. A change is turned into a message when it happens, so that
 * it says what was the case then.
 */
class StatusBacklog {
  readonly #responses: Responses<StatusResponse>;
  readonly #waiting: StatusResponse[] = [];
  #draining = false;

  constructor(responses: Responses<StatusResponse>) {
    this.#responses = responses;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(response: StatusResponse): void {
    this.#waiting.push(response);
    this.#write();
  }

  #write(): void {
    while (!this.#draining && this.#responses.bufferedBytes < bufferedBytesMax) {
      const response = this.#waiting.shift();
      if (response === undefined) {
        return;
      }
      this.#responses.write(response);
    }
    if (!this.#draining) {
      this.#draining = true;
      this.#responses.drained(bufferedBytesMax).then(
        () => {
          this.#draining = false;
          this.#write();
        },
        // The call is over; its signal says so, too.
        () => undefined,
      );
    }
  }
}

function statusMessage(node: Node, status: NodeStatus): StatusMessage {
  const now = Date.now();
  return {
    nodeId: status.nodeId,
    address: status.address,
    clusterId: status.clusterId,
    role: roles[status.role],
    term: BigInt(status.term),
    leaderId: status.leader?.nodeId ?? "",
    leaderAddress: status.leader?.address ?? "",
    members: [...status.members],
    membersVersion: BigInt(status.membersVersion),
    commitIndex: BigInt(node.log.nextIndex - 1),
    firstIndex: BigInt(node.log.firstIndex),
    tailPosition: BigInt(status.tailPosition),
    store: status.storeUrl,
    storeHealthy: status.storeHealthy,
    serving: status.serving,
    notServingReason: status.notServingReason,
    version: status.version,
    uptime: durationFromMs(Math.max(0, now - status.startedAtMs)),
    timestamp: timestampFromMs(now),
    change: BigInt(status.change),
    storeRequests: {
      creates: BigInt(status.storeRequests.creates),
      gets: BigInt(status.storeRequests.gets),
      lists: BigInt(status.storeRequests.lists),
      deletes: BigInt(status.storeRequests.deletes),
    },
    past: {
      manifestNumber: BigInt(status.past.manifestNumber),
      floorPosition: BigInt(status.past.floorPosition),
      checkpointPosition: BigInt(status.past.checkpointPosition),
      archiveCount: BigInt(status.past.archiveCount),
      damage: status.past.damage,
    },
  };
}
