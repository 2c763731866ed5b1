/**
 * A client's ordered appends on their way to a leader, which may change under way.
 *
 * Invariant: answers go to the listener in the order of the appends.
 * Invariant: appends are under way to one leadership at a time: a later append waits until the fates
 * of those that went another way are known. Else it could stand in the log before them.
 * Invariant: an append that certainly is not in the log is sent again only while every earlier
 * one is answered and none has failed, so the log never holds a later one without an earlier one.
 */

import assert from "node:assert";
import { SuraftError } from "../errors.js";
import { noKeys } from "../core/types.js";
import type { EntryKey } from "../core/types.js";
import type { EntryAppend } from "../log/segment-codec.js";
import type { EntryRun } from "../log/entry-run.js";
import type { Acknowledged, Appender, AppenderOptions, AppendListener } from "./node.js";

/** An append with what is known of its way. */
export class RoutedAppend implements EntryAppend {
  readonly run: EntryRun;
  readonly entryCount: number;
  readonly sizeBytes: number;
  readonly keys: readonly EntryKey[];
  readonly owner: RoutedAppender;
  /** When it fails for want of a leader, by the monotonic clock in milliseconds. */
  readonly expiresAtMs: number;
  /** Certainly not in the log, and why; it may be sent again. */
  returned: SuraftError | undefined = undefined;
  /** Its fate, once it failed for good. */
  failure: SuraftError | undefined = undefined;
  /** Queued in the router; under way to a leader; or neither: it came back, or waits behind one. */
  place: "queued" | "underWay" | "waiting" = "waiting";

  constructor(owner: RoutedAppender, run: EntryRun, expiresAtMs: number) {
    this.owner = owner;
    this.run = run;
    this.entryCount = run.entryCount;
    this.sizeBytes = run.bytes.length;
    this.keys = run.keys ?? noKeys;
    this.expiresAtMs = expiresAtMs;
  }
}

/** What an appender needs of its router. */
export interface Router {
  /** Takes an append to wherever it can be committed. */
  submit(append: RoutedAppend): void;
  /** Lets go of the appender's appends that are still queued. */
  withdraw(appender: RoutedAppender): void;
  /** The appender's oldest appends came back: call its `resubmit` when it is time to try again. */
  retry(appender: RoutedAppender): void;
  /** The append has its answer: its bytes no longer count. */
  answered(append: RoutedAppend): void;
  /** The appender has appends without an answer. */
  began(appender: RoutedAppender): void;
  /** It has none any more. */
  ended(appender: RoutedAppender): void;
  /** Nothing of the appender is under way any more: what waited for that may go. */
  landed(): void;
  /** When an append that begins now expires, by the monotonic clock. */
  expiry(options: AppenderOptions): number;
}

export class RoutedAppender implements Appender {
  readonly forwarded: boolean;
  readonly #router: Router;
  readonly #listener: AppendListener;
  readonly #options: AppenderOptions;
  /** Without an answer, in order; those before `#head` have theirs. */
  #outstanding: RoutedAppend[] = [];
  #head = 0;
  #failed = false;
  #closed = false;
  #queuedCount = 0;
  #underWayCount = 0;
  /** The way on which appends are, if any are. */
  #way = 0;

  constructor(router: Router, listener: AppendListener, options: AppenderOptions) {
    this.#router = router;
    this.#listener = listener;
    this.#options = options;
    this.forwarded = options.forwarded;
  }

  /** Whether an append of it may still be begun. */
  get isOpen(): boolean {
    return !this.#failed && !this.#closed;
  }

  /** Whether an append may go by this way now. */
  mayTake(way: number): boolean {
    return this.#underWayCount === 0 || this.#way === way;
  }

  /** The append goes by this way. */
  takes(way: number, append: RoutedAppend): void {
    assert(this.mayTake(way), "appends are under way to one leadership at a time");
    this.#leave(append);
    this.#way = way;
    this.#underWayCount++;
    append.place = "underWay";
  }

