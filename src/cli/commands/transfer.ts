/** `suraft transfer`: hands the leadership over to another node. */

import { addClientOptions, openClient, type ClientOptionValues } from "../client-options.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import type { Command } from "commander";

interface TransferOptions extends ClientOptionValues {
  readonly json?: true;
}

export function declareTransfer(command: Command): void {
  command
    .description(
      "Has the leader hand over to another node, and says who leads then. Clients' appends wait " +
        "meanwhile, and none fails. Without a node, the one that holds the most of the log is taken. " +
        "A node that is stopped (SIGTERM) hands over by itself.",
    )
    .argument("[node-id]", "the member that is to lead")
    .option("--json", "print JSON");
  addClientOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  suraft transfer
  suraft transfer n2 --address 10.0.0.1:7101`,
    )
    .action(transfer);
}

async function transfer(nodeId: string | undefined, options: TransferOptions): Promise<void> {
  const client = openClient(options);
  const target = nodeId === undefined ? {} : { targetId: nodeId };
  const leader = await client.transferLeadership({ ...target, signal: interruption() });
  const text = `${leader.nodeId} at ${leader.address} leads`;
  await write(`${options.json ? JSON.stringify(leader) : text}\n`);
}
