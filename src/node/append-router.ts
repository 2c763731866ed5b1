/**
 * Takes appends to wherever they can be committed: this node's core while it leads, the leader
 * while another node does, and a queue while nobody does (PROTOCOL.md section 8).
 *
 * Invariant: the bytes of all appends without an answer are bounded by `queueBytesMax`, and by one
 * more append of each client: what is beyond is refused as it comes, before it costs anything.
 * Invariant: an append from another node is never forwarded again.
 */

import { SuraftError } from "../errors.js";
import { RoutedAppender } from "./routed-appender.js";
import type { Acknowledged, Appender, AppenderOptions, AppendListener } from "./node.js";
import type { RoutedAppend } from "./routed-append.js";
import type { Router } from "./routed-appender.js";

/** Where appends go now. */
export type Route =
  | { readonly type: "here" }
  | { readonly type: "leader"; readonly nodeId: string }
  | { readonly type: "nowhere" }
  /** This node will know no leader any more. */
  | { readonly type: "never"; readonly error: SuraftError };

/** Appends that were committed together: the first begins at `firstIndex`. */
export interface CommittedRun {
  readonly appends: readonly RoutedAppend[];
  readonly firstIndex: number;
  readonly term: number;
  readonly timestampMs: number;
  /** The producers that they opened, in order. */
  readonly openedIds?: readonly number[];
}

export interface AppendRouterOptions {
  readonly queueBytesMax: number;
  /** How long an append without a deadline waits for a leader. */
  readonly patienceMs: number;
  /** Milliseconds by a monotonic clock. */
  readonly clock: () => number;
  /** How long appends that come now gather company before the core gets them, in milliseconds. */
  readonly gatherMs: () => number;
  readonly toCore: (appends: readonly RoutedAppend[]) => void;
  readonly toLeader: (nodeId: string, appends: readonly RoutedAppend[]) => void;
  /** Nothing more comes of the appender: a leader that has a stream for it need not keep it. */
  readonly onClosed: (appender: RoutedAppender) => void;
}

/** An answer must leave this long before the caller's deadline to arrive in time. */
const answerMarginMs = 50;
/** Before appends that a leader refused are handed on again, unless another leader is heard of. */
const retryDelayMs = 25;
/**
 * The part of the queue's bound beyond which nothing is taken in but single appends that were being
 * read when it was reached. One share for all: sessions would keep single appends out for ever.
 */
const unreadShare = 7 / 8;
/** What an overloaded client is asked to wait. */
const overloadDelayMs = 100;

