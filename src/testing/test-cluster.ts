/**
 * A cluster for users' own tests: real nodes that talk over loopback, in this process, over a store in
 * memory. It serves within some tens of milliseconds.
 *
 * Invariant: a node keeps its id and its address over restarts, so that clients find it again.
 */

import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { connect, type Client, type ClientOptions } from "../client/client.js";
import { createNode, type EmbeddedNode, type NodeOptions } from "../embed/create-node.js";
import { SuraftError } from "../errors.js";

export interface TestClusterOptions {
  /** 3 by default. */
  readonly nodeCount?: number;
  /** Settings of all nodes, over those of a test cluster (an election timeout of 150 ms). */
  readonly settings?: Omit<Partial<NodeOptions>, "nodeId" | "members" | "listen" | "advertise">;
}

/** A node of a {@link TestCluster}. */
export interface TestNode {
  readonly nodeId: string;
  /** `host:port`, always the same. */
  readonly address: string;
  readonly isRunning: boolean;
  /** Ends it at once, like a process that is killed: it answers nobody and hands nothing over. */
  kill(): Promise<void>;
  /** Stops it in order. */
  stop(): Promise<void>;
  /** Starts it again; resolves once it serves. */
  start(): Promise<void>;
}

/** Made by {@link startTestCluster}. */
export interface TestCluster {
  readonly nodes: readonly TestNode[];
  readonly addresses: readonly string[];
  /** A client of all nodes; the cluster closes it. */
  readonly client: Client;
  /** Another client of all nodes; the cluster closes it. */
  connect(options?: ClientOptions): Client;
  /** The node that leads, once one does. Rejects with `unavailable` after 10 s without one. */
  leader(): Promise<TestNode>;
  /** Kills all nodes and closes all clients. What was in the log is gone. */
  close(): Promise<void>;
}

/**
 * Starts a cluster; resolves once every node serves.
 *
 * ```ts
 * const cluster = await startTestCluster();
 * await cluster.client.append([{ payload: Buffer.from("hello") }]);
 * await (await cluster.leader()).kill();
 * await cluster.close();
 * ```
 */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { nodeCount = 3 } = options;
  if (!Number.isInteger(nodeCount) || nodeCount < 1) {
    throw new SuraftError("invalid", "nodeCount must be a whole number of at least 1");
  }
  const cluster = new MemoryCluster(await freeAddresses(nodeCount), options);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

const hasty = { electionTimeoutMs: 150, heartbeatIntervalMs: 30, stopTimeoutMs: 2000 };
const leaderTimeoutMs = 10_000;

class MemoryNode implements TestNode {
  readonly nodeId: string;
  readonly address: string;
  readonly #options: NodeOptions;
  #node: EmbeddedNode | undefined;

  constructor(options: NodeOptions & { readonly listen: string }) {
    this.nodeId = options.nodeId;
    this.address = options.listen;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#node !== undefined;
  }

  /** Starts it, whether it serves or not. */
  async begin(): Promise<void> {
    if (this.#node !== undefined) {
      throw new SuraftError("invalid", `node ${this.nodeId} is running`);
    }
    const node = createNode(this.#options);
    this.#node = node;
    try {
      await node.start();
    } catch (error) {
      this.#node = undefined;
      throw error;
    }
  }

  async ready(): Promise<void> {
    await this.#node?.ready();
  }

  async start(): Promise<void> {
    await this.begin();
    await this.ready();
  }

  async kill(): Promise<void> {
    await this.#end({ timeoutMs: 0 });
  }

  async stop(): Promise<void> {
    await this.#end({});
  }

  async #end(bounds: { readonly timeoutMs?: number }): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    await node?.stop(bounds);
  }
}

class MemoryCluster implements TestCluster {
  readonly nodes: readonly MemoryNode[];
  readonly addresses: readonly string[];
  readonly client: Client;
  readonly #clients: Client[] = [];

  constructor(addresses: readonly string[], { settings = {} }: TestClusterOptions) {
    const store = settings.store ?? `memory:${randomUUID()}`;
    const named = addresses.map((address, at) => ({ nodeId: `n${at + 1}`, address }));
    const members = Object.fromEntries(named.map(({ nodeId, address }) => [nodeId, address]));
    this.addresses = addresses;
    this.nodes = named.map(
      ({ nodeId, address }) =>
        new MemoryNode({ ...hasty, ...settings, store, nodeId, members, listen: address }),
    );
    this.client = this.connect();
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.begin()));
    const [first] = this.nodes;
    const done = new AbortController();
    const { signal } = done;
    // Nobody need wait for a timeout to end. If another stands first nevertheless, that one may lead.
    const forced = this.client.forceLeadership({ address: first?.address ?? "", signal });
    forced.catch(() => undefined);
    await Promise.all(this.nodes.map((node) => node.ready()));
    done.abort();
  }

  connect(options: ClientOptions = {}): Client {
    const client = connect(this.addresses, options);
    this.#clients.push(client);
    return client;
  }

  async leader(): Promise<MemoryNode> {
    const untilMs = performance.now() + leaderTimeoutMs;
    for (;;) {
      const views = await Promise.all(
        this.nodes
          .filter(({ isRunning }) => isRunning)
          .map(({ address }) => this.client.status({ address }).catch(() => undefined)),
      );
      const leaderId = views.find((view) => view?.role === "leader")?.nodeId;
      const leader = this.nodes.find(({ nodeId }) => nodeId === leaderId);
      if (leader?.isRunning === true) return leader;
      if (performance.now() > untilMs) {
        throw new SuraftError("unavailable", `no node leads after ${leaderTimeoutMs} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.nodes.map((node) => node.kill()));
  }
}

/** Members must know one another's addresses before they start: ports that were free a moment ago. */
async function freeAddresses(count: number): Promise<readonly string[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", resolve);
      });
      return server;
    }),
  );
  const addresses = servers.map((server) => {
    const bound = server.address();
    if (typeof bound !== "object" || bound === null) {
      throw new SuraftError("unavailable", "no port of this machine is free");
    }
    return `127.0.0.1:${bound.port}`;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return addresses;
}
