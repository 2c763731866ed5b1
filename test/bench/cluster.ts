/** Nodes, three if not said otherwise, a process each, over a directory of their own. */

import { createServer } from "node:net";
import { ClusterService, Role, type NodeStatus } from "../../gen/suraft/v1/cluster_pb.js";
import { connect } from "../../src/client/index.js";
import { openConnection, serviceClient } from "../../src/rpc/client.js";
import { defineService } from "../../src/rpc/service-definition.js";
import { Child } from "./child.js";
import { emptyDirectory, makeDirectory } from "./directories.js";
import type { LongLogOptions } from "./long-log.js";
import type { NodeQuestion, ProcessUse } from "./node-process.js";

export interface ClusterOptions {
  /** 3 by default. */
  readonly nodeCount?: number;
  /** Parameters of the store's URL: `latency=30`. */
  readonly storeParameters?: string;
  /** Settings that differ from the defaults. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** One node, over a log in its memory that was written before. */
  readonly log?: Omit<LongLogOptions, "members">;
}

export interface StoreRequests {
  readonly creates: number;
  readonly gets: number;
  readonly lists: number;
}

/** What the cluster did while a load ran. */
export interface ClusterUse {
  readonly leader: ProcessUse;
  readonly followers: readonly ProcessUse[];
  /** Of all nodes together. */
  readonly requests: StoreRequests;
  readonly leaderRequests: StoreRequests;
  /** How many terms have passed: more than 0 is an election. */
  readonly terms: number;
}

const startTimeoutMs = 20_000;
const cluster = defineService(ClusterService, {});

/** One node: where it is, and its process. */
class BenchNode {
  readonly address: string;
  readonly child: Child;
  readonly #connection;
  readonly #calls;

  constructor(address: string, child: Child) {
    this.address = address;
    this.child = child;
    this.#connection = openConnection(address);
    this.#calls = serviceClient(cluster, this.#connection);
  }

  async status(): Promise<NodeStatus> {
    const { status } = await this.#calls.getStatus({}, { timeoutMs: 10_000 });
    if (status === undefined) throw new Error(`${this.address} says nothing of itself`);
    return status;
  }

  ask<Value>(question: NodeQuestion): Promise<Value> {
    return this.child.ask<Value>(question);
  }

  async stop(): Promise<void> {
    this.#connection.close();
    await this.child.stop();
  }
}

export class BenchCluster {
  readonly storeUrl: string;
  readonly #directory: string;
  readonly #nodes: readonly BenchNode[];
  #leader: BenchNode;
  /** The process of the learners. */
  #learners: Child | undefined;
  #learnerCount = 0;

  private constructor(
    store: { readonly url: string; readonly directory: string },
    nodes: readonly BenchNode[],
    leader: BenchNode,
  ) {
    this.storeUrl = store.url;
    this.#directory = store.directory;
    this.#nodes = nodes;
    this.#leader = leader;
  }

  static async start(options: ClusterOptions = {}): Promise<BenchCluster> {
    const { storeParameters, config = {}, log } = options;
    const nodeCount = log === undefined ? (options.nodeCount ?? 3) : 1;
    const directory = await makeDirectory("log");
    const base = log === undefined ? `file://${directory}` : "memory:bench";
    const url = storeParameters === undefined ? base : `${base}?${storeParameters}`;
    const addresses = await freeAddresses(nodeCount);
    const members = addresses.map((address, index) => ({ nodeId: `n${index + 1}`, address }));
    const listed = members.map(({ nodeId, address }) => `${nodeId}=${address}`).join(",");
    const nodes = await Promise.all(
      members.map(async ({ nodeId, address: listen }) => {
        const input: NodeQuestion = {
          type: "start",
          config: { ...config, nodeId, listen, members: listed, store: url },
          log: log === undefined ? undefined : { ...log, members },
        };
        const { child } = await Child.start<undefined>("node-process.js", input);
        return new BenchNode(listen, child);
      }),
    );
    const leader = await findLeader(nodes);
    return new BenchCluster({ url, directory }, nodes, leader);
  }

  get leader(): string {
    return this.#leader.address;
  }

  get follower(): string {
    const follower = this.#nodes.find((node) => node !== this.#leader);
    return follower?.address ?? this.leader;
  }

  /** Learners and all. */
  get membersCount(): number {
    return this.#nodes.length + this.#learnerCount;
  }

  get addresses(): readonly string[] {
    return this.#nodes.map(({ address }) => address);
  }

