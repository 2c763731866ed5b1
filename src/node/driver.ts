/**
 * Feeds the core and performs its effects. It decides nothing about the protocol.
 *
 * Invariant: inputs are taken one at a time, each one's effects performed in order before the next.
 */

import type { Core } from "../core/core.js";
import type { MemberList } from "../core/members.js";
import type {
  Answer,
  Effect,
  Input,
  Message,
  RequestId,
  ReturnReason,
  Sender,
  TransferOutcome,
  View,
} from "../core/protocol.js";
import type { LedgerSnapshot } from "../core/ledger/snapshot.js";
import type { ManifestView } from "../core/manifest.js";
import type { Append, NodeId, Segment } from "../core/types.js";
import type { AgeClock } from "../log/age-clock.js";
import type { StoreRequests } from "./store-requests.js";

/** What the driver tells the node that it belongs to. */
export interface DriverListener {
  /** The log grew; `appends` are this node's own in it, and `openedIds` the producers they opened. */
  committed(segment: Segment, appends: readonly Append[], openedIds: readonly number[]): void;
  /** The append is not made. */
  answered(append: Append, answer: Answer): void;
  returned(appends: readonly Append[], reason: ReturnReason): void;
  unknown(appends: readonly Append[]): void;
  viewChanged(view: View): void;
  membersChanged(list: MemberList): void;
  transferred(outcome: TransferOutcome, target: NodeId | undefined): void;
  /** What this node holds of the log begins anew, at the manifest's checkpoint. */
  leftBehind(manifest: ManifestView, ledger: LedgerSnapshot): void;
  stopped(): void;
  /** A bug: the process must end before it can do harm. */
  broken(error: unknown): void;
}

/** Answers a message that another node sent as a call. */
export type Reply = (message: Message) => void;

/** What the store is asked for. */
type StoreEffect = Extract<Effect, { readonly request: RequestId }>;

export interface DriverOptions {
  readonly core: Core;
  readonly requests: StoreRequests;
  readonly clock: AgeClock;
  readonly listener: DriverListener;
  /** Sends a request to a peer; it may get lost. Answers come back through {@link Driver.receive}. */
  readonly send: (to: NodeId, message: Message) => void;
}

export class Driver {
  readonly #options: DriverOptions;
  readonly #inputs: Input[] = [];
  #stepping = false;
  /** Whom the answer to the message in hand goes to. */
  #reply: Reply | undefined;
  /** Whom the answers to followers' questions go to, by node and question. */
  readonly #barriers = new Map<string, Reply>();
  readonly #reads = new Map<number, { resolve: () => void; reject: () => void }>();
  #nextRead = 1;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** Takes an input; if one is in hand, after it. */
  feed(input: Input): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.#options.core.step(next, this.#options.clock.ageMs);
        for (const effect of effects) this.#perform(effect);
      }
    } catch (error) {
      this.#options.listener.broken(error);
    } finally {
      this.#stepping = false;
    }
  }

  /** Takes a message from another node, and its answer to `reply` if there is one. */
  receive(sender: Sender, message: Message, reply: Reply): void {
    if (message.type === "barrierRequest") {
      this.#barriers.set(barrierKey(sender.nodeId, message.barrier), reply);
    }
    this.#reply = reply;
    this.feed({ type: "message", sender, message });
    this.#reply = undefined;
  }

  /** The follower that asked has gone. */
  forgetBarrier(nodeId: NodeId, barrier: number): void {
    this.#barriers.delete(barrierKey(nodeId, barrier));
  }

  /** Resolves to true once the log is held as far as a read that begins now must see. */
  async read(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const readId = this.#nextRead++;
    const cancel = (): void => {
      this.#reads.delete(readId);
      this.feed({ type: "readCancelled", readId });
    };
    return await new Promise<boolean>((resolve, reject) => {
      const aborted = (): void => {
        cancel();
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      signal.addEventListener("abort", aborted, { once: true });
      const settle = (proven: boolean): void => {
        signal.removeEventListener("abort", aborted);
        resolve(proven);
      };
      this.#reads.set(readId, { resolve: () => settle(true), reject: () => settle(false) });
      this.feed({ type: "read", readId });
    });
  }

  #perform(effect: Effect): void {
    if ("request" in effect) return void this.#ask(this.#answerTo(effect));
    const { listener } = this.#options;
    switch (effect.type) {
      case "deleteLease":
        return void this.#options.requests.deleteLease(effect.number);
      case "send":
        return this.#send(effect.to, effect.message);
      case "committed":
        return listener.committed(effect.segment, effect.appends, effect.openedIds ?? []);
      case "answered":
        return listener.answered(effect.append, effect.answer);
      case "leftBehind":
        return listener.leftBehind(effect.manifest, effect.ledger);
      case "returned":
        return listener.returned(effect.appends, effect.reason);
      case "unknown":
        return listener.unknown(effect.appends);
      case "readReady":
        for (const readId of effect.readIds) this.#takeRead(readId)?.resolve();
        return;
      case "readFailed":
        for (const readId of effect.readIds) this.#takeRead(readId)?.reject();
        return;
      case "view":
        return listener.viewChanged(effect.view);
      case "members":
        return listener.membersChanged(effect.list);
      case "transferred":
        return listener.transferred(effect.outcome, effect.target);
      case "stopped":
        return listener.stopped();
    }
  }

  async #answerTo(effect: StoreEffect): Promise<Input> {
    const { requests } = this.#options;
    const { request } = effect;
    switch (effect.type) {
      case "create":
        return { type: "createResult", request, outcome: await requests.create(effect.segment) };
      case "get":
        return { type: "getResult", request, outcome: await requests.get(effect.position) };
      case "readManifest":
        return { type: "manifestResult", request, outcome: await requests.readManifest() };
      case "readLedger": {
        const outcome = await requests.readLedger(effect.manifest);
        return { type: "ledgerResult", request, outcome };
      }
      case "listLeases":
        return { type: "leasesResult", request, outcome: await requests.listLeases(effect.after) };
      case "createLease": {
        const outcome = await requests.createLease(effect.number, effect.epoch);
        return { type: "leaseResult", request, outcome };
      }
    }
  }

  #send(to: NodeId, message: Message): void {
    switch (message.type) {
      case "voteRequest":
      case "heartbeatRequest":
      case "barrierRequest":
      case "standNow":
        return this.#options.send(to, message);
      case "voteResponse":
      case "heartbeatResponse":
        this.#reply?.(message);
        return;
      case "barrierResponse": {
        const key = barrierKey(to, message.barrier);
        this.#barriers.get(key)?.(message);
        this.#barriers.delete(key);
        return;
      }
    }
  }

  /** Performs a request; its answer comes back as an input. */
  async #ask(answer: Promise<Input>): Promise<void> {
    try {
      this.feed(await answer);
    } catch (error) {
      this.#options.listener.broken(error);
    }
  }

  #takeRead(readId: number): { resolve: () => void; reject: () => void } | undefined {
    const read = this.#reads.get(readId);
    this.#reads.delete(readId);
    return read;
  }
}

function barrierKey(nodeId: NodeId, barrier: number): string {
  return `${nodeId}/${barrier}`;
}
