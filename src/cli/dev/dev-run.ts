/**
 * The development cluster while it runs: starts the nodes, tells what happens to them, stops them.
 *
 * Invariant: when `run` returns no node is left running.
 */

import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type Client } from "../../client/client.js";
import { CommandError } from "../exit-code.js";
import { interruption } from "../interruption.js";
import type { DevCluster, DevNode } from "./dev-cluster.js";
import { printEvent, printReady } from "./dev-screen.js";
import { NodeProcess, type NodeDeath } from "./node-process.js";
import type { NodeView } from "../../client/types.js";

/** Longer than a node takes to stop in the worst case. */
const STOP_TIMEOUT_MS = 12_000;
/** Without a leader for so long at the start, the user is told why. */
const PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 200;

export class DevRun {
  readonly #cluster: DevCluster;
  readonly #client: Client;
  readonly #processes: ReadonlyMap<string, NodeProcess>;
  readonly #over = new AbortController();
  /** Nodes that have served, ever. */
  readonly #served = new Set<string>();
  /** Nodes that have died and not served since. */
  readonly #dead = new Set<string>();
  readonly #reasons = new Map<string, string>();
  #leaderTerm = 0;
  #fail: (error: Error) => void = () => undefined;

  constructor(cluster: DevCluster) {
    this.#cluster = cluster;
    this.#client = connect(cluster.nodes.map(({ address }) => address));
    this.#processes = new Map(
      cluster.nodes.map((node) => [
        node.nodeId,
        new NodeProcess(node, cluster, {
          died: (death) => {
            this.#died(node.nodeId, death);
          },
          failed: ({ message }) => {
            this.#fail(new CommandError(`cannot start ${node.nodeId} again: ${message}`));
          },
        }),
      ]),
    );
  }

  /** Runs until Ctrl-C or SIGTERM. Throws if a node cannot start at all. */
  async run(): Promise<void> {
    const interrupted = interruption({
      beforeExit: () => {
        printEvent("killing all nodes");
        this.#killAll();
      },
    });
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    for (const node of this.#processes.values()) {
      node.start();
    }
    for (const node of this.#cluster.nodes) {
      void this.#watch(node);
    }
    const patience = setTimeout(() => {
      this.#tellWhyNoLeader();
    }, PATIENCE_MS);
    try {
      await Promise.race([once(interrupted, "abort"), failed]);
      printEvent("stopping all nodes; Ctrl-C again kills them");
    } finally {
      clearTimeout(patience);
      this.#over.abort();
      this.#client.close();
      await this.#stopAll();
    }
    printEvent("stopped; the log is kept");
  }

  /** Follows what a node says of itself, as long as the cluster runs. */
  async #watch({ nodeId, address }: DevNode): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        for await (const view of this.#client.watchStatus(address, { signal })) {
          this.#seen(nodeId, view);
        }
      } catch {
        // Not there yet, or not any more: its process tells why.
      }
      await wait(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #seen(nodeId: string, view: NodeView): void {
    this.#reasons.set(nodeId, view.notServingReason);
    if (view.serving) {
      this.#served.add(nodeId);
      if (this.#dead.delete(nodeId)) {
        printEvent(`${nodeId} serves again`);
      }
    }
    if (view.role === "leader" && view.term > this.#leaderTerm) {
      if (this.#leaderTerm === 0) {
        printReady(this.#cluster, nodeId);
      } else {
        printEvent(`${nodeId} leads now, in term ${String(view.term)}`);
      }
      this.#leaderTerm = view.term;
    }
  }

  #died(nodeId: string, death: NodeDeath): void {
    if (this.#over.signal.aborted) {
      return;
    }
    const why = death.lastError === undefined ? "" : `: ${death.lastError}`;
    if (!this.#served.has(nodeId) && death.lastError !== undefined) {
      this.#fail(new CommandError(`${nodeId} cannot start${why}`));
      return;
    }
    this.#dead.add(nodeId);
    const seconds = String(death.restartInMs / 1000);
    printEvent(`${nodeId} ${death.how}${why}; it is started again in ${seconds} s`);
  }

  #tellWhyNoLeader(): void {
    if (this.#leaderTerm > 0) {
      return;
    }
    const nodesOf = new Map<string, string[]>();
    for (const { nodeId } of this.#cluster.nodes) {
      const reason = this.#reasons.get(nodeId) ?? "";
      const shown = reason === "" ? "does not answer" : reason;
      nodesOf.set(shown, [...(nodesOf.get(shown) ?? []), nodeId]);
    }
    const lines = [...nodesOf].map(
      ([reason, nodes]) => `\n          ${nodes.join(", ")}: ${reason}`,
    );
    printEvent(`no leader yet${lines.join("")}`);
  }

  async #stopAll(): Promise<void> {
    const timer = setTimeout(() => {
      printEvent("not all nodes have stopped in time: killing them");
      this.#killAll();
    }, STOP_TIMEOUT_MS);
    await Promise.all([...this.#processes.values()].map((node) => node.stop()));
    clearTimeout(timer);
  }

  #killAll(): void {
    for (const node of this.#processes.values()) {
      node.kill();
    }
  }
}
