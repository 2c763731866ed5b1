/** Waits until a node leads that was told to. */

import { SuraftError } from "../errors.js";
import type { Node, NodeStatus } from "./node.js";

/**
 * Resolves to the node's term once it leads; rejects with `conflict` once it follows another leader, to
 * whom it has lost, with `unavailable` once it can lead no more, or with the signal's reason.
 */
export async function untilLeading(
  node: Pick<Node, "status" | "watch">,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const end = (): void => {
      unwatch();
      signal.removeEventListener("abort", aborted);
    };
    const aborted = (): void => {
      end();
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    const look = (status: NodeStatus): void => {
      if (status.role === "leader") {
        end();
        resolve(status.term);
      } else if (status.role === "follower" && status.leader !== undefined) {
        end();
        reject(lostTo(status.leader.nodeId, status.term));
      } else if (status.fault !== undefined) {
        end();
        reject(new SuraftError("unavailable", status.notServingReason));
      }
    };
    const unwatch = node.watch(look);
    signal.addEventListener("abort", aborted, { once: true });
    look(node.status());
  });
}

function lostTo(leaderId: string, term: number): SuraftError {
  const message = `${leaderId} leads in term ${term}: it was elected meanwhile; retry if it is not to`;
  return new SuraftError("conflict", message, { details: { leader_id: leaderId } });
}
