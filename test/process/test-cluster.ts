/** A cluster of node processes over a directory. */

import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { NodeProcess } from "./node-process.js";
import { freePorts, makeDirectory, removeDirectory } from "./scratch.js";

export interface TestClusterOptions {
  readonly nodeCount: number;
  /** For all nodes, by flag without the dashes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the store is; a new directory if not said. */
  readonly storeDirectory?: string;
  /** Parameters of the store's URL, for all nodes or by a node's id: `latency=20`. */
  readonly storeParameters?: string | Readonly<Record<string, string>>;
}

export class TestCluster {
  readonly nodes: readonly NodeProcess[];
  /** Where the store's objects are. */
  readonly storeDirectory: string;
  readonly #directory: string;

  private constructor(directory: string, storeDirectory: string, nodes: readonly NodeProcess[]) {
    this.#directory = directory;
    this.storeDirectory = storeDirectory;
    this.nodes = nodes;
  }

  /** Starts a cluster and waits until all of its nodes serve. */
  static async start(options: TestClusterOptions): Promise<TestCluster> {
    const directory = await makeDirectory();
    const storeDirectory = options.storeDirectory ?? join(directory, "store");
    const { storeParameters = {} } = options;
    const parametersOf = (nodeId: string): string => {
      const own = typeof storeParameters === "string" ? storeParameters : storeParameters[nodeId];
      return own === undefined ? "" : `?${own}`;
    };
    const ports = await freePorts(options.nodeCount);
    const members = ports.map((port, index) => ({
      nodeId: `n${index + 1}`,
      address: `127.0.0.1:${port}`,
    }));
    const list = members.map(({ nodeId, address }) => `${nodeId}=${address}`).join(",");
    const nodes = members.map(
      (member) =>
        new NodeProcess({
          ...member,
          store: `file://${storeDirectory}${parametersOf(member.nodeId)}`,
          members: list,
          ...(options.settings === undefined ? {} : { settings: options.settings }),
        }),
    );
    const cluster = new TestCluster(directory, storeDirectory, nodes);
    try {
      await cluster.startAll();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get members(): string {
    return this.nodes.map(({ nodeId, address }) => `${nodeId}=${address}`).join(",");
  }

  /** Starts every node that is not running, and waits until all serve under one leader. */
  async startAll(): Promise<void> {
    for (const node of this.nodes) if (!node.isAlive) node.start();
    await this.leader();
  }

  /** The leader, once all nodes that run serve and agree on it. */
  async leader(timeoutMs = 20_000): Promise<NodeProcess> {
    const end = performance.now() + timeoutMs;
    const running = this.nodes.filter((node) => node.isAlive);
    for (;;) {
      const left = Math.max(0, Math.ceil(end - performance.now()));
      const views = await Promise.all(running.map((node) => node.serving(left)));
      const ids = new Set(views.map((view) => view.leader?.nodeId));
      const leads = views.find((view) => view.role === "leader");
      const leader = running.find((node) => node.nodeId === leads?.nodeId);
      if (ids.size === 1 && leader !== undefined && ids.has(leader.nodeId)) return leader;
      if (left === 0) throw new Error(`no agreement on a leader in ${timeoutMs} ms`);
      await wait(20);
    }
  }

  /** A node that runs and does not lead. */
  async follower(): Promise<NodeProcess> {
    const leader = await this.leader();
    const follower = this.nodes.find((node) => node.isAlive && node !== leader);
    if (follower === undefined) throw new Error("no follower runs");
    return follower;
  }

  /** Kills all processes and removes all files. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
    await removeDirectory(this.#directory);
  }
}