export class AppendRouter implements Router {
  readonly #options: AppendRouterOptions;
  #route: Route = { type: "nowhere" };
  /** Another number whenever appends may go to another leadership, or by another stream, than before. */
  #way = 0;
  #submitted: RoutedAppend[] = [];
  #flushing = false;
  #bytes = 0;
  /** The appenders with appends that have no answer. */
  readonly #waiting = new Set<RoutedAppender>();
  #idle: () => void = () => undefined;
  #stopping = false;
  /** Whose appends came back and are to be tried again. */
  readonly #retrying = new Set<RoutedAppender>();
  /** Set while they wait for that, and all other appends behind them. */
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: AppendRouterOptions) {
    this.#options = options;
  }

  open(listener: AppendListener, options: AppenderOptions): Appender {
    return new RoutedAppender(this, listener, options);
  }

  /** The leader has changed: what waits goes to it. */
  setRoute(route: Route): void {
    this.#route = route;
    this.#way++;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#scheduleFlush();
  }

  /**
   * Takes nothing in any more; what waits for a leader is given back. Resolves once every append has
   * its answer.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    const idle = new Promise<void>((resolve) => (this.#idle = resolve));
    this.#flush();
    if (this.#waiting.size > 0) await idle;
  }

  /** Whatever has no answer may be in the log or not: the node ends before it can know. */
  abandon(): void {
    const error = new SuraftError(
      "unknown_outcome",
      "the node stopped before the outcome was known",
    );
    for (const appender of this.#waiting) appender.abandon(error);
  }

  began(appender: RoutedAppender): void {
    this.#waiting.add(appender);
  }

  admit({ sizeBytes, owner }: RoutedAppend): SuraftError | undefined {
    this.#bytes += sizeBytes;
    // One alone fits, whatever its size.
    if (this.#bytes === sizeBytes) return undefined;
    if (!owner.single || owner.forwarded) return this.refusal();
    return this.#bytes > this.#options.queueBytesMax ? overloaded : undefined;
  }

  /** Why an append that stands alone is not even read: there is room only for those being read. */
  refusal(): SuraftError | undefined {
    return this.#bytes > this.#options.queueBytesMax * unreadShare ? overloaded : undefined;
  }

  ended(appender: RoutedAppender): void {
    this.#waiting.delete(appender);
    if (this.#waiting.size === 0) this.#idle();
  }

  closed(appender: RoutedAppender): void {
    this.#options.onClosed(appender);
  }

  landed(): void {
    this.#scheduleFlush();
  }

  submit(append: RoutedAppend): void {
    this.#submitted.push(append);
    this.#scheduleFlush();
  }

  withdraw(appender: RoutedAppender): void {
    this.#submitted = this.#submitted.filter((append) => append.owner !== appender);
  }

  retry(appender: RoutedAppender): void {
    this.#retrying.add(appender);
    this.#scheduleFlush();
  }

  settled(append: RoutedAppend): void {
    this.#bytes -= append.sizeBytes;
  }

  expiry({ deadlineMs }: AppenderOptions): number {
    const now = this.#options.clock();
    if (deadlineMs === undefined) return now + this.#options.patienceMs;
    return now + deadlineMs - Date.now() - answerMarginMs;
  }

  /** Gives up what has waited too long for a leader. */
  tick(): void {
    if (this.#route.type !== "nowhere" || this.#submitted.length === 0) return;
    const now = this.#options.clock();
    const late = this.#submitted.filter((append) => append.expiresAtMs <= now);
    if (late.length === 0) return;
    this.#submitted = this.#submitted.filter((append) => append.expiresAtMs > now);
    const error = new SuraftError("unavailable", "no leader was found in time; retry");
    for (const append of late) append.owner.giveBack(append, error);
  }

  /** Acknowledges appends that the log now holds, those of one client together. */
  committed(run: CommittedRun): void {
    const { appends, term, timestampMs, openedIds = [] } = run;
    let { firstIndex } = run;
    let opened = 0;
    for (let start = 0; start < appends.length;) {
      const first = appends[start];
      const producerId = opens(first) ? openedIds[opened++] : undefined;
      let end = start + 1;
      let entryCount = first?.entryCount ?? 0;
      for (; producerId === undefined && end < appends.length; end++) {
        const append = appends[end];
        if (append?.owner !== first?.owner || opens(append)) break;
        entryCount += append?.entryCount ?? 0;
      }
      first?.owner.committed(appends.slice(start, end), {
        appendCount: end - start,
        firstIndex,
        entryCount,
        term,
        timestampMs,
        ...(producerId === undefined ? {} : { producerId }),
      });
      firstIndex += entryCount;
      start = end;
    }
  }

  /** The append is not made again: the log held it before. */
  repeated(append: RoutedAppend, acknowledged: Acknowledged): void {
    append.owner.repeated(append, acknowledged);
  }

  /**
   * Appends are certainly not in the log; those worth it are sent again by their owners. What was
   * lost with a leader may go another way than what is still under way.
   */
  returned(appends: readonly RoutedAppend[], error: SuraftError): void {
    if (error.kind === "not_leader") this.#way++;
    this.#giveBack(appends, error);
  }

  /** Appends may be in the log or not. */
  unknown(appends: readonly RoutedAppend[], error: SuraftError): void {
    this.#way++;
    for (const append of appends) append.owner.fail(append, error);
  }

  #giveBack(appends: readonly RoutedAppend[], error: SuraftError): void {
    if (error.kind === "not_leader") this.#delayRetry();
    for (const append of appends) append.owner.giveBack(append, error);
  }

  /** Appends that come in one turn of the event loop travel together. */
  #scheduleFlush(): void {
    if (this.#flushing || this.#retryTimer !== undefined) return;
    if (this.#submitted.length === 0 && this.#retrying.size === 0) return;
    this.#flushing = true;
    const flush = (): void => {
      this.#flushing = false;
      this.#flush();
    };
    const gatherMs = this.#route.type === "here" ? this.#options.gatherMs() : 0;
    if (gatherMs > 0) setTimeout(flush, gatherMs);
    else setImmediate(flush);
  }

  #delayRetry(): void {
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      this.#scheduleFlush();
    }, retryDelayMs);
  }

  #flush(): void {
    for (const appender of this.#retrying) appender.resubmit();
    this.#retrying.clear();
    if (this.#stopping) return this.#refuseAll(stopping);
    if (this.#route.type === "never") return this.#refuseAll(this.#route.error);
    const appends = this.#takeOpen();
    if (appends.length === 0) return;
    if (this.#route.type === "here") {
      const ready = this.#takeReady(appends);
      if (ready.length > 0) this.#options.toCore(ready);
      return;
    }
    const own = appends.filter((append) => !append.owner.forwarded);
    if (this.#route.type === "nowhere") {
      this.#putBack(own);
    } else {
      const ready = this.#takeReady(own);
      if (ready.length > 0) this.#options.toLeader(this.#route.nodeId, ready);
    }
    if (own.length === appends.length) return;
    this.#giveBack(
      appends.filter((append) => append.owner.forwarded),
      notLeader,
    );
  }

  /** What may go now, in order; the rest waits for appends that went another way. */
  #takeReady(appends: readonly RoutedAppend[]): readonly RoutedAppend[] {
    const ready: RoutedAppend[] = [];
    const waiting: RoutedAppend[] = [];
    for (const append of appends) {
      if (append.owner.mayTake(this.#way)) {
        append.owner.takes(this.#way, append);
        ready.push(append);
      } else {
        waiting.push(append);
      }
    }
    this.#putBack(waiting);
    return ready;
  }

  /** Before all that has come since. */
  #putBack(appends: readonly RoutedAppend[]): void {
    if (appends.length > 0) this.#submitted = appends.concat(this.#submitted);
  }

  /** What may be begun, in order: not of a client that has failed or gone. */
  #takeOpen(): readonly RoutedAppend[] {
    const submitted = this.#submitted;
    this.#submitted = [];
    const open = submitted.filter(({ owner }) => owner.isOpen);
    if (open.length < submitted.length) {
      for (const append of submitted) {
        const { owner } = append;
        if (!owner.isOpen) owner.giveBack(append, owner.notBegun());
      }
    }
    return open;
  }

  #refuseAll(error: SuraftError): void {
    const appends = this.#submitted;
    this.#submitted = [];
    for (const append of appends) {
      append.owner.giveBack(append, append.owner.forwarded ? notLeader : error);
    }
  }
}

const stopping = new SuraftError("unavailable", "the node is stopping; use another");
const notLeader = new SuraftError("not_leader", "this node does not lead");
/** One for all: an overloaded node has better to do than to make and to encode thousands. */
const overloaded = new SuraftError("overloaded", "too many appends are under way; slow down", {
  details: { outcome: "not_committed" },
  retryDelayMs: overloadDelayMs,
});

function opens(append: RoutedAppend | undefined): boolean {
  return append?.options?.control?.type === "open";
}
