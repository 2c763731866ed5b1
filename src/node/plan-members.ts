/** Plans another list of members: does the change fit, and do those that are to come answer? */

import { SuraftError } from "../errors.js";
import { probeNode } from "../peer/probe.js";
import { changedList, newcomers } from "./member-change.js";
import type { MemberList } from "../core/members.js";
import type { Identity } from "../peer/messages.js";
import type { MemberChange } from "./member-change.js";
import type { PlannedMembers } from "./node.js";

/** The leader that plans, and the list that it knows. */
export interface Planner {
  readonly self: Identity;
  readonly ownAddress: string;
  readonly list: MemberList;
}

/** A node that is to become a member has so long to answer. */
const probeTimeoutMs = 2000;

/**
 * The list after the change, and what the caller should know of members that do not answer. Throws as
 * {@link changedList} does; `conflict` for a voter that does not answer, unless it is to be taken all
 * the same: too many of them are a majority that cannot elect.
 */
export async function planMembers(planner: Planner, change: MemberChange): Promise<PlannedMembers> {
  const { self, ownAddress, list } = planner;
  const changed = changedList(list, change);
  const asked = newcomers(list, changed).filter(({ nodeId }) => nodeId !== self.nodeId);
  const found = await Promise.all(
    asked.map(async ({ nodeId, address, voter }) => {
      const probe = { self, ownAddress, nodeId, address, timeoutMs: probeTimeoutMs };
      const problem = await probeNode(probe);
      return problem === undefined ? undefined : { nodeId, voter, problem };
    }),
  );
  const silent = found.filter((one) => one !== undefined);
  const voter = silent.find((one) => one.voter);
  if (voter !== undefined && !change.force) {
    const { nodeId, problem } = voter;
    const message = `voter ${nodeId} cannot be counted on: ${problem}; start it first, or force it`;
    throw new SuraftError("conflict", message, { details: { condition: "unreachable_voter" } });
  }
  return { list: changed, warnings: silent.map(({ nodeId, problem }) => `${nodeId}: ${problem}`) };
}
