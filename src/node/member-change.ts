/** Works out another list of members, or why there can be none. */

import { SuraftError } from "../errors.js";
import { defaultPriority, memberOf } from "../core/members.js";
import { membersMax } from "../log/members-codec.js";
import { membersConflict } from "./refusal-error.js";
import { address as addressForm, nodeId as nodeIdForm } from "./config-values.js";
import type { Member, MemberList } from "../core/members.js";

/** A member as it shall be. */
export interface NewMember {
  readonly nodeId: string;
  readonly address: string;
  readonly learner: boolean;
  /** {@link defaultPriority} if it is not said. */
  readonly priority: number | undefined;
}

export interface MemberChange {
  readonly add: readonly NewMember[];
  readonly update: readonly NewMember[];
  readonly removeIds: readonly string[];
  /** Only if this is the version of the list. */
  readonly expectedVersion: number | undefined;
  /** Also voters that do not answer are added. */
  readonly force: boolean;
}

const priorityMax = 1_000;

/**
 * The list after the change. Throws a SuraftError: `conflict` if the caller saw another list,
 * `invalid` if the change does not fit the list.
 */
export function changedList(list: MemberList, change: MemberChange): MemberList {
  const { add, update, removeIds, expectedVersion } = change;
  if (expectedVersion !== undefined && expectedVersion !== list.version) {
    throw membersConflict(list.version);
  }
  checkIds(list, change);
  const kept = list.members
    .filter(({ nodeId }) => !removeIds.includes(nodeId))
    .map((member) => asMember(update.find(({ nodeId }) => nodeId === member.nodeId)) ?? member);
  const members = [...kept, ...add.map((member) => asMember(member))];
  if (!members.some(({ voter }) => voter)) throw refused("the last voter cannot be removed");
  if (!members.some(({ voter, priority }) => voter && priority > 0)) {
    throw refused("no voter would be left that may lead: each has priority 0");
  }
  if (members.length > membersMax) throw refused(`a cluster has at most ${membersMax} members`);
  return { version: list.version + 1, members };
}

/** Members of the new list that the old one does not have, or has elsewhere. */
export function newcomers(list: MemberList, changed: MemberList): readonly Member[] {
  return changed.members.filter(
    ({ nodeId, address }) => memberOf(list, nodeId)?.address !== address,
  );
}

function checkIds(list: MemberList, { add, update, removeIds }: MemberChange): void {
  const named = [...add, ...update].map(({ nodeId }) => nodeId).concat(removeIds);
  if (named.length === 0) throw refused("nothing is to be changed");
  const twice = named.find((nodeId, at) => named.indexOf(nodeId) !== at);
  if (twice !== undefined) throw refused(`${twice} is named twice`);
  const known = add.find(({ nodeId }) => memberOf(list, nodeId) !== undefined);
  if (known !== undefined) throw refused(`${known.nodeId} is a member already`);
  const unknown = update
    .map(({ nodeId }) => nodeId)
    .concat(removeIds)
    .find((nodeId) => memberOf(list, nodeId) === undefined);
  if (unknown === undefined) return;
  const ids = list.members.map(({ nodeId }) => nodeId).join(", ");
  throw refused(`${unknown} is no member; the members are ${ids}`);
}

function asMember(member: NewMember): Member;
function asMember(member: NewMember | undefined): Member | undefined;
function asMember(member: NewMember | undefined): Member | undefined {
  if (member === undefined) return undefined;
  const { nodeId, address, learner, priority = defaultPriority } = member;
  const problem =
    nodeIdForm().safeParse(nodeId).error ??
    addressForm({ anyPort: false }).safeParse(address).error;
  if (problem !== undefined) {
    throw refused(`member "${nodeId}" at "${address}": ${problem.issues[0]?.message ?? "invalid"}`);
  }
  if (priority > priorityMax) throw refused(`a priority is at most ${priorityMax}`);
  return { nodeId, address, voter: !learner, priority };
}

function refused(reason: string): SuraftError {
  return new SuraftError("invalid", `the members stay as they are: ${reason}`);
}
