/**
 * The client of a suraft cluster.
 *
 * Invariant: every failure is a SuraftError, whose kind says what to do next.
 * Invariant: a call is repeated, at the next node, only where it certainly changed nothing, or where
 * a producer's number makes the second a repeat of the first; every call ends within its time.
 */

import type { NodeStatus } from "../../gen/suraft/v1/cluster_pb.js";
import { SuraftError } from "../errors.js";
import { Addresses } from "./addresses.js";
import {
  consistencyOf,
  decodeAppended,
  decodeOutcome,
  decodeTail,
  decodeView,
  encodeAppend,
  encodeProducer,
} from "./codec.js";
import { callOptions, type CallBounds, type Connection } from "./connection.js";
import { exactNumber } from "./exact.js";
import { failureAfterUnknown, failureOf, isUnknown, judged } from "./failure.js";
import { decodeMembers, encodeMemberChange } from "./member-codec.js";
import { messagesOf } from "./messages.js";
import { openProducer } from "./producer.js";
import { readLog } from "./read.js";
import { callAny, isRetryable, isRetryableOnce } from "./retry.js";
import { AppendSession, type SessionOptions } from "./session.js";
import { getSnapshot, listSnapshots, putSnapshot } from "./snapshots.js";
import type {
  Appended,
  AppendOptions,
  AppendOutcome,
  CallOptions,
  ChangedMembers,
  MemberChange,
  NewEntry,
  NodeAddress,
  NodeView,
  GetSnapshotOptions,
  OutcomeOptions,
  ProducerSequence,
  PutSnapshot,
  PutSnapshotOptions,
  ReadOptions,
  ReadPart,
  SnapshotContent,
  SnapshotDownload,
  StoredSnapshot,
  Tail,
  Trimmed,
  TrimOptions,
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
   * `unknown_outcome` they may be in the log or not; after any other failure this call has not
   * appended them and never will. `conflict` says that a condition did not hold.
   *
   * With a producer's number the call is repeated, within its time, until the outcome is known; and
   * may be repeated by the caller, with the same number and entries, at any later time.
   */
  async append(entries: readonly NewEntry[], options: AppendOptions = {}): Promise<Appended> {
    const bounds = this.#bounds(options);
    const { producer } = options;
    const request = encodeAppend(entries, options, producer);
    let maybeInLog = false;
    const once = async (connection: Connection) => {
      const settings = { ...callOptions(bounds), lost: "unknown_outcome" } as const;
      const answer = connection.log.append(request, settings);
      return await judged(connection, "append", bounds, answer).catch((error: unknown) => {
        maybeInLog ||= isUnknown(error);
        throw error;
      });
    };
    try {
      const worthRetry = producer === undefined ? isRetryable : isRetryableOnce;
      return decodeAppended(await callAny(this.#addresses, bounds, once, worthRetry));
    } catch (error) {
      if (!maybeInLog || !(error instanceof SuraftError)) {
        throw error;
      }
      throw failureAfterUnknown(error, options);
    }
  }

  /**
   * Opens a producer; resolves to its id. It lives until 100,000 others were opened or used after it.
   * For a session none need be opened: it opens its own.
   */
  async openProducer(options: CallOptions = {}): Promise<number> {
    return await openProducer(this.#addresses, this.#bounds(options));
  }

  /** Says what became of a producer's append: as of now, and for good unless it is `undecided`. */
  async getOutcome(
    { producerId, sequence }: ProducerSequence,
    options: OutcomeOptions = {},
  ): Promise<AppendOutcome> {
    const bounds = this.#bounds(options);
    const settle = options.settle ?? false;
    const request = { ...encodeProducer({ producerId, sequence }), settle };
    return decodeOutcome(
      await callAny(this.#addresses, bounds, (connection) =>
        judged(connection, "none", bounds, connection.log.getOutcome(request, callOptions(bounds))),
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

  /**
   * Trims the log: entries before an index are gone for readers, for ever. Resolves to the index that
   * the log begins at. `out_of_range` beyond the next index; `conflict` if the log does not begin
   * where it is expected to: also where an earlier try of this call has trimmed it, its
   * `first_index` then being the one asked for. Safe to retry.
   */
  async trim(firstIndex: number, options: TrimOptions = {}): Promise<Trimmed> {
    const bounds = this.#bounds(options);
    const { expectedFirstIndex } = options;
    const expected =
      expectedFirstIndex === undefined ? {} : { expectedFirstIndex: BigInt(expectedFirstIndex) };
    const request = { firstIndex: BigInt(firstIndex), ...expected };
    const answer = await callAny(this.#addresses, bounds, (connection) =>
      judged(connection, "none", bounds, connection.log.trim(request, callOptions(bounds))),
    );
    return { firstIndex: exactNumber("first_index", answer.firstIndex) };
  }

  /**
   * Stores a snapshot of the application's state machine that covers every entry before an index;
   * durable and listed when it resolves. `out_of_range` if the log does not reach so far, `conflict` if
   * the newest snapshot covers more. Safe to retry: the same snapshot again is a repeat.
   */
  async putSnapshot(content: SnapshotContent, options: PutSnapshotOptions): Promise<PutSnapshot> {
    return await putSnapshot(this.#addresses, content, options);
  }

  /** The snapshots that there are, the newest first. */
  async snapshots(options: CallOptions = {}): Promise<readonly StoredSnapshot[]> {
    const bounds = this.#bounds(options);
    return await listSnapshots(this.#addresses, bounds, callOptions(bounds));
  }

  /**
   * Begins to get a snapshot, the newest by default; goes on at another node when one fails.
   * `out_of_range` if there is none, or not any more.
   */
  async getSnapshot(options: GetSnapshotOptions = {}): Promise<SnapshotDownload> {
    return await getSnapshot(this.#addresses, options);
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
  ): Promise<NodeAddress> {
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

  /**
   * Adds, removes and changes members in one step; resolves once the new list is committed. Rejects with
   * `invalid` if the change does not fit, with `conflict` if the list is not the expected one or a new
   * voter does not answer, with `unknown_outcome` if it may have been made: look at `status()` then.
   */
  async changeMembers(change: MemberChange, options: CallOptions = {}): Promise<ChangedMembers> {
    const bounds = this.#bounds(options);
    const request = encodeMemberChange(change);
    return decodeMembers(
      await callAny(this.#addresses, bounds, (connection) =>
        judged(
          connection,
          "append",
          bounds,
          connection.cluster.changeMembers(request, {
            ...callOptions(bounds),
            lost: "unknown_outcome",
          }),
        ),
      ),
    );
  }

  /**
   * Has the node at `address` lead without votes, for a cluster whose majority is lost; resolves to its
   * term. Nothing that was acknowledged is lost. Safe to retry.
   */
  async forceLeadership({
    address,
    ...options
  }: CallOptions & { readonly address: string }): Promise<number> {
    const bounds = this.#bounds(options);
    const connection = this.#addresses.at(address);
    await connection.ready(bounds);
    const { term } = await judged(
      connection,
      "none",
      bounds,
      connection.cluster.forceLeadership({}, callOptions(bounds)),
    );
    return exactNumber("term", term);
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

function viewIn(response: { readonly status?: NodeStatus | undefined }): NodeView {
  if (response.status === undefined) {
    throw new SuraftError("unavailable", "a node answered without a status");
  }
  return decodeView(response.status);
}