  append(run: EntryRun): void {
    const append = new RoutedAppend(this, run, this.#router.expiry(this.#options));
    const before = this.#outstanding.at(-1);
    if (before === undefined) this.#router.began(this);
    this.#outstanding.push(append);
    // Behind one that came back and was not sent again yet, it waits its turn.
    if (this.isOpen && before?.returned !== undefined) append.returned = before.returned;
    else if (this.isOpen) this.#submit(append);
    else this.giveBack(append, notBegun(this));
  }

  close(): void {
    this.#closed = true;
  }

  /** These appends, the oldest without an answer, are durable. */
  committed(appends: readonly RoutedAppend[], acknowledged: Acknowledged): void {
    // Abandoned before this was known: each has its answer already.
    if (appends[0]?.failure !== undefined) return;
    for (const append of appends) {
      assert(this.#outstanding[this.#head] === append, "the oldest append is answered first");
      this.#leave(append);
      this.#pop();
    }
    if (!this.#closed) this.#listener.acknowledged(acknowledged);
    this.#goOn();
  }

  /** The append is certainly not in the log. It is sent again if `error` is worth a retry. */
  giveBack(append: RoutedAppend, error: SuraftError): void {
    const lostLeader = !this.forwarded && error.kind === "not_leader";
    append.returned = lostLeader ? noLeader : error;
    this.#leave(append);
    const retry = this.isOpen && lostLeader;
    if (!retry) return this.fail(append, append.returned);
    this.#callBack();
    this.#goOn();
  }

  /** The append failed for good. */
  fail(append: RoutedAppend, error: SuraftError): void {
    append.failure = error;
    this.#leave(append);
    this.#failed = true;
    this.#goOn();
  }

  /** Nothing more will be known of what has no answer. */
  abandon(error: SuraftError): void {
    this.#failed = true;
    for (const append of this.#outstanding.slice(this.#head)) append.failure ??= error;
    this.#goOn();
  }

  #goOn(): void {
    for (;;) {
      const append = this.#outstanding[this.#head];
      if (append === undefined) return;
      if (append.failure === undefined && this.#failed) append.failure = append.returned;
      if (append.failure === undefined) break;
      this.#pop();
      if (!this.#closed) this.#listener.failed(append.failure);
    }
    if (this.#outstanding[this.#head]?.returned !== undefined) this.#router.retry(this);
  }

  /** Every earlier append is answered: what came back from here on goes out again, in order. */
  resubmit(): void {
    for (let i = this.#head; i < this.#outstanding.length; i++) {
      const append = this.#outstanding[i];
      if (append?.returned === undefined || append.failure !== undefined) return;
      append.returned = undefined;
      this.#submit(append);
    }
  }

  #submit(append: RoutedAppend): void {
    append.place = "queued";
    this.#queuedCount++;
    this.#router.submit(append);
  }

  /** What is queued must go out behind what came back: it waits with it. */
  #callBack(): void {
    if (this.#queuedCount === 0) return;
    this.#router.withdraw(this);
    for (let i = this.#head; i < this.#outstanding.length; i++) {
      const append = this.#outstanding[i];
      if (append?.place !== "queued") continue;
      append.returned = noLeader;
      this.#leave(append);
    }
  }

  /** The append is no longer where it was. */
  #leave(append: RoutedAppend): void {
    const { place } = append;
    append.place = "waiting";
    if (place === "queued") this.#queuedCount--;
    if (place !== "underWay") return;
    this.#underWayCount--;
    if (this.#underWayCount === 0) this.#router.landed();
  }

  #pop(): void {
    const append = this.#outstanding[this.#head++];
    if (append !== undefined) this.#router.answered(append);
    if (this.#head === this.#outstanding.length) {
      this.#outstanding = [];
      this.#head = 0;
      this.#router.ended(this);
    } else if (this.#head >= 1024 && this.#head * 2 > this.#outstanding.length) {
      this.#outstanding.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/**
 * An append that came after one that failed. A follower may send it again: what failed there may be
 * another client's.
 */
export function notBegun({ forwarded }: RoutedAppender): SuraftError {
  const kind = forwarded ? "not_leader" : "unavailable";
  return new SuraftError(kind, "an earlier append of the same client failed");
}

/** What a client hears of an append that no leader took, where it is not sent again. */
const noLeader = new SuraftError("unavailable", "the leader was lost before it took the append");
