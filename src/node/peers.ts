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
  readonly members: readonly NodeMember[];
  /** How long a vote, a barrier or a former leader's answer may take. */
  readonly timeoutMs: number;
  readonly router: AppendRouter;
  readonly logger: Logger;
  readonly receive: (sender: Sender, message: Message) => void;
}

interface Forward {
  readonly nodeId: string;
  readonly stream: ForwardStream<RoutedAppend>;
}

export class Peers {
  readonly #router: AppendRouter;
  readonly #timeoutMs: number;
  readonly #clients = new Map<string, PeerClient>();
  #forward: Forward | undefined;

  constructor(options: PeersOptions) {
    const { self, members, timeoutMs, logger, receive } = options;
    this.#router = options.router;
    this.#timeoutMs = timeoutMs;
    for (const { nodeId, address } of members) {
      if (nodeId === self.nodeId) continue;
      const onReachable = (reachable: boolean, reason: string): void => {
        if (reachable) logger.info(`${nodeId} at ${address} answers`);
        else logger.warn(`${nodeId} at ${address} does not answer: ${reason}`);
      };
      const client = new PeerClient({ self, nodeId, address, timeoutMs, receive, onReachable });
      this.#clients.set(nodeId, client);
    }
  }

  /** Sends a message; it may get lost. */
  send(to: string, message: Message): void {
    this.#clients.get(to)?.send(message);
  }

  /** Hands appends on to the leader; the router hears what became of them. */
  forward(leaderId: string, appends: readonly RoutedAppend[]): void {
    if (this.#forward?.nodeId !== leaderId || !this.#forward.stream.isOpen) {
      this.#forward?.stream.end();
      this.#forward = this.#openForward(leaderId);
    }
    if (this.#forward !== undefined) return this.#forward.stream.send(appends);
    this.#router.returned(appends, new SuraftError("not_leader", `${leaderId} is no member`));
  }

  /** Another node leads: what was handed to the one before must be answered soon. */
  leads(leaderId: string): void {
    if (this.#forward === undefined || this.#forward.nodeId === leaderId) return;
    this.#forward.stream.end();
    this.#forward = undefined;
  }

  /** Nothing more comes of the appender. */
  closed(appender: RoutedAppender): void {
    this.#forward?.stream.closeStream(appender);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #openForward(nodeId: string): Forward | undefined {
    const peer = this.#clients.get(nodeId);
    if (peer === undefined) return undefined;
    const router = this.#router;
    const stream = new ForwardStream<RoutedAppend>({
      peer,
      graceMs: this.#timeoutMs,
      committed: (run) => router.committed(run),
      repeated: (append, repeat) => router.repeated(append, repeat),
      returned: (append, error) => router.returned([append], error),
      unknown: (appends, error) => router.unknown(appends, error),
    });
    return { nodeId, stream };
  }
}
