/** `suraft serve`: runs one node until it is asked to stop. */

import { once } from "node:events";
import { Option, type Command } from "commander";
import {
  describeDefault,
  nodeConfigKeys,
  nodeSettings,
  type NodeConfigKey,
} from "../../node/config.js";
import { printWarning } from "../failure-report.js";
import { collectGarbageLessOften } from "../garbage-collection.js";
import { interruption } from "../interruption.js";
import { createLogger } from "../logger.js";
import { flagName, gatherNodeConfig } from "../node-config-sources.js";
import { write } from "../output.js";
import type { NodeConfig } from "../../node/config.js";

type ServeOptions = Readonly<Partial<Record<NodeConfigKey, unknown>>> & {
  readonly config?: string;
};

export function declareServe(command: Command): void {
  command
    .description(
      "Runs one node until SIGTERM or Ctrl-C, then finishes what is under way and stops. " +
        "Every setting is a flag (--window), a variable of the environment (SURAFT_WINDOW) " +
        "and a key of the config file (window); a flag wins over the environment, the " +
        "environment over the file.",
    )
    .addOption(new Option("-c, --config <file>", "a YAML file of settings").env("SURAFT_CONFIG"));
  for (const key of nodeConfigKeys) {
    const { placeholder, description } = nodeSettings[key];
    const value = key === "allowEmulator" ? "" : ` <${placeholder}>`;
    const text = `${description} (default: ${describeDefault(key)})`;
    command.addOption(new Option(`${flagName(key)}${value}`, text));
  }
  command.addHelpText("after", help).action(serve);
}

const help = `
Examples:
  suraft serve --node-id n1 --store file:///var/lib/suraft
  suraft serve --node-id n1 --store gs://bucket/log --listen 0.0.0.0:7101 \\
    --members n1=10.0.0.1:7101,n2=10.0.0.2:7101,n3=10.0.0.3:7101
  suraft serve --config suraft.yaml

suraft.yaml:
  nodeId: n1
  store: gs://bucket/log
  listen: 0.0.0.0:7101
  members:
    n1: 10.0.0.1:7101
    n2: 10.0.0.2:7101
    n3: 10.0.0.3:7101`;

async function serve(options: ServeOptions, command: Command): Promise<void> {
  const path = options.config;
  const source = command.getOptionValueSource("config") === "env" ? "SURAFT_CONFIG" : "--config";
  const { config, warnings } = gatherNodeConfig({
    flags: options,
    environment: process.env,
    file: path === undefined ? undefined : { value: path, source },
  });
  warnings.forEach(printWarning);
  await run(config);
}

async function run(config: NodeConfig): Promise<void> {
  collectGarbageLessOften();
  // Loaded here, so that the other commands do not wait for a node's libraries.
  const { startNode } = await import("../../service/start-node.js");
  const stopping = stopReason();
  const logger = createLogger(config);
  // A bug ends the process; its stack trace belongs into the log.
  process.on("uncaughtExceptionMonitor", (error) => logger.error("bug", error));
  const node = await Promise.race([startNode(config, { logger }), stopping]);
  if (typeof node === "string") {
    logger.info("stopped before it had started");
    return;
  }
  const members = node.memberIds.join(", ");
  await write(
    `suraft ${node.nodeId} serves on ${node.address}, store ${config.store}, members ${members}\n`,
  );
  let handsOver = true;
  try {
    // Whose parent has ended is one of a cluster that ends as a whole: nobody is there to take over.
    handsOver = (await Promise.race([stopping, node.failed])) === "asked";
    logger.info("stopping");
  } finally {
    await node.stop({ handsOver });
  }
  logger.info("stopped");
}

/** Resolves when the process is asked to end: by a signal, or by the end of the process that made it. */
async function stopReason(): Promise<"asked" | "orphaned"> {
  const asked = once(interruption(), "abort").then(() => "asked" as const);
  // Only a process that was made with a channel can send by it, also once that is closed.
  if (process.send === undefined) return await asked;
  const orphaned = process.connected ? once(process, "disconnect") : Promise.resolve();
  return await Promise.race([asked, orphaned.then(() => "orphaned" as const)]);
}
