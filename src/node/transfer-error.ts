/** What the caller hears of a transfer of leadership that did not take place. */

import { SuraftError } from "../errors.js";
import type { TransferOutcome } from "../core/protocol.js";
import type { NodeMember } from "./node.js";

interface TransferContext {
  /** Who was to lead; undefined where no node could be chosen. */
  readonly target: string | undefined;
  /** Who leads, as far as this node knows. */
  readonly leader: NodeMember | undefined;
  readonly members: readonly NodeMember[];
}

/** The error for an outcome; `done` with no leader known means that the next one has begun. */
export function transferError(outcome: TransferOutcome, context: TransferContext): SuraftError {
  const { leader, members } = context;
  const target = context.target ?? "any other node";
  const details = {
    ...(leader && { leader_id: leader.nodeId, leader_address: leader.address }),
  };
  switch (outcome) {
    case "notLeader": {
      const who = leader === undefined ? "no leader is known" : `${leader.nodeId} leads`;
      return new SuraftError("not_leader", `this node does not lead; ${who}`, { details });
    }
    case "noVoter": {
      const names = members.map(({ nodeId }) => nodeId).join(", ");
      const message = `${target} is no member of the cluster that may lead; the members are ${names}`;
      return new SuraftError("invalid", message);
    }
    case "unreachable":
      return new SuraftError("conflict", `${target} was not heard lately; nothing has changed`);
    case "busy":
      return new SuraftError("conflict", "another transfer is under way; retry");
    case "timedOut":
      return new SuraftError("conflict", `${target} did not take over in time; retry`);
    case "lost":
    case "done": {
      const who = leader === undefined ? "another node" : leader.nodeId;
      return new SuraftError("conflict", `${who} leads, not ${target}; retry`, { details });
    }
  }
}
