/** A node in a benchmark's own process. */

import { createLogger, transports } from "winston";
import { checkNodeConfig } from "../../src/node/config-check.js";
import { startNode, type RunningNode } from "../../src/service/start-node.js";

/** Starts a node by settings of the given names. It says only what goes wrong. */
export async function startBenchNode(
  given: Readonly<Record<string, unknown>>,
): Promise<RunningNode> {
  const entries = Object.entries(given);
  const check = checkNodeConfig(
    Object.fromEntries(entries.map(([key, value]) => [key, { value, source: "the benchmark" }])),
  );
  if (check.type === "invalid") throw new Error(check.problems.join("; "));
  const logger = createLogger({
    level: process.env["SURAFT_BENCH_LOG"] ?? "error",
    transports: [new transports.Console({ forceConsole: true, stderrLevels: ["error"] })],
  });
  return await startNode(check.config, { logger });
}

/** The settings of a cluster of one. */
export function settingsAlone(address: string, store: string) {
  return { nodeId: "n1", listen: address, members: `n1=${address}`, store };
}
