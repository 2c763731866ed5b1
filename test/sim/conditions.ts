/** Which faults hold at the moment, as the store and the network ask for them. */

import type { FaultAction, OutageMode } from "./faults.js";

/** The weather: begins calm, and is calm again after `heal`. */
export class Conditions {
  readonly #nodeCount: number;
  readonly #active = new Set<FaultAction>();
  #blocked: boolean[] = [];
  #outages: (OutageMode | undefined)[] = [];
  #slowness: number[] = [];

  constructor(nodeCount: number) {
    this.#nodeCount = nodeCount;
    this.#derive();
  }

  begin(fault: FaultAction): void {
    this.#active.add(fault);
    this.#derive();
  }

  end(fault: FaultAction): void {
    this.#active.delete(fault);
    this.#derive();
  }

  heal(): void {
    this.#active.clear();
    this.#derive();
  }

  /** How the node's access to the store is out, if it is. */
  outage(node: number): OutageMode | undefined {
    return this.#outages[node];
  }

  /** By what the node's store requests take longer. */
  slowness(node: number): number {
    return this.#slowness[node] ?? 1;
  }

  /** Whether messages pass from one node to another. */
  linked(from: number, to: number): boolean {
    return this.#blocked[from * this.#nodeCount + to] !== true;
  }

  #derive(): void {
    this.#blocked = [];
    this.#outages = [];
    this.#slowness = [];
    for (const fault of this.#active) {
      if (fault.type === "cut") {
        this.#block(fault.from, fault.to);
        if (fault.bothWays) this.#block(fault.to, fault.from);
      } else if (fault.type === "flap") {
        this.#block([fault.from], [fault.to]);
      } else if (fault.type === "storeOutage") {
        for (const node of this.#nodesOf(fault.node)) this.#outages[node] = fault.mode;
      } else if (fault.type === "storeSlow") {
        for (const node of this.#nodesOf(fault.node)) this.#slowness[node] = fault.factor;
      }
    }
  }

  #nodesOf(node: number | undefined): number[] {
    return node === undefined
      ? Array.from({ length: this.#nodeCount }, (_, index) => index)
      : [node];
  }

  #block(from: readonly number[], to: readonly number[]): void {
    for (const one of from) {
      for (const other of to) {
        if (one !== other) this.#blocked[one * this.#nodeCount + other] = true;
      }
    }
  }
}
