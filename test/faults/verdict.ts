/**
 * After the faults: does the cluster come back, and is the log on every node, on fresh processes and in
 * the store what the clients were told?
 *
 * Whatever is not so goes into the history, for the judges.
 */

import { setTimeout as wait } from "node:timers/promises";
import { openStore } from "../../src/store/open-store.js";
import { judgeHistory } from "../sim/history-rules.js";
import { openHistory } from "../sim/history.js";
import type { Violation } from "../sim/violation.js";
import type { Clients } from "./clients.js";
import type { FaultCluster } from "./cluster.js";
import { entriesOf } from "./content.js";
import { Reader } from "./reader.js";
import type { Recorder } from "./recorder.js";
import type { FaultStore } from "./stores.js";
import { StoreWalk, type WalkCounts } from "./store-walk.js";
import type { Tamper } from "./tamper.js";

/** All nodes are up and the network and the store are well: for elections, with room for a busy machine. */
export const liveMsMax = 30_000;
/** They also read the whole log, from an emulator that is slow with many objects. */
const freshMsMax = 90_000;
const wholeReadTries = 3;

export interface VerdictOptions {
  readonly cluster: FaultCluster;
  readonly clients: Clients;
  readonly store: FaultStore;
  readonly recorder: Recorder;
  readonly tamper: Tamper | undefined;
}

/** Elects, appends and reads at every node, and every follow comes up to that. All within the bound. */
async function recover({ cluster, clients, recorder }: VerdictOptions): Promise<void> {
  const endMs = performance.now() + liveMsMax;
  const left = (): number => Math.max(1, Math.ceil(endMs - performance.now()));
  await cluster.agreement(left());
  for (const node of cluster.nodes) {
    const op = recorder.append({ process: node.processName, entries: 1 });
    try {
      const appended = await node.client.append(entriesOf(op, 1), { timeoutMs: left() });
      recorder.appended(op, appended);
      const reader = new Reader({ client: node.client, process: () => node.processName, recorder });
      if (!(await reader.tail())) throw new Error("a linearizable read failed");
      while (!clients.followedTo(appended.lastIndex + 1)) {
        if (performance.now() > endMs) {
          throw new Error(`a follow stays behind ${appended.lastIndex}: ${clients.follows}`);
        }
        await wait(50);
      }
    } catch (error) {
      throw new Error(`at ${node.nodeId}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Reads all of the log from every node. */
async function readWhole({ cluster, recorder }: VerdictOptions, what: string): Promise<void> {
  for (const node of cluster.nodes) {
    const reader = new Reader({ client: node.client, process: () => node.processName, recorder });
    let done = false;
    for (let tries = 0; tries < wholeReadTries && !done; tries++) done = await reader.read();
    if (!done) recorder.broken("liveness", `${what} ${node.nodeId} does not let its log be read`);
  }
}

/** Writes the log as it stands in the store into the history. */
async function readStore({ store, recorder }: VerdictOptions): Promise<WalkCounts> {
  await store.quiet();
  const opened = openStore(store.url);
  const walk = new StoreWalk(opened, (rule, text) => recorder.broken(rule, text));
  try {
    for await (const append of walk.appends()) recorder.write({ type: "log", ...append });
  } finally {
    await opened.close();
  }
  return walk.counts;
}

/** Writes the end of the history. Afterwards no node runs. */
export async function conclude(options: VerdictOptions): Promise<WalkCounts> {
  const { cluster, clients, store, recorder, tamper } = options;
  const attempt = async (rule: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      recorder.broken(rule, messageOf(error));
    }
  };
  cluster.startAll();
  await attempt("liveness", () => recover(options));
  await attempt("hung", () => clients.stop());
  await readWhole(options, "node");
  await Promise.all(cluster.nodes.map((node) => cluster.stop(node)));
  if (tamper !== undefined) await tamper(store.url, recorder);
  cluster.startAll();
  await attempt("liveness", () => cluster.agreement(freshMsMax));
  await readWhole(options, "the fresh process of");
  await Promise.all(cluster.nodes.map((node) => cluster.kill(node)));
  return await readStore(options);
}

/** What the judges find in a history that is complete. */
export function judge(path: string): readonly Violation[] {
  return judgeHistory(openHistory(path));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}
