/** Whether nodes that are to become members answer where they are said to be. */

import { SuraftError } from "../errors.js";
import { probeNode } from "../peer/probe.js";
import { newcomers } from "./member-change.js";
import type { MemberList } from "../core/members.js";
import type { Identity } from "../peer/messages.js";

export interface NewcomersProbe {
  readonly self: Identity;
  readonly ownAddress: string;
  readonly list: MemberList;
  readonly changed: MemberList;
  /** Voters that do not answer are taken, too. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

/**
 * What the caller should know of members that do not answer. Throws `conflict` for a voter, unless
 * it is to be taken all the same: too many such voters are a majority that cannot elect.
 */
export async function probeNewcomers(probe: NewcomersProbe): Promise<readonly string[]> {
  const { self, ownAddress, list, changed, force, timeoutMs } = probe;
  const asked = newcomers(list, changed).filter(({ nodeId }) => nodeId !== self.nodeId);
  const found = await Promise.all(
    asked.map(async ({ nodeId, address, voter }) => {
      const problem = await probeNode({ self, ownAddress, nodeId, address, timeoutMs });
      return problem === undefined ? undefined : { nodeId, voter, problem };
    }),
  );
  const silent = found.filter((one) => one !== undefined);
  const voter = silent.find((one) => one.voter);
  if (voter !== undefined && !force) {
    const { nodeId, problem } = voter;
    const message = `voter ${nodeId} cannot be counted on: ${problem}; start it first, or force it`;
    throw new SuraftError("conflict", message, { details: { condition: "unreachable_voter" } });
  }
  return silent.map(({ nodeId, problem }) => `${nodeId}: ${problem}`);
}
