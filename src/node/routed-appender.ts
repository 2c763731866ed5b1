/**
 * A client's ordered appends on their way to a leader, which may change under way.
 *
 * Invariant: answers go to the listener in the order of the appends.
 * Invariant: appends are under way to one leadership at a time: a later append waits until the fates
 * of those that went another way are known. Else it could stand in the log before them.
 * Invariant: an append that certainly is not in the log is sent again only while every earlier
 * one is answered and none has failed, so the log never holds a later one without an earlier one.
 * Invariant: an append whose fate is unknown is never sent again here, numbered or not: a refusal of
 * the second copy would say nothing of the first, which may be on its way still. Only its client
 * knows what to make of that.
 */

import assert from "node:assert";
import { SuraftError } from "../errors.js";
import { RoutedAppend } from "./routed-append.js";
import type { ScannedAppend } from "../log/append-scan.js";
import type { Acknowledged, Appender, AppenderOptions, AppendListener } from "./node.js";

/** What an appender needs of its router. */
export interface Router {
  /** Counts an append, until it is `settled`. Returns why it is one too many. */
  admit(append: RoutedAppend): SuraftError | undefined;
  /** Takes an append to wherever it can be committed. */
  submit(append: RoutedAppend): void;
  /** Lets go of the appender's appends that are still queued. */
  withdraw(appender: RoutedAppender): void;
  /** The appender's oldest appends came back: call its `resubmit` when it is time to try again. */
  retry(appender: RoutedAppender): void;
  /** The append's answer has gone out: its bytes no longer count. */
  settled(append: RoutedAppend): void;
  /** The appender has appends without an answer. */
  began(appender: RoutedAppender): void;
  /** It has none any more. */
  ended(appender: RoutedAppender): void;
  /** Its client has gone. */
  closed(appender: RoutedAppender): void;
  /** Nothing of the appender is under way any more: what waited for that may go. */
  landed(): void;
  /** When an append that begins now expires, by the monotonic clock. */
  expiry(options: AppenderOptions): number;
}

export class RoutedAppender implements Appender {
  readonly forwarded: boolean;
  readonly single: boolean;
  readonly #router: Router;
  readonly #listener: AppendListener;
  readonly #options: AppenderOptions;
  /** Whose answers have not gone out, in order; those before `#head` have theirs. */
  #outstanding: RoutedAppend[] = [];
  #head = 0;
  /** The first failure: nothing is begun behind it. */
  #failure: SuraftError | undefined;
  /** An append was refused as it came: none behind it is begun; those before it still are. */
  #refused = false;
  #closed = false;
  #queuedCount = 0;
  #underWayCount = 0;
  /** How many came back, or wait behind one that did. */
  #returnedCount = 0;
  /** The way on which appends are, if any are. */
  #way = 0;

  constructor(router: Router, listener: AppendListener, options: AppenderOptions) {
    this.#router = router;
    this.#listener = listener;
    this.#options = options;
    this.forwarded = options.forwarded;
    this.single = options.single ?? false;
  }

