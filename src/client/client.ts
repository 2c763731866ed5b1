/**
 * The client of a suraft cluster.
 *
 * Invariant: every failure is a SuraftError, whose kind says what to do next.
 * Invariant: a call is repeated, at the next node, only where it certainly changed nothing; every
 * call ends within its time.
 */

import type { NodeStatus } from "../../gen/suraft/v1/cluster_pb.js";
import { SuraftError } from "../errors.js";
import { Addresses } from "./addresses.js";
import { consistencyOf, decodeAppended, decodeTail, decodeView, encodeEntries } from "./codec.js";
import { callOptions, type CallBounds, type Connection } from "./connection.js";
import { failureOf, type CallEffect } from "./failure.js";
import { messagesOf } from "./messages.js";
import { readLog } from "./read.js";
import { callAny } from "./retry.js";
import { AppendSession, type SessionOptions } from "./session.js";
import type {
  Appended,
  CallOptions,
  Member,
  NewEntry,
  NodeView,
  ReadOptions,
  ReadPart,
  Tail,
} from "./types.js";

export interface ClientOptions {
  /** How long a call may take, with all its tries, unless it says otherwise. */
  readonly timeoutMs?: number;
  /** Hears of failures after which the client tries again. */
  readonly onRetry?: (error: SuraftError) => void;
}

const TIMEOUT_MS = 10_000;

/** Opens a client of the nodes at these addresses (`host:port`). Connects when it is first used. */
export function connect(addresses: readonly string[], options: ClientOptions = {}): Client {
  return new Client(addresses, options);
}

/** Made by {@link connect}. */
export class Client {
  readonly #addresses: Addresses;
  readonly #timeoutMs: number;

  constructor(addresses: readonly string[], options: ClientOptions) {
    this.#addresses = new Addresses(addresses, options.onRetry);
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  /**
   * Appends entries, all at consecutive indexes or none. They are durable when it resolves. After
   * `unknown_outcome` they may be in the log or not; after any other failure they certainly are not.
   */
  async append(entries: readonly NewEntry[], options: CallOptions = {}): Promise<Appended> {
    const bounds = this.#bounds(options);
    const request = { entries: encodeEntries(entries) };
    return decodeAppended(
      await callAny(this.#addresses, bounds, (connection) =>
        judged(
          connection,
          "append",
          bounds,
          connection.log.append(request, { ...callOptions(bounds), lost: "unknown_outcome" }),
        ),
      ),
    );
  }

  /** Opens a session: appends in order, many at once without an answer. */
  openSession(options: SessionOptions = {}): AppendSession {
    return new AppendSession(this.#addresses, this.#timeoutMs, options);
  }

  /** Reads entries in the order of their indexes; goes on at another node when one fails. */
  read(options: ReadOptions = {}): AsyncIterable<ReadPart> {
    return readLog(this.#addresses, options);
  }

  /** How far the log is: everything acknowledged before the call, or, `local`, what the node holds. */
  async tail(options: CallOptions & { readonly local?: boolean } = {}): Promise<Tail> {
    const bounds = this.#bounds(options);
    const request = { consistency: consistencyOf(options.local) };
    return decodeTail(
      await callAny(this.#addresses, bounds, (connection) =>
        judged(connection, "none", bounds, connection.log.getTail(request, callOptions(bounds))),
      ),
    );
  }

  /** The view of the node at `address`, or of any. */
  async status(options: CallOptions & { readonly address?: string } = {}): Promise<NodeView> {
    const bounds = this.#bounds(options);
    const { address } = options;
    const ask = (connection: Connection) =>
      judged(connection, "none", bounds, connection.cluster.getStatus({}, callOptions(bounds)));
    if (address === undefined) {
      return viewIn(await callAny(this.#addresses, bounds, ask));
    }
    const connection = this.#addresses.at(address);
    await connection.ready(bounds);
    return viewIn(await ask(connection));
  }

  /** The view of the node at `address` now and at every change. Ends with the node: not repeated. */
  async *watchStatus(
    address: string,
    options: CallOptions = {},
  ): AsyncGenerator<NodeView, void, undefined> {
    const connection = this.#addresses.at(address);
    await connection.ready(this.#bounds(options));
    const { signal } = options;
    const stream = connection.cluster.watchStatus({}, signal === undefined ? {} : { signal });
    try {
      for await (const response of messagesOf(stream)) {
        yield viewIn(response);
      }
    } catch (error) {
      const bounds = { endMs: Number.POSITIVE_INFINITY, signal };
      throw failureOf(error, { address, effect: "none", bounds });
    } finally {
      stream.cancel();
    }
  }

  /**
   * Has the leader hand over to another member, or to the one that holds the most; resolves once that
   * one leads. Rejects with `conflict` if it is not heard or did not take over in time; the old leader
   * then goes on. Safe to retry.
   */
  async transferLeadership(
    options: CallOptions & { readonly targetId?: string } = {},
  ): Promise<Member> {
    const bounds = this.#bounds(options);
    const request = { targetId: options.targetId ?? "" };
    const { leaderId, leaderAddress } = await callAny(this.#addresses, bounds, (connection) =>
      judged(
        connection,
        "none",
        bounds,
        connection.cluster.transferLeadership(request, callOptions(bounds)),
      ),
    );
    return { nodeId: leaderId, address: leaderAddress };
  }

  /** Closes all connections; calls under way fail. */
  close(): void {
    this.#addresses.close();
  }

  #bounds(options: CallOptions): CallBounds {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    return { endMs: performance.now() + timeoutMs, signal: options.signal };
  }
}

async function judged<Response>(
  connection: Connection,
  effect: CallEffect,
  bounds: CallBounds,
  answer: Promise<Response>,
): Promise<Response> {
  try {
    return await answer;
  } catch (error) {
    throw failureOf(error, { address: connection.address, effect, bounds });
  }
}

function viewIn(response: { readonly status?: NodeStatus | undefined }): NodeView {
  if (response.status === undefined) {
    throw new SuraftError("unavailable", "a node answered without a status");
  }
  return decodeView(response.status);
}
