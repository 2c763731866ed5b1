/**
 * A network of the kernel's: each node in a network namespace of its own, on a bridge of this machine.
 *
 * A node's nft rules, in its own namespace, drop packets as they come in: whole senders, or a share.
 * tc delays what the node sends; a kernel without netem can only make the link narrow (tbf).
 * Everything lies in 198.18.0.0/15, which is set aside for such tests and is routed nowhere.
 */

import {
  bridgePrefix,
  command,
  commandLater,
  linkPrefix,
  namespacePrefix,
  onEnd,
  succeeds,
} from "./machine.js";
import { clients, storeParty, type Network, type NetworkRule } from "./network.js";

const port = 7101;

export class NamespaceNetwork implements Network {
  readonly description: string;
  readonly rules: ReadonlySet<NetworkRule["type"]> = new Set(["block", "loss", "slow"]);
  readonly storeHost: string;
  readonly #nodes: readonly string[];
  readonly #subnet = freeSubnet();
  readonly #bridge = `${bridgePrefix}${process.pid}`;
  readonly #hasNetem: boolean;
  readonly #undos: (() => void)[] = [];
  readonly #applied = new Map<string, string>();

  /** Throws an Error that says what the machine does not permit. */
  constructor(nodes: readonly string[]) {
    this.#nodes = nodes;
    this.storeHost = `${this.#subnet}.2`;
    try {
      this.#build();
      this.#hasNetem = this.#probe();
    } catch (error) {
      this.#undo();
      throw error;
    }
    const delay = this.#hasNetem ? "tc netem" : "tc tbf, as this kernel has no netem";
    this.description = `network namespaces with veth in ${this.#subnet}.0/24, nft, ${delay}`;
  }

  listenAddress(nodeId: string): string {
    return `${this.#hostOf(nodeId)}:${port}`;
  }

  addressFor(_party: string, nodeId: string): string {
    return this.listenAddress(nodeId);
  }

  prefixFor(nodeId: string): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.#namespace(nodeId)}`, "--"];
  }

  async apply(rules: readonly NetworkRule[]): Promise<void> {
    await Promise.all(this.#nodes.map((node) => this.#applyTo(node, rules)));
  }

  close(): Promise<void> {
    this.#undo();
    return Promise.resolve();
  }

  #undo(): void {
    for (const undo of this.#undos.splice(0).toReversed()) undo();
  }

  #build(): void {
    const bridge = this.#bridge;
    command("ip", "link", "add", bridge, "type", "bridge");
    this.#undos.push(onEnd(() => command("ip", "link", "del", bridge)));
    // The first address is the one that this machine's clients call from.
    for (const host of [1, 2]) {
      command("ip", "address", "add", `${this.#subnet}.${host}/24`, "dev", bridge);
    }
    command("ip", "link", "set", bridge, "up");
    for (const [place, node] of this.#nodes.entries()) {
      const namespace = this.#namespace(node);
      const outer = `${linkPrefix}${process.pid}-${place}`;
      command("ip", "netns", "add", namespace);
      this.#undos.push(onEnd(() => command("ip", "netns", "del", namespace)));
      const peer = ["peer", "name", "eth0", "netns", namespace];
      command("ip", "link", "add", outer, "type", "veth", ...peer);
      // Not left to the namespace: connections that were cut off keep it alive for minutes.
      this.#undos.push(onEnd(() => command("ip", "link", "del", outer)));
      command("ip", "link", "set", outer, "master", bridge, "up");
      const within = ["ip", "-n", namespace];
      command(...within, "address", "add", `${this.#hostOf(node)}/24`, "dev", "eth0");
      command(...within, "link", "set", "eth0", "up");
      command(...within, "link", "set", "lo", "up");
      command("nsenter", `--net=/run/netns/${namespace}`, "nft", ruleset([]));
    }
  }

  /** Whether tc has netem. Throws where nodes do not reach one another. */
  #probe(): boolean {
    const [first = "", second = first] = this.#nodes;
    const dial =
      `require("net").connect({host:"${this.#hostOf(second)}",port:9})` +
      `.on("error",e=>process.exit(e.code==="ECONNREFUSED"?0:1)).setTimeout(3000,()=>process.exit(1))`;
    if (!succeeds(...this.prefixFor(first), process.execPath, "-e", dial)) {
      throw new Error("namespaces on one bridge do not reach one another");
    }
    const qdisc = ["dev", "eth0", "root"];
    const tc = ["tc", "-n", this.#namespace(first), "qdisc"];
    if (succeeds(...tc, "add", ...qdisc, "netem", "delay", "1ms")) {
      command(...tc, "del", ...qdisc);
      return true;
    }
    return false;
  }

  async #applyTo(node: string, rules: readonly NetworkRule[]): Promise<void> {
    const drops = rules.flatMap((rule) => this.#dropsOf(rule, node));
    const slow = rules.find((rule) => rule.type === "slow" && rule.node === node);
    const wanted = JSON.stringify([drops, slow]);
    if (this.#applied.get(node) === wanted) return;
    this.#applied.set(node, wanted);
    const inside = this.prefixFor(node);
    await commandLater(...inside, "nft", ruleset(drops));
    // Nothing to delete is no failure.
    await commandLater(...inside, "tc", "qdisc", "del", "dev", "eth0", "root").catch(
      () => undefined,
    );
    if (slow?.type !== "slow") return;
    const shape = this.#hasNetem
      ? ["netem", "delay", `${slow.delayMs}ms`, `${Math.ceil(slow.delayMs / 4)}ms`]
      : ["tbf", "rate", `${slow.kbit}kbit`, "burst", "16kb", "latency", "2s"];
    await commandLater(...inside, "tc", "qdisc", "add", "dev", "eth0", "root", ...shape);
  }

  /** What the node must drop. Packets to parties outside of the namespaces are dropped as they leave. */
  #dropsOf(rule: NetworkRule, node: string): readonly string[] {
    switch (rule.type) {
      case "block":
        if (rule.to === node) return [`input ip saddr ${this.#hostOf(rule.from)} drop`];
        if (rule.from === node && !this.#nodes.includes(rule.to)) {
          return [`output ip daddr ${this.#hostOf(rule.to)} drop`];
        }
        return [];
      case "loss":
        if (rule.node !== node) return [];
        return [`input numgen random mod 1000 < ${Math.round(rule.share * 1000)} drop`];
      case "slow":
      case "cut":
        return [];
    }
  }

  #hostOf(party: string): string {
    if (party === clients) return `${this.#subnet}.1`;
    if (party === storeParty) return this.storeHost;
    return `${this.#subnet}.${11 + this.#nodes.indexOf(party)}`;
  }

  #namespace(node: string): string {
    return `${namespacePrefix}${process.pid}-${node}`;
  }
}

/** An nft script, as one argument, that replaces all rules at once. */
function ruleset(drops: readonly string[]): string {
  return [
    "table inet suraft",
    "delete table inet suraft",
    "add table inet suraft",
    "add chain inet suraft input { type filter hook input priority 0; }",
    "add chain inet suraft output { type filter hook output priority 0; }",
    ...drops.map((drop) => `add rule inet suraft ${drop}`),
  ].join("\n");
}

/** The first three numbers of a subnet that no route of this machine names. */
function freeSubnet(): string {
  const routes = command("ip", "route", "show", "table", "all");
  for (let tries = 0; tries < 256; tries++) {
    const subnet = `198.18.${(process.pid + tries) % 256}`;
    if (!routes.includes(`${subnet}.`)) return subnet;
  }
  throw new Error("no subnet of 198.18.0.0/16 is free");
}
