/**
 * A cluster of real processes, with somebody who starts again what has ended, and who watches.
 *
 * Invariant: the history says of every process of a node when it began.
 * Invariant: an error that a node writes to its log is a violation: nothing is wrong with its store.
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "../../src/client/client.js";
import type { NodeView } from "../../src/client/types.js";
import { NodeProcess } from "../process/node-process.js";
import type { Child } from "../process/child.js";
import type { Clocks } from "./clock.js";
import { clients, type Network } from "./network.js";
import type { Recorder } from "./recorder.js";
import type { FaultStore } from "./stores.js";

/** Faults last longer than these. */
const settings = {
  "election-timeout-ms": "500",
  "heartbeat-interval-ms": "100",
  "store-timeout-ms": "3000",
  "store-request-timeout-ms": "700",
  "stop-timeout-ms": "4000",
  "log-format": "json",
};
const restartMs = 400;
const stopMsMax = 8_000;
const errorPattern = /^.*"level":"error".*$/m;

export interface ClusterOptions {
  readonly nodes: readonly string[];
  readonly network: Network;
  readonly store: FaultStore;
  readonly clocks: Clocks | undefined;
  /** Before each node's command. */
  readonly prefix: readonly string[];
  readonly recorder: Recorder;
  readonly logDirectory: string;
}

export class FaultNode {
  readonly nodeId: string;
  readonly process: NodeProcess;
  /** Whether it is to run: one that ends by itself is started again. */
  wanted = false;
  /** Whether a fault has the process in hand. */
  busy = false;
  /** How many processes it has had. */
  processCount = 0;
  view: NodeView | undefined;

  constructor(nodeId: string, process: NodeProcess) {
    this.nodeId = nodeId;
    this.process = process;
  }

  /** The process that runs now, for a history. */
  get processName(): string {
    return `${this.nodeId}.${this.processCount}`;
  }

  /** A client that reaches this node alone. */
  get client(): Client {
    return this.process.client;
  }
}

export class FaultCluster {
  readonly nodes: readonly FaultNode[];
  /** Processes that ended though nobody asked them to. */
  crashCount = 0;
  readonly #options: ClusterOptions;
  readonly #watches: Promise<void>[] = [];
  readonly #over = new AbortController();

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { nodes, network, store, clocks, prefix } = options;
    this.nodes = nodes.map((nodeId) => {
      const members = nodes.map((member) =>
        // Every node has its own way to each other node; its own address is where others find it.
        member === nodeId
          ? `${member}=${network.listenAddress(member)}`
          : `${member}=${network.addressFor(nodeId, member)}`,
      );
      const node = new NodeProcess({
        nodeId,
        address: network.addressFor(clients, nodeId),
        listen: network.listenAddress(nodeId),
        store: store.urlFor(nodeId),
        members: members.join(","),
        settings,
        launch: {
          prefix: [...prefix, ...network.prefixFor(nodeId)],
          environment: clocks?.environmentFor(nodeId) ?? {},
        },
      });
      return new FaultNode(nodeId, node);
    });
  }

  /** Addresses of all nodes, for clients. */
  get addresses(): readonly string[] {
    return this.nodes.map((node) => node.process.address);
  }

  start(node: FaultNode): void {
    node.wanted = true;
    node.processCount += 1;
    const child = node.process.start();
    this.#options.recorder.started(node.processName);
    void child.exited.then(() => this.#ended(node, child));
  }

  startAll(): void {
    for (const node of this.nodes) {
      if (!node.process.isAlive) this.start(node);
    }
    if (this.#watches.length > 0) return;
    for (const node of this.nodes) this.#watches.push(this.#watch(node));
  }

  /** Kills it outright. It stays down until it is started. */
  async kill(node: FaultNode): Promise<void> {
    node.wanted = false;
    await node.process.kill();
  }

  /** Asks it to end. It stays down until it is started. That it does not end in time is a violation. */
  async stop(node: FaultNode): Promise<void> {
    node.wanted = false;
    const { child } = node.process;
    child.kill("SIGTERM");
    await child.exit(stopMsMax).catch((error: unknown) => {
      const story = error instanceof Error ? error.message.split("\n").slice(0, 4).join("; ") : "";
      this.#options.recorder.broken("stop", `${node.nodeId} does not stop: ${story}`);
    });
    await node.process.kill();
  }

  /** The node that led when it was last seen. */
  get leader(): FaultNode | undefined {
    const leaders = this.nodes.filter(({ view, process }) => {
      return view?.role === "leader" && process.isAlive;
    });
    return leaders.toSorted((a, b) => (b.view?.term ?? 0) - (a.view?.term ?? 0))[0];
  }

  /** Waits until all nodes serve under one leader. */
  async agreement(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const left = Math.max(0, Math.ceil(end - performance.now()));
      const views = await Promise.all(this.nodes.map(({ process }) => process.serving(left)));
      const leaders = new Set(views.map(({ leader }) => leader?.nodeId));
      if (leaders.size === 1 && views.some(({ role }) => role === "leader")) return;
      if (left === 0) throw new Error(`the nodes do not agree on a leader in ${timeoutMs} ms`);
      await wait(50);
    }
  }

  async close(): Promise<void> {
    this.#over.abort();
    for (const node of this.nodes) node.wanted = false;
    await Promise.all(this.nodes.map(({ process }) => process.close()));
    await Promise.all(this.#watches);
  }

  #ended(node: FaultNode, child: Child): void {
    const { recorder, logDirectory } = this.#options;
    appendFileSync(join(logDirectory, `${node.nodeId}.log`), child.output);
    const complaint = errorPattern.exec(child.output)?.[0];
    if (complaint !== undefined) {
      recorder.broken("node-error", `${node.nodeId} wrote ${complaint}`);
    }
    if (!node.wanted || this.#over.signal.aborted) return;
    this.crashCount += 1;
    const last = child.output.trimEnd().split("\n").at(-1) ?? "";
    recorder.note(`${node.nodeId} ended by itself: ${last}`);
    setTimeout(() => {
      if (node.wanted && !node.process.isAlive && !this.#over.signal.aborted) this.start(node);
    }, restartMs);
  }

  async #watch(node: FaultNode): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        for await (const view of node.client.watchStatus(node.process.address, { signal })) {
          if (
            view.role === "leader" &&
            (node.view?.term !== view.term || node.view.role !== "leader")
          ) {
            this.#options.recorder.note(`${node.nodeId} leads in term ${view.term}`);
          }
          node.view = view;
        }
      } catch {
        node.view = undefined;
      }
      await wait(100, undefined, { signal }).catch(() => undefined);
    }
  }
}
