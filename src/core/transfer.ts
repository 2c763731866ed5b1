/**
 * Leadership handed over on purpose (PROTOCOL.md section 6): the leader sends no new batch, lets
 * the window drain, and tells the target to stand at once. Clients' appends wait meanwhile.
 *
 * Invariant: a transfer ends, whatever happens: the target leads, another node does, or its time is
 * up and the leader goes on.
 */

import { assert } from "./assert.js";
import { mayStand, memberOf, peersOf } from "./members.js";
import type { Context } from "./context.js";
import type { Followers } from "./followers.js";
import type { KnownLog } from "./known-log.js";
import type { TransferOutcome } from "./protocol.js";
import type { Epoch, NodeId, Position } from "./types.js";

/** One transfer under way. */
interface Handover {
  readonly target: NodeId;
  /** Whether somebody waits for its end. */
  readonly asked: boolean;
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

/** How often the time between two transfers that fail doubles. */
const preferencesMax = 6;

export class Transfer {
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #followers: Followers;
  #handover: Handover | undefined;
  /** When this node may next hand over by itself, and how often it has tried. */
  #preferTick = 0;
  #preferences = 0;

  constructor(context: Context, log: KnownLog, followers: Followers) {
    this.#context = context;
    this.#log = log;
    this.#followers = followers;
  }

  get underWay(): boolean {
    return this.#handover !== undefined;
  }

  /**
   * Begins; the answer is a `transferred` effect. Without a target, the follower that was heard
   * lately and holds the most is chosen.
   */
  begin(wanted: NodeId | undefined, timeoutTicks: number): void {
    const target = wanted ?? this.#best();
    assert(this.#handover === undefined, "one transfer is under way at a time");
    if (target === undefined || !this.#followers.isLive(target))
      return this.refuse(target, "unreachable");
    const { now } = this.#context;
    this.#handover = { target, asked: true, untilTick: now + timeoutTicks, tellTick: now };
  }

  /**
   * Begins by itself where a voter that is heard, and holds the log, is to be preferred to this node.
   * Returns whether it has begun. What fails is tried again ever more rarely.
   */
  prefer(): boolean {
    const { now, options } = this.#context;
    const { nodeId, settings } = options;
    if (this.#handover !== undefined || now < this.#preferTick) return false;
    const list = this.#log.members;
    const own = mayStand(list, nodeId) ? (memberOf(list, nodeId)?.priority ?? 0) : 0;
    const target = this.#best();
    if (target === undefined || (memberOf(list, target)?.priority ?? 0) <= own) return false;
    const isBehind = this.#followers.tailOf(target) < this.#log.tail - settings.window;
    if (isBehind) return false;
    const untilTick = now + settings.electionTicksMax;
    this.#preferTick = untilTick + settings.electionTicksMax * 2 ** this.#preferences;
    this.#preferences = Math.min(this.#preferences + 1, preferencesMax);
    this.#handover = { target, asked: false, untilTick, tellTick: now };
    return true;
  }

  /** It cannot begin, or is done already: the target leads. */
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
      if (leader === target) this.#preferences = 0;
      const outcome = !isOver ? "timedOut" : leader === target ? "done" : "lost";
      if (handover.asked) this.#context.emit({ type: "transferred", outcome, target });
      return true;
    }
    if (outgoing?.isDrained !== true || now < handover.tellTick) return false;
    handover.tellTick = now + options.settings.heartbeatTicks;
    const { epoch } = outgoing;
    const message = { type: "standNow", epoch, tailPosition: this.#log.tail } as const;
    this.#context.emit({ type: "send", to: target, message });
    return false;
  }

  /** Of the voters that are heard, the one with the greatest priority; of equals, the one that holds most. */
  #best(): NodeId | undefined {
    let best: { readonly nodeId: NodeId; readonly rank: readonly [number, Position] } | undefined;
    for (const { nodeId, voter, priority } of peersOf(
      this.#log.members,
      this.#context.options.nodeId,
    )) {
      if (!voter || priority === 0 || !this.#followers.isLive(nodeId)) continue;
      const rank = [priority, this.#followers.tailOf(nodeId)] as const;
      const isBetter =
        best === undefined ||
        rank[0] > best.rank[0] ||
        (rank[0] === best.rank[0] && rank[1] > best.rank[1]);
      if (isBetter) best = { nodeId, rank };
    }
    return best?.nodeId;
  }
}
