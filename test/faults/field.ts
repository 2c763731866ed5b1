/** What faults are done to, and what several at once have in common. */

import type { FaultSource } from "../store/fault-proxy.js";
import { inOrder } from "../store/fault-proxy.js";
import type { Clocks } from "./clock.js";
import type { FaultCluster, FaultNode } from "./cluster.js";
import type { Network, NetworkRule } from "./network.js";
import type { Fault, FaultKind } from "./plan.js";
import type { FaultStore } from "./stores.js";

export interface FieldOptions {
  readonly cluster: FaultCluster;
  readonly network: Network;
  readonly store: FaultStore;
  readonly clocks: Clocks | undefined;
  readonly seed: number;
}

interface StoreTrouble {
  readonly nodes: readonly FaultNode[];
  readonly source: FaultSource;
}

const passAll = inOrder([]);

export class Field {
  readonly cluster: FaultCluster;
  readonly store: FaultStore;
  readonly clocks: Clocks | undefined;
  readonly seed: number;
  readonly #network: Network;
  readonly #rules = new Set<readonly NetworkRule[]>();
  readonly #troubles = new Set<StoreTrouble>();
  #applied: Promise<void> = Promise.resolve();

  constructor({ cluster, network, store, clocks, seed }: FieldOptions) {
    this.cluster = cluster;
    this.store = store;
    this.clocks = clocks;
    this.seed = seed;
    this.#network = network;
  }

  /** The node that a fault meets: one whose process runs and is in no other fault's hands. */
  pick({ atLeader, whom }: Fault): FaultNode | undefined {
    const free = this.cluster.nodes.filter((node) => !node.busy && node.process.isAlive);
    const { leader } = this.cluster;
    if (atLeader && leader !== undefined && free.includes(leader)) return leader;
    return free[Math.floor(whom * free.length)];
  }

  /** Makes the rules hold too. Resolves, once they do, to what ends them. */
  async impose(rules: readonly NetworkRule[]): Promise<() => Promise<void>> {
    this.#rules.add(rules);
    await this.#apply();
    return async () => {
      this.#rules.delete(rules);
      await this.#apply();
    };
  }

  /** Lets the nodes' requests to the store meet faults. Gives what ends it. */
  trouble(nodes: readonly FaultNode[], source: FaultSource): () => Promise<void> {
    const trouble = { nodes, source };
    this.#troubles.add(trouble);
    this.#steer();
    return () => {
      this.#troubles.delete(trouble);
      this.#steer();
      return Promise.resolve();
    };
  }

  /** One after the other, and always the rules of now. */
  #apply(): Promise<void> {
    const next = this.#applied.then(() => this.#network.apply([...this.#rules].flat()));
    this.#applied = next.catch(() => undefined);
    return next;
  }

  #steer(): void {
    for (const node of this.cluster.nodes) {
      const proxy = this.store.proxyOf(node.nodeId);
      const last = [...this.#troubles].findLast(({ nodes }) => nodes.includes(node));
      if (proxy !== undefined) proxy.source = last?.source ?? passAll;
    }
  }
}

/** The kinds of fault that can be done here. */
export function possibleKinds(
  network: Network,
  store: FaultStore,
  hasClocks: boolean,
): ReadonlySet<FaultKind> {
  const kinds: FaultKind[] = ["kill", "kill-all", "restart", "pause"];
  if (network.rules.has("block")) kinds.push("partition", "one-way", "isolate");
  if (network.rules.has("loss")) kinds.push("loss");
  if (network.rules.has("slow")) kinds.push("slow");
  if (network.rules.has("cut")) kinds.push("cut");
  if (store.name === "emulator") kinds.push("store-noise", "store-outage", "store-late");
  if (store.disk !== undefined) kinds.push("full-disk");
  if (hasClocks) kinds.push("clock");
  return new Set(kinds);
}
