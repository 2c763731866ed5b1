/** suraft.node.v1.NodeService as this version speaks it: forwarded entries stay bytes. */

import { NodeService } from "../../gen/suraft/node/v1/node_pb.js";
import { defineService } from "../rpc/service-definition.js";

export const nodeService = defineService(NodeService, { forward: { request: true } });
