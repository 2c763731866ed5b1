/**
 * The leader's signs of life: on their own timer, and at once when the log has grown
 * (PROTOCOL.md section 6).
 */

import { memberOf, peersOf } from "./members.js";
import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { Member, MemberList } from "./members.js";
import type { Epoch, NodeId, Position } from "./types.js";

/** A node that is no member any more hears of the leader for so many election timeouts. */
const formerTimeouts = 8;

export class Heartbeats {
  readonly #context: Context;
  readonly #log: KnownLog;
  #dueTick = 0;
  #announcedTail: Position = 0;
  /** Members until lately: their clients are to find the way. */
  #former: readonly Member[] = [];
  #formerUntilTick = 0;

  constructor(context: Context, log: KnownLog) {
    this.#context = context;
    this.#log = log;
  }

  /** A tenure begins: the others shall know at once. */
  begin(): void {
    this.#dueTick = this.#context.now;
  }

  /** The log has another list of members: those that it leaves out are told of the leader for a while. */
  membersChanged(before: MemberList, after: MemberList): void {
    const { now, options } = this.#context;
    this.#former = before.members.filter(({ nodeId }) => memberOf(after, nodeId) === undefined);
    this.#formerUntilTick = now + options.settings.electionTicksMax * formerTimeouts;
  }

  /** Sends what is due, in this epoch. Returns whether the timer was due. */
  pump(epoch: Epoch, leading: boolean, greatestLease: number | undefined): boolean {
    const { now, options } = this.#context;
    const due = now >= this.#dueTick;
    if (!due && !(leading && this.#log.tail > this.#announcedTail)) return false;
    if (due) this.#dueTick = now + options.settings.heartbeatTicks;
    this.#announcedTail = this.#log.tail;
    const message = {
      type: "heartbeatRequest",
      epoch,
      leading,
      tailPosition: this.#log.tail,
      nextIndex: this.#log.walk.nextIndex,
      greatestLease,
      replyWanted: due,
    } as const;
    for (const to of this.#receivers()) this.#context.emit({ type: "send", to, message });
    return due;
  }

  *#receivers(): Generator<NodeId, void> {
    const { now, options } = this.#context;
    const list = this.#log.members;
    for (const { nodeId } of peersOf(list, options.nodeId)) yield nodeId;
    if (now >= this.#formerUntilTick) return;
    for (const { nodeId } of this.#former) if (nodeId !== options.nodeId) yield nodeId;
  }
}
