/** ClusterService.ChangeMembers and ForceLeadership. */

import type { MessageInitShape } from "@bufbuild/protobuf";

import type {
  ChangeMembersRequest,
  ChangeMembersResponseSchema,
  ForceLeadershipResponseSchema,
  NewMember as WireNewMember,
} from "../../gen/suraft/v1/cluster_pb.js";
import { controlAppend } from "../node/control-append.js";
import type { NewMember } from "../node/member-change.js";
import type { Node } from "../node/node.js";
import type { CallContext } from "../rpc/server-call.js";
import { appendAlone } from "./append-once.js";

/** Changes the members; the answer means that the new list is committed. */
export async function changeMembers(
  node: Node,
  request: ChangeMembersRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ChangeMembersResponseSchema>> {
  const { add, update, removeIds, expectedVersion, force } = request;
  const { list, warnings } = await node.planMembers({
    add: add.map(newMember),
    update: update.map(newMember),
    removeIds,
    expectedVersion: expectedVersion === undefined ? undefined : Number(expectedVersion),
    force,
  });
  await appendAlone(node, controlAppend({ type: "members", list }), context);
  const { version, members } = list;
  return { version: BigInt(version), members: [...members], warnings: [...warnings] };
}

function newMember({ nodeId, address, learner, priority }: WireNewMember): NewMember {
  return { nodeId, address, learner, priority };
}

/** Has the node lead without votes. */
export async function forceLeadership(
  node: Node,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof ForceLeadershipResponseSchema>> {
  return { term: BigInt(await node.forceLeadership(signal)) };
}
