/**
 * Leadership handed over on purpose (PROTOCOL.md section 6): the leader sends no new batch, lets
 * the window drain, and tells the target to stand at once. Clients' appends wait meanwhile.
 *
 * Invariant: a transfer ends, whatever happens: the target leads, another node does, or its time is
 * up and the leader goes on.
 */

import type { Context } from "./context.js";
import type { TransferOutcome } from "./protocol.js";
import type { Epoch, NodeId, Position } from "./types.js";

/** A follower, as far as its answers to heartbeats tell. */
interface Heard {
  readonly tail: Position;
  readonly atTick: number;
}

/** One transfer under way. */
interface Handover {
  readonly target: NodeId;
  readonly untilTick: number;
  /** When the target is to be told, again: messages get lost. */
  tellTick: number;
}

/** The leadership that is handed over. */
export interface Outgoing {
  readonly epoch: Epoch;
  /** Whether nothing sent waits for its fate. */
  readonly isDrained: boolean;
}

export class Transfer {
  readonly #context: Context;
  readonly #heard = new Map<NodeId, Heard>();
  #handover: Handover | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  get underWay(): boolean {
    return this.#handover !== undefined;
  }

  /** A follower has answered a heartbeat. */
  heard(from: NodeId, tail: Position): void {
    this.#heard.set(from, { tail, atTick: this.#context.now });
  }

  /**
   * Begins; the answer is a `transferred` effect. Without a target, the follower that was heard
   * lately and holds the most is chosen.
   */
  begin(wanted: NodeId | undefined, timeoutTicks: number): void {
    const target = wanted ?? this.#best();
    if (this.#handover !== undefined) return this.refuse(target, "busy");
    if (target === undefined || !this.#isLive(target)) return this.refuse(target, "unreachable");
    const { now } = this.#context;
    this.#handover = { target, untilTick: now + timeoutTicks, tellTick: now };
  }

  /** It cannot begin. */
  refuse(target: NodeId | undefined, outcome: TransferOutcome): void {
    this.#context.emit({ type: "transferred", outcome, target });
  }

  /**
   * Ends when another node leads or the time is up; returns whether it has ended. Until then tells
   * the target, once the window has drained, and again until it claims.
   */
  pump(leader: NodeId | undefined, outgoing: Outgoing | undefined): boolean {
    const handover = this.#handover;
    if (handover === undefined) return false;
    const { now, options } = this.#context;
    const { target } = handover;
    const isOver = leader !== undefined && leader !== options.nodeId;
    if (isOver || now >= handover.untilTick) {
      this.#handover = undefined;
      const outcome = !isOver ? "timedOut" : leader === target ? "done" : "lost";
      this.#context.emit({ type: "transferred", outcome, target });
      return true;
    }
    if (outgoing?.isDrained !== true || now < handover.tellTick) return false;
    handover.tellTick = now + options.settings.heartbeatTicks;
    const { epoch } = outgoing;
    this.#context.emit({ type: "send", to: target, message: { type: "standNow", epoch } });
    return false;
  }

  #best(): NodeId | undefined {
    let best: [NodeId, Heard] | undefined;
    for (const [nodeId, heard] of this.#heard) {
      if (!this.#isLive(nodeId)) continue;
      if (best === undefined || heard.tail > best[1].tail) best = [nodeId, heard];
    }
    return best?.[0];
  }

  #isLive(nodeId: NodeId): boolean {
    const heard = this.#heard.get(nodeId);
    const { now, options } = this.#context;
    return heard !== undefined && now - heard.atTick < options.settings.electionTicksMin;
  }
}
