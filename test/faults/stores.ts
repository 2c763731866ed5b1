/** The stores that a cluster stands on here, and what can be done to them. */

import type { FaultProxy } from "../store/fault-proxy.js";

/** Which kind of store. */
export type StoreName = "directory" | "emulator";

export interface FaultStore {
  readonly name: StoreName;
  /** What it is made of, for people. */
  readonly description: string;
  /** The URL past all faults. */
  readonly url: string;
  urlFor(nodeId: string): string;
  /** The proxy between a node and the store, if there is one. */
  proxyOf(nodeId: string): FaultProxy | undefined;
  /** A disk that can be filled, if there is one. */
  readonly disk: SmallDisk | undefined;
  /** Waits until nothing is on its way to the store any more. */
  quiet(): Promise<void>;
  /** Nothing may use the store any more. */
  close(): Promise<void>;
}

export interface SmallDisk {
  fill(): Promise<void>;
  empty(): Promise<void>;
}
