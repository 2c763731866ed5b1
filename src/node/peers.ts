/** The ways to the other members: one connection each, and one stream of appends to the leader. */

import type { Logger } from "winston";
import { SuraftError } from "../errors.js";
import { ForwardStream } from "../peer/forward-stream.js";
import { PeerClient } from "../peer/peer-client.js";
import type { Message, Sender } from "../core/protocol.js";
import type { Identity } from "../peer/messages.js";
import type { AppendRouter } from "./append-router.js";
import type { NodeMember } from "./node.js";
import type { RoutedAppend } from "./routed-append.js";
import type { RoutedAppender } from "./routed-appender.js";

export interface PeersOptions {
  readonly self: Identity;
  /** How long a vote, a barrier or a former leader's answer may take. */
  readonly timeoutMs: number;
  readonly router: AppendRouter;
  readonly logger: Logger;
  readonly receive: (sender: Sender, message: Message) => void;
  readonly onLeaderNamed: (leaderId: string) => void;
}

interface Peer {
  readonly address: string;
  readonly client: PeerClient;
  /** Set while it is no member any more: then the connection ends. */
  leaving: NodeJS.Timeout | undefined;
}

/** A node that was removed hears of the next leader for so many election timeouts. */
const leavingTimeouts = 16;

interface Forward {
  readonly nodeId: string;
  readonly stream: ForwardStream<RoutedAppend>;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  #forward: Forward | undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Who the members are now, and where. One that is no member any more can be reached for a while. */
  update(members: readonly NodeMember[]): void {
    const { self, timeoutMs } = this.#options;
    for (const [nodeId, peer] of this.#peers) {
      clearTimeout(peer.leaving);
      peer.leaving = undefined;
      const address = members.find((member) => member.nodeId === nodeId)?.address;
      if (address === peer.address) continue;
      if (address !== undefined) this.#drop(nodeId, peer);
      else peer.leaving = setTimeout(() => this.#drop(nodeId, peer), leavingTimeouts * timeoutMs);
    }
    for (const { nodeId, address } of members) {
      if (nodeId === self.nodeId || this.#peers.has(nodeId)) continue;
      const client = this.#connect(nodeId, address);
      this.#peers.set(nodeId, { address, client, leaving: undefined });
    }
  }

  /** A node that did not answer is there again: no more waiting before the next try to connect. */
  isBack(nodeId: string): void {
    const peer = this.#peers.get(nodeId);
    if (peer?.client.isSilent !== true) return;
    peer.client.close();
    this.#peers.set(nodeId, { ...peer, client: this.#connect(nodeId, peer.address) });
  }

  /** Tells every other member where this node is. */
  announce(address: string): void {
    for (const { client } of this.#peers.values()) client.announce(address);
  }

  /** Sends a message; it may get lost. */
  send(to: string, message: Message): void {
    this.#peers.get(to)?.client.send(message);
  }

  /** Hands appends on to the leader; the router hears what became of them. */
  forward(leaderId: string, appends: readonly RoutedAppend[]): void {
    if (this.#forward?.nodeId !== leaderId || !this.#forward.stream.isOpen) {
      this.#endForward();
      this.#forward = this.#openForward(leaderId);
    }
    if (this.#forward !== undefined) return this.#forward.stream.send(appends);
    this.#options.router.returned(
      appends,
      new SuraftError("not_leader", `${leaderId} is no member`),
    );
  }

  /** Another node leads: what was handed to the one before must be answered soon. */
  leads(leaderId: string): void {
    if (this.#forward !== undefined && this.#forward.nodeId !== leaderId) this.#endForward();
  }

  /** Nothing more comes of the appender. */
  closed(appender: RoutedAppender): void {
    this.#forward?.stream.closeStream(appender);
  }

  close(): void {
    for (const { client, leaving } of this.#peers.values()) {
      clearTimeout(leaving);
      client.close();
    }
  }

  #drop(nodeId: string, { client }: Peer): void {
    if (this.#forward?.nodeId === nodeId) this.#endForward();
    client.close();
    this.#peers.delete(nodeId);
  }

  #connect(nodeId: string, address: string): PeerClient {
    const { self, timeoutMs, logger, receive, onLeaderNamed } = this.#options;
    const onReachable = (reachable: boolean, reason: string): void => {
      if (reachable) logger.info(`${nodeId} at ${address} answers`);
      else logger.warn(`${nodeId} at ${address} does not answer: ${reason}`);
    };
    const told = { receive, onReachable, onLeaderNamed };
    return new PeerClient({ self, nodeId, address, timeoutMs, ...told });
  }

  #endForward(): void {
    this.#forward?.stream.end();
    this.#forward = undefined;
  }

  #openForward(nodeId: string): Forward | undefined {
    const peer = this.#peers.get(nodeId)?.client;
    if (peer === undefined) return undefined;
    const { router, timeoutMs } = this.#options;
    const stream = new ForwardStream<RoutedAppend>({
      peer,
      graceMs: timeoutMs,
      committed: (run) => router.committed(run),
      repeated: (append, repeat) => router.repeated(append, repeat),
      returned: (appends, error) => router.returned(appends, error),
      unknown: (appends, error) => router.unknown(appends, error),
    });
    return { nodeId, stream };
  }
}
