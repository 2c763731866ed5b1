/** What `suraft dev` prints. */

import path from "node:path";
import { countOf, styled } from "../terminal.js";
import type { DevCluster } from "./dev-cluster.js";

const out = process.stdout;

function print(line: string): void {
  out.write(`${line}\n`);
}

/** One line about something that happened. */
export function printEvent(text: string): void {
  const time = new Date().toLocaleTimeString("en-GB");
  // On a terminal the line may begin with the ^C that was typed.
  const start = out.isTTY ? "\r" : "";
  print(`${start}${styled(out, "dim", time)}  ${text}`);
}

/** A path as a person in the working directory would write it. */
function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}

/** A port is in use yet. */
export function printWaiting(port: number): void {
  print(`port ${String(port)} is in use: waiting a moment for it`);
}

/** Before anything is started. */
export function printStarting(cluster: DevCluster): void {
  const state = cluster.founded ? "a log that is there already" : "a new log";
  const nodes = countOf(cluster.nodes.length, "node");
  print(`${styled(out, "bold", "suraft dev")}: starting ${nodes} over ${state},`);
  print(`in ${shown(cluster.directory)}`);
}

/** Once a leader is known. */
export function printReady(cluster: DevCluster, leaderId: string): void {
  print("");
  for (const { nodeId, address } of cluster.nodes) {
    const role = nodeId === leaderId ? styled(out, "green", "leader") : "follower";
    print(`  ${nodeId}   ${address}   ${role}`);
  }
  const addresses = cluster.nodes.map((node) => node.address);
  const usual = cluster.nodes.length === 3 && cluster.nodes[0]?.port === 7101;
  const address = usual ? "" : ` --address ${addresses[0] ?? ""}`;
  print("");
  print("Try, in another terminal:");
  print(styled(out, "cyan", `  npx suraft append "hello" "world"${address}`));
  print(styled(out, "cyan", `  npx suraft read --follow${address}`));
  print(styled(out, "cyan", `  npx suraft status --watch${address}`));
  print("");
  print(
    `The nodes' messages are in ${shown(path.join(cluster.directory, "logs"))}. Ctrl-C stops all.`,
  );
  print("");
}
