/**
 * Who belongs to the cluster (PROTOCOL.md section 7): the founding list, or the last one that is
 * committed. Quorums help liveness only, so one step may replace them all.
 */

import type { NodeId } from "./types.js";

/** One node of the cluster. */
export interface Member {
  readonly nodeId: NodeId;
  /** Where it serves. The core hands it on and never looks at it. */
  readonly address: string;
  /** Learners hear of commits and serve reads; they neither vote nor lead. */
  readonly voter: boolean;
  /** Of two voters the greater one shall lead; with 0 a voter never leads. */
  readonly priority: number;
}

/** All nodes of the cluster. */
export interface MemberList {
  /** Counts the changes: 0 is the founding list. */
  readonly version: number;
  readonly members: readonly Member[];
}

/** What a member is if nobody says otherwise. */
export const defaultPriority = 1;

export function memberOf(list: MemberList, nodeId: NodeId): Member | undefined {
  return list.members.find((member) => member.nodeId === nodeId);
}

/** Whether the node may vote, by the list. */
export function isVoter(list: MemberList, nodeId: NodeId): boolean {
  return memberOf(list, nodeId)?.voter === true;
}

/** Whether the node may stand for election, by the list. */
export function mayStand(list: MemberList, nodeId: NodeId): boolean {
  const member = memberOf(list, nodeId);
  return member !== undefined && member.voter && member.priority > 0;
}

/** How many votes elect. */
export function quorumOf(list: MemberList): number {
  const voterCount = list.members.filter(({ voter }) => voter).length;
  return Math.floor(voterCount / 2) + 1;
}

/** The other members. */
export function* peersOf(list: MemberList, nodeId: NodeId): Generator<Member, void> {
  for (const member of list.members) if (member.nodeId !== nodeId) yield member;
}
