/** Why a node does not serve, for people; empty if it does. */

import type { View } from "../core/protocol.js";

export interface NodeCondition {
  readonly view: View;
  readonly stopping: boolean;
  readonly isMember: boolean;
  readonly storeHealthy: boolean;
}

export function whyNotServing(condition: NodeCondition): string {
  const { fault, role, leaderId } = condition.view;
  if (fault !== undefined) return fault.message;
  if (condition.stopping) return "the node is stopping";
  if (role === "starting") return "the node is reading the log";
  if (!condition.isMember) return "the node is no member of the cluster";
  if (!condition.storeHealthy) return "the store does not answer";
  return leaderId === undefined ? "no leader is known" : "";
}
