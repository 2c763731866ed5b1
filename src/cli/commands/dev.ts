/** `suraft dev`: a cluster of node processes on this machine, for trying things out. */

import { InvalidArgumentError, Option, type Command } from "commander";
import { prepareCluster } from "../dev/dev-cluster.js";
import { DevRun } from "../dev/dev-run.js";
import { printStarting, printWaiting } from "../dev/dev-screen.js";

interface DevCommandOptions {
  readonly nodes?: number;
  readonly directory: string;
  readonly basePort?: number;
}

function between(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(
        `It must be a whole number from ${String(min)} to ${String(max)}.`,
      );
    }
    return value;
  };
}

export function declareDev(command: Command): void {
  command
    .description(
      "Runs a cluster of node processes on 127.0.0.1 over a directory, until Ctrl-C. " +
        "A node that dies is started again. Started again later, the log is still there.",
    )
    .addOption(
      new Option("--nodes <count>", "how many nodes (default: 3)").argParser(between(1, 9)),
    )
    .option("--directory <path>", "where the log and the nodes' messages are kept", ".suraft-dev")
    .addOption(
      new Option("--base-port <port>", "the first node's port (default: 7101)").argParser(
        between(1, 65_535),
      ),
    )
    .addHelpText(
      "after",
      `
Examples:
  suraft dev
  suraft dev --nodes 5 --base-port 9001 --directory /tmp/log`,
    )
    .action(dev);
}

async function dev(options: DevCommandOptions): Promise<void> {
  const cluster = await prepareCluster({
    directory: options.directory,
    nodes: options.nodes,
    basePort: options.basePort,
    onWait: printWaiting,
  });
  printStarting(cluster);
  await new DevRun(cluster).run();
}
