/** Whether a node that is no member yet answers where it is said to be. */

import { openConnection } from "../rpc/client.js";
import { SuraftError } from "../errors.js";
import { senderFor } from "./messages.js";
import { callsOver } from "./service.js";
import type { Identity } from "./messages.js";

export interface Probe {
  readonly self: Identity;
  /** Where this node is, for the other to know. */
  readonly ownAddress: string;
  readonly nodeId: string;
  readonly address: string;
  readonly timeoutMs: number;
}

/** Undefined if the node answers there, as a node of this cluster; else why it cannot be counted on. */
export async function probeNode(probe: Probe): Promise<string | undefined> {
  const { self, ownAddress, nodeId, address, timeoutMs } = probe;
  const connection = openConnection(address);
  try {
    const sender = senderFor(self, nodeId);
    const options = { timeoutMs, waitForReady: true };
    await callsOver(connection).announce({ sender, address: ownAddress }, options);
    return undefined;
  } catch (error) {
    const unreachable = `${address} does not answer`;
    if (!(error instanceof SuraftError)) return unreachable;
    // What a node said by itself is worth more than that there was no answer.
    return error.kind === "not_leader" ? error.message : unreachable;
  } finally {
    connection.close();
  }
}
