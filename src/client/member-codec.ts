/** Members between the client's values and the messages on the wire. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ChangeMembersRequestSchema,
  ChangeMembersResponse,
  MemberStatus,
  NewMemberSchema,
} from "../../gen/suraft/v1/cluster_pb.js";
import { exactNumber, wholeNumber } from "./exact.js";
import type { ChangedMembers, Member, MemberChange, NewMember } from "./types.js";

export function decodeMember({ nodeId, address, voter, priority }: MemberStatus): Member {
  return { nodeId, address, voter, priority };
}

export function decodeMembers(response: ChangeMembersResponse): ChangedMembers {
  const { version, members, warnings } = response;
  return { version: exactNumber("version", version), members: members.map(decodeMember), warnings };
}

/** Throws `invalid` for a version that is none. */
export function encodeMemberChange(
  change: MemberChange,
): MessageInitShape<typeof ChangeMembersRequestSchema> {
  const { add = [], update = [], removeIds = [], expectedVersion, force = false } = change;
  if (expectedVersion !== undefined) wholeNumber("the expected version", expectedVersion);
  return {
    add: add.map(encodeNewMember),
    update: update.map(encodeNewMember),
    removeIds: [...removeIds],
    force,
    ...(expectedVersion === undefined ? {} : { expectedVersion: BigInt(expectedVersion) }),
  };
}

function encodeNewMember(member: NewMember): MessageInitShape<typeof NewMemberSchema> {
  const { nodeId, address, learner = false, priority } = member;
  return { nodeId, address, learner, ...(priority === undefined ? {} : { priority }) };
}
