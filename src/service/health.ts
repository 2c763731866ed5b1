/**
 * grpc.health.v1.Health: SERVING only while the node can do its job, for the whole server (the
 * empty name) and for each of suraft's services alike.
 */

import { HealthImplementation } from "grpc-health-check";

import { ClusterService } from "../../gen/suraft/v1/cluster_pb.js";
import { LogService } from "../../gen/suraft/v1/log_pb.js";
import type { Node } from "../node/node.js";
import type { ServiceRegistration } from "../rpc/server.js";
import { collectServices } from "./foreign-service.js";

const names = ["", LogService.typeName, ClusterService.typeName];

export interface Health {
  readonly services: readonly ServiceRegistration[];
  /** Says NOT_SERVING from now on, whatever the node says. */
  stop(): void;
}

/** Watches the node and tells whoever asks. */
export function implementHealth(node: Node): Health {
  const health = new HealthImplementation();
  let told: boolean | undefined;
  const tell = (serving: boolean): void => {
    if (serving === told) {
      return;
    }
    told = serving;
    for (const name of names) {
      health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    }
  };
  tell(node.status().serving);
  const unwatch = node.watch((status) => tell(status.serving));
  return {
    services: collectServices((collector) => health.addToServer(collector)),
    stop: () => {
      unwatch();
      tell(false);
    },
  };
}