  /** Adds learners, all in one process: real nodes, which read what is appended. */
  async addLearners(count: number): Promise<void> {
    if (count === 0) return;
    this.#learners ??= Child.open("node-process.js");
    const addresses = await freeAddresses(count);
    const add = addresses.map((address, index) => ({
      nodeId: `n${this.membersCount + index + 1}`,
      address,
      learner: true,
    }));
    for (const { nodeId, address: listen } of add) {
      const config = { nodeId, listen, store: this.storeUrl };
      await this.#learners.ask({ type: "start", config, log: undefined } satisfies NodeQuestion);
    }
    const client = connect(this.addresses);
    await client.changeMembers({ add });
    client.close();
    this.#learnerCount += count;
  }

  /** The index of the leader's next entry. */
  async tailIndex(): Promise<number> {
    return Number((await this.#leader.status()).commitIndex) + 1;
  }

  /** What each node's process uses now, the leader's first. */
  async processes(): Promise<readonly ProcessUse[]> {
    return await Promise.all(
      this.#leaderFirst().map((node) => node.ask<ProcessUse>({ type: "measure" })),
    );
  }

  /**
   * Runs a load and says what the cluster did meanwhile. With a path, the leader and a follower are
   * profiled, to that path and `-leader.cpuprofile` or `-follower.cpuprofile`.
   */
  async observe<Result>(
    run: () => Promise<Result>,
    profile?: string,
  ): Promise<{ result: Result; use: ClusterUse }> {
    this.#leader = await findLeader(this.#nodes);
    const before = await this.#statuses();
    for (const [index, node] of this.#leaderFirst().entries()) {
      const role = ["leader", "follower"][index];
      const wanted = profile !== undefined && role !== undefined;
      const file = wanted ? `${profile}-${role}.cpuprofile` : undefined;
      await node.ask({ type: "reset", profile: file });
    }
    const result = await run();
    const [leader, ...followers] = await this.processes();
    await Promise.all(this.#nodes.map((node) => node.ask({ type: "endProfile" })));
    const after = await this.#statuses();
    if (leader === undefined) throw new Error("the cluster has no nodes");
    const requests = subtract(sumOfRequests(after), sumOfRequests(before));
    const leads = before.findIndex(({ role }) => role === Role.LEADER);
    const ofLeader = (statuses: readonly NodeStatus[]): StoreRequests =>
      sumOfRequests(statuses.slice(leads, leads + 1));
    const leaderRequests = subtract(ofLeader(after), ofLeader(before));
    return {
      result,
      use: { leader, followers, requests, leaderRequests, terms: termOf(after) - termOf(before) },
    };
  }

  async stop(): Promise<void> {
    await this.#learners?.stop();
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await emptyDirectory(this.#directory);
  }

  #statuses(): Promise<readonly NodeStatus[]> {
    return Promise.all(this.#nodes.map((node) => node.status()));
  }

  #leaderFirst(): readonly BenchNode[] {
    return [this.#leader, ...this.#nodes.filter((node) => node !== this.#leader)];
  }
}

/** Waits until all nodes serve under one leader. */
async function findLeader(nodes: readonly BenchNode[]): Promise<BenchNode> {
  const untilMs = performance.now() + startTimeoutMs;
  while (performance.now() < untilMs) {
    const statuses = await Promise.all(nodes.map((node) => node.status()));
    const index = statuses.findIndex(({ role }) => role === Role.LEADER);
    const leaderId = statuses[index]?.nodeId;
    const leader = nodes[index];
    const agreed = statuses.every((status) => status.serving && status.leaderId === leaderId);
    if (leader !== undefined && agreed) return leader;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the nodes found no leader");
}

export async function freeAddresses(count: number): Promise<readonly string[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  return servers.map((server) => {
    const bound = server.address();
    server.close();
    if (typeof bound !== "object" || bound === null) throw new Error("no port");
    return `127.0.0.1:${bound.port}`;
  });
}

function sumOfRequests(statuses: readonly NodeStatus[]): StoreRequests {
  const sum = (key: keyof StoreRequests): number =>
    statuses.reduce((total, { storeRequests }) => total + Number(storeRequests?.[key] ?? 0), 0);
  return { creates: sum("creates"), gets: sum("gets"), lists: sum("lists") };
}

function subtract(after: StoreRequests, before: StoreRequests): StoreRequests {
  return {
    creates: after.creates - before.creates,
    gets: after.gets - before.gets,
    lists: after.lists - before.lists,
  };
}

function termOf(statuses: readonly NodeStatus[]): number {
  return Math.max(...statuses.map(({ term }) => Number(term)));
}