  /** Whether an append of it may still be begun. */
  get isOpen(): boolean {
    return this.#failure === undefined && !this.#closed;
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

  append(scanned: ScannedAppend): void {
    const append = new RoutedAppend(this, scanned, this.#router.expiry(this.#options));
    if (this.#outstanding.length === 0) this.#router.began(this);
    this.#outstanding.push(append);
    const tooMany = this.#router.admit(append);
    if (!this.isOpen) this.giveBack(append, this.notBegun());
    else if (this.#refused) this.#refuse(append, this.notBegun());
    else if (tooMany !== undefined) this.#refuse(append, tooMany);
    // Behind one that came back and was not sent again yet, it waits its turn.
    else if (this.#returnedCount > 0) this.#cameBack(append, noLeader);
    else this.#submit(append);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#router.closed(this);
  }

  /** These appends are durable; their entries stand one behind the other. */
  committed(appends: readonly RoutedAppend[], acknowledged: Acknowledged): void {
    // Abandoned before this was known: each has its answer already.
    if (appends[0]?.failure !== undefined) return;
    let { firstIndex } = acknowledged;
    let inOrder = 0;
    for (const append of appends) {
      if (this.#outstanding[this.#head] !== append) break;
      this.#leave(append);
      this.#pop();
      firstIndex += append.entryCount;
      inOrder++;
    }
    if (inOrder > 0 && !this.#closed) {
      const entryCount = firstIndex - acknowledged.firstIndex;
      const all = inOrder === appends.length;
      const part = all ? acknowledged : { ...acknowledged, appendCount: inOrder, entryCount };
      this.#listener.acknowledged(part);
    }
    for (const append of appends.slice(inOrder)) {
      const { entryCount } = append;
      append.acknowledged = { ...acknowledged, appendCount: 1, firstIndex, entryCount };
      this.#leave(append);
      firstIndex += entryCount;
    }
    this.#goOn();
  }

  /** The append is durable, and is acknowledged in its turn. */
  repeated(append: RoutedAppend, acknowledged: Acknowledged): void {
    if (append.failure !== undefined) return;
    append.acknowledged = acknowledged;
    this.#leave(append);
    this.#goOn();
  }

  /** The append is certainly not in the log. It is sent again if `error` is worth a retry. */
  giveBack(append: RoutedAppend, error: SuraftError): void {
    const lostLeader = !this.forwarded && error.kind === "not_leader";
    this.#cameBack(append, lostLeader ? noLeader : error);
    if (!this.isOpen || !lostLeader) return this.fail(append, lostLeader ? noLeader : error);
    this.#callBack();
    this.#goOn();
  }

  /** The append failed for good. */
  fail(append: RoutedAppend, error: SuraftError): void {
    append.failure = error;
    this.#leave(append);
    this.#failure ??= error;
    this.#goOn();
  }

  /** Nothing more will be known of what has no answer. */
  abandon(error: SuraftError): void {
    this.#failure ??= error;
    for (const append of this.#outstanding.slice(this.#head)) {
      if (append.acknowledged === undefined) append.failure ??= error;
    }
    this.#goOn();
  }

  /** Every earlier append is answered: what came back from here on goes out again, in order. */
  resubmit(): void {
    for (let i = this.#head; i < this.#outstanding.length; i++) {
      const append = this.#outstanding[i];
      if (append?.returned === undefined || append.failure !== undefined) return;
      append.returned = undefined;
      this.#returnedCount--;
      this.#submit(append);
    }
  }

  /** What an append hears that is not begun any more. */
  notBegun(): SuraftError {
    // The follower that handed it on sends it again, behind those that it belongs behind.
    if (this.forwarded && this.#failure?.kind === "not_leader") return this.#failure;
    return new SuraftError("unavailable", "an earlier append of the same client failed");
  }

  #goOn(): void {
    for (;;) {
      const append = this.#outstanding[this.#head];
      if (append === undefined) return;
      const { acknowledged } = append;
      if (acknowledged === undefined && this.#failure !== undefined) {
        append.failure ??= append.returned;
      }
      const { failure } = append;
      if (acknowledged === undefined && failure === undefined) break;
      this.#pop();
      this.#failure ??= failure;
      if (this.#closed) continue;
      if (acknowledged !== undefined) this.#listener.acknowledged(acknowledged);
      else if (failure !== undefined) this.#listener.failed(failure);
    }
    if (this.#outstanding[this.#head]?.returned !== undefined) this.#router.retry(this);
  }

  #refuse(append: RoutedAppend, error: SuraftError): void {
    this.#refused = true;
    append.failure = error;
    this.#goOn();
  }

  #submit(append: RoutedAppend): void {
    append.place = "queued";
    this.#queuedCount++;
    this.#router.submit(append);
  }

  #cameBack(append: RoutedAppend, error: SuraftError): void {
    if (append.returned === undefined) this.#returnedCount++;
    append.returned = error;
    this.#leave(append);
  }

  /** What is queued must go out behind what came back: it waits with it. */
  #callBack(): void {
    if (this.#queuedCount === 0) return;
    this.#router.withdraw(this);
    for (let i = this.#head; i < this.#outstanding.length; i++) {
      const append = this.#outstanding[i];
      if (append?.place === "queued") this.#cameBack(append, noLeader);
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
    if (append !== undefined) {
      if (append.returned !== undefined) this.#returnedCount--;
      this.#router.settled(append);
    }
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

/** What a client hears of an append that no leader took, where it is not sent again. */
const noLeader = new SuraftError("unavailable", "the leader was lost before it took the append");
