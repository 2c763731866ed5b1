/** `suraft status`: all nodes of a cluster, found through any of them. */

import { setTimeout as wait } from "node:timers/promises";
import { Option, type Command } from "commander";
import {
  addClientOptions,
  durationOption,
  openClient,
  type ClientOptionValues,
} from "../client-options.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { describeCluster, type NodeReport } from "../status-table.js";
import { SuraftError } from "../../errors.js";
import type { Client } from "../../client/client.js";

interface StatusOptions extends ClientOptionValues {
  readonly watch?: true;
  readonly interval: number;
  readonly json?: true;
}

/** A node that does not answer for so long is shown as not answering. */
const NODE_TIMEOUT_MS = 2000;

export function declareStatus(command: Command): void {
  command
    .description("Shows all nodes of the cluster, found through any of the addresses.")
    .option("-w, --watch", "draw again and again")
    .addOption(
      new Option("--interval <duration>", "how often --watch draws")
        .default(1000, "1s")
        .argParser(durationOption),
    )
    .option("--json", "print JSON, one line each time");
  addClientOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  suraft status
  suraft status --watch --address 10.0.0.1:7101
  suraft status --json | jq '.nodes[] | select(.role == "leader") | .address'`,
    )
    .action(status);
}

async function status(options: StatusOptions): Promise<void> {
  const client = openClient(options);
  const signal = interruption();
  if (!options.watch) {
    await show(await survey(client, options.timeout, signal), options);
    return;
  }
  for (;;) {
    await draw(client, options, signal);
    await wait(options.interval, undefined, { signal }).catch(() => {
      throw signal.reason;
    });
  }
}

async function draw(client: Client, options: StatusOptions, signal: AbortSignal): Promise<void> {
  let reports: readonly NodeReport[] | string;
  try {
    reports = await survey(client, NODE_TIMEOUT_MS, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof SuraftError)) {
      throw error;
    }
    reports = error.message;
  }
  if (process.stdout.isTTY && !options.json) {
    const at = new Date().toLocaleTimeString("en-GB");
    // Home, then clear what is below: drawing over the old picture does not flicker.
    await write(`\u001b[H\u001b[Jsuraft status at ${at}, Ctrl-C ends\n\n`);
  }
  await show(reports, options);
}

async function show(
  reports: readonly NodeReport[] | string,
  options: StatusOptions,
): Promise<void> {
  if (options.json) {
    const failed = typeof reports === "string";
    await write(`${JSON.stringify(failed ? { nodes: [], error: reports } : { nodes: reports })}\n`);
  } else {
    await write(typeof reports === "string" ? `${reports}\n` : describeCluster(reports));
  }
}

/** Asks one node who the members are, and then each of them. */
async function survey(
  client: Client,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly NodeReport[]> {
  const first = await client.status({ timeoutMs, signal });
  const others = first.members.filter(({ nodeId }) => nodeId !== first.nodeId);
  const reports = await Promise.all(
    others.map(async ({ nodeId, address }): Promise<NodeReport> => {
      try {
        const view = await client.status({ address, timeoutMs: NODE_TIMEOUT_MS, signal });
        return { reachable: true, ...view };
      } catch (error) {
        if (signal.aborted || !(error instanceof SuraftError)) {
          throw error;
        }
        return { reachable: false, nodeId, address, reason: error.message };
      }
    }),
  );
  return [{ reachable: true as const, ...first }, ...reports].toSorted((a, b) =>
    a.nodeId.localeCompare(b.nodeId, "en", { numeric: true }),
  );
}
