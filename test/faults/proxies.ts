/**
 * A network for machines that do not permit namespaces: a TCP proxy from every party to every node.
 *
 * It knows no packets, so it loses none: what is blocked waits until the fault is over, or is cut off.
 */

import { freePorts } from "../process/scratch.js";
import { clients, type Network, type NetworkRule } from "./network.js";
import { TcpLink } from "./tcp-link.js";

interface Link {
  readonly from: string;
  readonly to: string;
  readonly proxy: TcpLink;
}

export class ProxyNetwork implements Network {
  readonly description = "a user-space TCP proxy for each pair of nodes: it stalls, delays, cuts";
  readonly rules: ReadonlySet<NetworkRule["type"]> = new Set(["block", "slow", "cut"]);
  readonly storeHost = "127.0.0.1";
  readonly #links: readonly Link[];
  readonly #ports: ReadonlyMap<string, number>;
  readonly #cut = new Set<NetworkRule>();

  private constructor(ports: ReadonlyMap<string, number>, links: readonly Link[]) {
    this.#ports = ports;
    this.#links = links;
  }

  static async open(nodes: readonly string[]): Promise<ProxyNetwork> {
    const free = await freePorts(nodes.length);
    const ports = new Map(nodes.map((node, place) => [node, free[place] ?? 0]));
    const pairs = [...nodes, clients].flatMap((from) =>
      nodes.filter((to) => to !== from).map((to) => ({ from, to })),
    );
    const links = pairs.map(async ({ from, to }) => {
      return { from, to, proxy: await TcpLink.open(ports.get(to) ?? 0) };
    });
    return new ProxyNetwork(ports, await Promise.all(links));
  }

  listenAddress(nodeId: string): string {
    return `127.0.0.1:${this.#ports.get(nodeId) ?? 0}`;
  }

  addressFor(party: string, nodeId: string): string {
    const link = this.#links.find(({ from, to }) => from === party && to === nodeId);
    return link === undefined ? this.listenAddress(nodeId) : link.proxy.address;
  }

  prefixFor(_nodeId: string): readonly string[] {
    return [];
  }

  apply(rules: readonly NetworkRule[]): Promise<void> {
    for (const { from, to, proxy } of this.#links) {
      const blocks = (a: string, b: string): boolean =>
        rules.some((rule) => rule.type === "block" && rule.from === a && rule.to === b);
      const delayMs = (node: string): number =>
        Math.max(
          0,
          ...rules.map((rule) => (rule.type === "slow" && rule.node === node ? rule.delayMs : 0)),
        );
      Object.assign(proxy.forth, { blocked: blocks(from, to), delayMs: delayMs(from) });
      Object.assign(proxy.back, { blocked: blocks(to, from), delayMs: delayMs(to) });
      for (const rule of rules) {
        const cut = rule.type === "cut" && (rule.node === from || rule.node === to);
        if (cut && !this.#cut.has(rule)) proxy.cut();
      }
      proxy.change();
    }
    for (const rule of rules) if (rule.type === "cut") this.#cut.add(rule);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map(({ proxy }) => proxy.close()));
  }
}
