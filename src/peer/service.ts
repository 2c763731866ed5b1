/** suraft.node.v1.NodeService as this version speaks it: forwarded entries stay bytes. */

import { NodeService } from "../../gen/suraft/node/v1/node_pb.js";
import { serviceClient } from "../rpc/client.js";
import { defineService } from "../rpc/service-definition.js";
import type { Connection } from "../rpc/client.js";

export const nodeService = defineService(NodeService, { forward: { request: true } });

/** The service's calls over a connection to another node. */
export function callsOver(connection: Connection) {
  return serviceClient(nodeService, connection);
}
