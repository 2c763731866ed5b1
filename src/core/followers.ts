/** Who answers this leader's heartbeats, and how far each has read. */

import type { Context } from "./context.js";
import type { NodeId, Position } from "./types.js";

interface Heard {
  readonly tail: Position;
  readonly atTick: number;
}

export class Followers {
  readonly #context: Context;
  readonly #heard = new Map<NodeId, Heard>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** A follower has answered. */
  heard(from: NodeId, tail: Position): void {
    this.#heard.set(from, { tail, atTick: this.#context.now });
  }

  /** Whether it was heard within the minimum election timeout. */
  isLive(nodeId: NodeId): boolean {
    const heard = this.#heard.get(nodeId);
    const { now, options } = this.#context;
    return heard !== undefined && now - heard.atTick < options.settings.electionTicksMin;
  }

  /** Every position below is held by it. */
  tailOf(nodeId: NodeId): Position {
    return this.#heard.get(nodeId)?.tail ?? 0;
  }
}
