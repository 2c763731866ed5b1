/** The network between the nodes, their clients and their store, and what can be done to it. */

/** Nodes are parties, by their ids, and these. */
export const clients = "clients";
export const storeParty = "store";

/** What holds on the network while a fault lasts. */
export type NetworkRule =
  /** Nothing that `from` sends reaches `to`. */
  | { readonly type: "block"; readonly from: string; readonly to: string }
  /** Of what reaches the node, this share is lost. */
  | { readonly type: "loss"; readonly node: string; readonly share: number }
  /** What the node sends arrives late: by so much, or as late as a link of this rate makes it. */
  | {
      readonly type: "slow";
      readonly node: string;
      readonly delayMs: number;
      readonly kbit: number;
    }
  /** The node's connections are reset, once. */
  | { readonly type: "cut"; readonly node: string };

export interface Network {
  /** What it is made of, for people. */
  readonly description: string;
  readonly rules: ReadonlySet<NetworkRule["type"]>;
  /** The address of this machine at which nodes find their stores. */
  readonly storeHost: string;
  /** Where a node listens. */
  listenAddress(nodeId: string): string;
  /** Where a party reaches a node. */
  addressFor(party: string, nodeId: string): string;
  /** The command that runs a node's command in its place on the network. */
  prefixFor(nodeId: string): readonly string[];
  /** Makes these rules hold, and no others. */
  apply(rules: readonly NetworkRule[]): Promise<void>;
  close(): Promise<void>;
}
