/**
 * Tells two processes with one node id apart: the second is refused while the first is heard
 * (PROTOCOL.md section 6). It keeps order in the cluster; the log's safety does not need it.
 *
 * A process that was started again must not be taken for a second one: only if the old process is
 * still heard an election timeout after the new one came is the new one refused.
 */

import type { Context } from "./context.js";
import type { Message, Sender } from "./protocol.js";
import type { NodeId } from "./types.js";

interface Process {
  readonly incarnation: string;
  heardTick: number;
}

interface Peer {
  first: Process;
  /** Another incarnation, and when it came. */
  second: (Process & { readonly sinceTick: number }) | undefined;
}

export class PeerProcesses {
  readonly #context: Context;
  readonly #peers = new Map<NodeId, Peer>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Notes the sender; returns whether it is a second process beside one that is alive. */
  isSecond({ nodeId, incarnation }: Sender): boolean {
    const { now } = this.#context;
    const heard = { incarnation, heardTick: now };
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      this.#peers.set(nodeId, { first: heard, second: undefined });
      return false;
    }
    if (incarnation === peer.first.incarnation) {
      peer.first.heardTick = now;
      return false;
    }
    if (incarnation !== peer.second?.incarnation) peer.second = { ...heard, sinceTick: now };
    return this.#judge(peer, peer.second);
  }

  /** Answers a request of a second process. */
  refuse(to: NodeId, message: Message): void {
    if (message.type === "voteRequest") {
      const { term, preVote } = message;
      this.#context.emit({
        type: "send",
        to,
        message: {
          type: "voteResponse",
          term: 0,
          requestTerm: term,
          preVote,
          granted: false,
          duplicate: true,
        },
      });
    }
    if (message.type === "heartbeatRequest") {
      this.#context.emit({
        type: "send",
        to,
        message: { type: "heartbeatResponse", term: 0, tailPosition: 0, duplicate: true },
      });
    }
  }

  #judge(peer: Peer, second: Process & { readonly sinceTick: number }): boolean {
    const { now, options } = this.#context;
    const { electionTicksMin, electionTicksMax } = options.settings;
    second.heardTick = now;
    if (now - peer.first.heardTick >= 2 * electionTicksMax) {
      peer.first = second;
      peer.second = undefined;
      return false;
    }
    return peer.first.heardTick - second.sinceTick >= electionTicksMin;
  }
}
