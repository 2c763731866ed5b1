/**
 * One epoch of this node: its claims, its window of creates in flight, and the fates of the
 * appends it took (PROTOCOL.md section 4).
 *
 * A tenure claims, leads, and then settles: it goes on finding out what became of what it sent.
 *
 * Invariant: a batch at position `q` is sent only when every position up to `q - K` is known.
 * Invariant: one content per position, ever. A position once sent is spent for this epoch.
 * Invariant: every append taken in comes back once: committed, returned or unknown, and those of
 * one fate in the order they came in.
 */

import { assert } from "./assert.js";
import { Intake } from "./intake.js";
import { Sent } from "./sent.js";
import { sameEpoch, sameSegment } from "./types.js";
import type { CatchUp } from "./catch-up.js";
import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { CreateOutcome, Fault, RequestId, ReturnReason } from "./protocol.js";
import type { Append, Epoch, Position, Predecessor, Segment } from "./types.js";

/** The most claims that fill a gap at once. */
const fillsAtOnce = 64;

export type Phase = "claiming" | "leading" | "settling";

export class Tenure {
  readonly epoch: Epoch;
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #catchUp: CatchUp;
  readonly #storeTimeoutTicks: number;
  #phase: Phase = "claiming";
  /** What was sent and has not been passed by the walk, in the order sent. */
  readonly #sent = new Map<Position, Sent>();
  readonly #requests = new Map<RequestId, Sent>();
  /** The batches that can still become valid, each the next one's predecessor. */
  #chain: Sent[] = [];
  readonly #intake: Intake;
  /** No greater position was sent. */
  #sentMax: Position = -1;
  #furthestClaim: Position = -1;
  /** Where the log was said to end at first, if not far ahead; perhaps not all below it has been read. */
  readonly #namedTail: Position;
  #lostRaces = 0;
  /** Whether the tail is to be claimed: at first, and again after each lost race. */
  #claimWanted = true;
  #clockMs = 0;
  /** Why appends come back that certainly are not in the log. */
  #returnReason: ReturnReason = "deposed";
  #settleUntilTick = 0;
  #paused = false;

  constructor(
    context: Context,
    log: KnownLog,
    catchUp: CatchUp,
    epoch: Epoch,
    storeTimeoutTicks: number,
  ) {
    this.#context = context;
    this.#log = log;
    this.#catchUp = catchUp;
    this.#intake = new Intake(context, log, catchUp);
    this.#namedTail = Math.min(catchUp.target, log.tail + log.walk.window);
    this.epoch = epoch;
    this.#storeTimeoutTicks = storeTimeoutTicks;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether no append waits for its fate. */
  get isIdle(): boolean {
    return this.#intake.isEmpty && this.#chain.length === 0;
  }

  /** Whether nothing that was sent waits for its fate. */
  get isDrained(): boolean {
    return this.#chain.length === 0;
  }

  /** Whether appends are under way, or go out as soon as there is room. */
  get isBusy(): boolean {
    return this.#chain.length > 0 || (this.#intake.hasQueued && !this.#paused);
  }

  /** While paused no new batch is sent: appends wait in the queue. */
  set paused(paused: boolean) {
    this.#paused = paused;
  }

  /** Whether nothing is left to be found out. */
  get isOver(): boolean {
    return this.#phase === "settling" && this.isIdle;
  }

  /** The bytes of the appends that wait for room in the window, or for their verdict to be true. */
  get queuedBytes(): number {
    return this.#intake.sizeBytes;
  }

  /** Takes appends in, to be sent by {@link pump}. */
  append(appends: readonly Append[], nowMs: number): void {
    assert(this.#phase === "leading", "only a leader takes appends");
    this.#clockMs = Math.max(this.#clockMs, nowMs);
    for (const append of appends) this.#intake.push(append);
  }

  /** The tail; before it is known, where it was said to be, unless something below was found absent. */
  get #end(): Position {
    let end = Math.max(this.#log.tail, Math.min(this.#namedTail, this.#catchUp.target));
    while (this.#log.knows(end)) end++;
    return end;
  }

  /** Claims the tail and, after a lost race, a place ahead too (PROTOCOL.md 4.1). */
  #claim(): void {
    this.#claimWanted = false;
    const { walk } = this.#log;
    const tail = this.#end;
    if (!this.#sent.has(tail)) this.#sendClaim(tail);
    if (this.#lostRaces === 0) return;
    // A busy leader has written more than one segment since: read on while the claims are out.
    this.#catchUp.wantProof(this.#context.nextRequest);
    const ahead = tail + Math.min(walk.window * 2 ** (this.#lostRaces - 1), 64 * walk.window);
    if (!this.#sent.has(ahead) && !this.#log.knows(ahead)) this.#sendClaim(ahead);
  }

  /** Sends what there is room for: claims that close a gap, or batches. Gives verdicts. */
  pump(): void {
    if (this.#phase === "claiming") this.#fillGap();
    if (this.#phase === "claiming" && this.#mayLead()) this.#phase = "leading";
    if (this.#phase === "claiming" && this.#claimWanted) this.#claim();
    if (this.#phase !== "leading") return;
    if (!this.#paused) this.#sendBatches();
    this.#intake.pump(this.isBusy);
  }

  #sendBatches(): void {
    const { settings } = this.#context.options;
    while (this.#intake.hasQueued) {
      let position = Math.max(this.#sentMax + 1, this.#log.tail);
      while (this.#log.knows(position)) position++;
      if (position >= this.#log.tail + settings.window) return;
      this.#sendBatch(position);
    }
  }

  /** Whether the request is one of this tenure's. */
  owns(request: RequestId): boolean {
    return this.#requests.has(request);
  }

  /** A create was answered. Returns the segment that is now known to stand, if any. */
  created(request: RequestId, outcome: CreateOutcome): Segment | undefined {
    const sent = this.#takeRequest(request);
    if (sent === undefined || sent.known) return undefined;
    if (outcome === "created") return sent.segment;
    this.#track(sent.answered(outcome), sent);
    if (this.#phase === "settling" && sent.certainlyNotStored) this.#killFrom(sent);
    return undefined;
  }

  /** A read-back had no answer. */
  readBackFailed(request: RequestId): void {
    const sent = this.#takeRequest(request);
    if (sent !== undefined && !sent.known) sent.readBackFailed();
  }

  /** Forgets a read-back that has been answered; returns its position, unless it was settled before. */
  readBackDone(request: RequestId): Position | undefined {
    const sent = this.#takeRequest(request);
    return sent === undefined || sent.known ? undefined : sent.segment.position;
  }

  /**
   * It has become known what stands at a position at or above the tail. Returns `cloned` if it
   * carries this epoch but is nothing that this tenure sent: another process leads in its name.
   */
  learned(segment: Segment): "cloned" | "deposed" | "fine" {
    const sent = this.#sent.get(segment.position);
    const mine = sent !== undefined && sameSegment(sent.segment, segment);
    if (!mine && sameEpoch(segment.epoch, this.epoch)) return "cloned";
    sent?.settle();
    if (sent !== undefined && !mine) this.#displaced(sent);
    if (!this.#isGreaterClaim(segment)) return "fine";
    this.endedAt(segment.position);
    return "deposed";
  }

  /** A claim that ends this epoch stands at the position: nothing from there on can be valid. */
  endedAt(position: Position): void {
    this.#killFrom(this.#chain.find((sent) => sent.segment.position >= position));
  }

  /** Whether a claim that the walk has found valid ends this epoch in the log. */
  endedBy(segment: Segment): boolean {
    return !sameEpoch(segment.epoch, this.epoch) && segment.epoch.term >= this.epoch.term;
  }

  /** The walk has passed a segment. Returns what this tenure sent, if that is it and it is valid. */
  passed(segment: Segment, valid: boolean): Sent | undefined {
    const sent = this.#sent.get(segment.position);
    if (sent === undefined) return undefined;
    this.#sent.delete(segment.position);
    if (!valid || !sameSegment(sent.segment, segment)) {
      assert(!this.#chain.includes(sent), "a batch of the chain is valid when it is passed");
      return undefined;
    }
    if (segment.type === "entries") {
      assert(this.#chain[0] === sent, "batches are passed in the order of the chain");
      this.#chain.shift();
      this.#intake.committed(segment);
    }
    sent.committed = true;
    return sent;
  }

  /** Repeats what has waited, and gives up what has no answer in time. */
  tick(): "storeTimedOut" | "fine" {
    if (this.#phase === "settling") {
      if (this.#context.now >= this.#settleUntilTick) this.#giveUp([]);
      for (const sent of this.#chain) this.#track(sent.tick(), sent);
      return "fine";
    }
    for (const sent of this.#sent.values()) this.#track(sent.tick(), sent);
    return this.#storeTimedOut() ? "storeTimedOut" : "fine";
  }

  /** Claims and leads no more; settles what is open (PROTOCOL.md 4.6). */
  stepDown(reason: ReturnReason): void {
    if (this.#phase === "settling") return;
    this.#phase = "settling";
    this.#settleUntilTick = this.#context.now + this.#storeTimeoutTicks;
    this.#returnReason = reason;
    this.#killFrom(this.#chain.find((sent) => sent.certainlyNotStored));
    this.#return(this.#intake.takeAll());
  }

  /**
   * Stops at once: what was sent has an unknown fate. Where another process may hold the same
   * appends (`cloned`), so has what was not.
   */
  abandon(why: Fault["kind"] | "leftBehind"): void {
    if (why !== "cloned") this.stepDown(why === "leftBehind" ? why : "notLeader");
    this.#phase = "settling";
    this.#giveUp(this.#intake.takeAll());
  }

  #isGreaterClaim(segment: Segment): boolean {
    return (
      segment.type === "claim" &&
      segment.clusterId === this.#context.options.clusterId &&
      segment.epoch.term > this.epoch.term
    );
  }

  #mayLead(): boolean {
    return sameEpoch(this.#log.walk.epoch, this.epoch) && this.#log.tail > this.#furthestClaim;
  }

  /** Once a claim of ours stands, every position below the furthest one gets a claim. */
  #fillGap(): void {
    const stands =
      sameEpoch(this.#log.walk.epoch, this.epoch) ||
      [...this.#sent.values()].some((sent) => sent.known && !sent.dead);
    if (!stands) return;
    this.#claimWanted = false;
    let open = 0;
    for (const sent of this.#sent.values()) if (!sent.known) open++;
    for (let position = this.#end; position < this.#furthestClaim; position++) {
      if (open >= fillsAtOnce) return;
      if (this.#log.knows(position) || this.#sent.has(position)) continue;
      this.#sendClaim(position);
      open++;
    }
  }

  #sendClaim(position: Position): void {
    const { seal, settings } = this.#context.options;
    const { epoch } = this;
    this.#furthestClaim = Math.max(this.#furthestClaim, position);
    this.#send(seal({ type: "claim", position, epoch, window: settings.window }), []);
  }

  #sendBatch(position: Position): void {
    const { seal } = this.#context.options;
    const { previous, nextIndex, timestampMs } = this.#chainEnd();
    const batch = this.#intake.take(nextIndex, this.#chain.at(-1));
    if (batch === undefined) return;
    const segment = seal({
      type: "entries",
      position,
      epoch: this.epoch,
      previous,
      firstIndex: nextIndex,
      timestampMs: Math.max(this.#clockMs, timestampMs),
      ...batch,
    });
    const sent = this.#send(segment, batch.appends);
    this.#chain.push(sent);
    this.#intake.sent(sent);
  }

  #chainEnd(): { previous: Predecessor; nextIndex: number; timestampMs: number } {
    const end = this.#chain.at(-1)?.segment;
    if (end?.type === "entries") {
      const { position, checksum, firstIndex, entryCount, timestampMs } = end;
      return { previous: { position, checksum }, nextIndex: firstIndex + entryCount, timestampMs };
    }
    const { last, nextIndex, timestampMs } = this.#log.walk;
    assert(last !== undefined, "a leader's own claim stands in the log");
    return { previous: last, nextIndex, timestampMs };
  }

  #send(segment: Segment, appends: readonly Append[]): Sent {
    const { position } = segment;
    assert(!this.#sent.has(position) && !this.#log.knows(position), "a position is sent once");
    const sent = new Sent(this.#context, segment, appends);
    this.#sent.set(position, sent);
    this.#sentMax = Math.max(this.#sentMax, position);
    this.#track(sent.send(), sent);
    return sent;
  }

  #track(request: RequestId | undefined, sent: Sent): void {
    if (request !== undefined) this.#requests.set(request, sent);
  }

  #takeRequest(request: RequestId): Sent | undefined {
    const sent = this.#requests.get(request);
    this.#requests.delete(request);
    return sent;
  }

  /** Something else stands where this was sent. */
  #displaced(sent: Sent): void {
    sent.dead = true;
    if (sent.segment.type === "entries") {
      this.#killFrom(sent);
    } else if (this.#phase === "claiming" && !this.#hasClaimBelow(sent.segment.position)) {
      this.#lostRaces++;
      this.#claimWanted = true;
    }
  }

  #hasClaimBelow(position: Position): boolean {
    for (const sent of this.#sent.values()) {
      if (!sent.dead && sent.segment.position < position) return true;
    }
    return false;
  }

  /** A batch of the chain is dead, and so, by `previous`, is every later one (PROTOCOL.md 4.5). */
  #killFrom(first: Sent | undefined): void {
    const start = first === undefined ? -1 : this.#chain.indexOf(first);
    if (start < 0) return;
    const dead = this.#chain.splice(start);
    for (const sent of dead) sent.dead = true;
    if (this.#phase === "leading") this.#intake.takeBack(dead, this.#chain);
    else this.#return(dead.flatMap(({ appends }) => appends));
    for (const sent of dead) sent.appends = [];
  }

  #storeTimedOut(): boolean {
    if (this.#intake.waitsLongerThan(this.#storeTimeoutTicks)) return true;
    for (const sent of this.#sent.values()) {
      if (sent.known) continue;
      if (this.#context.now - sent.openedAtTick > this.#storeTimeoutTicks) return true;
    }
    return false;
  }

  #giveUp(queued: readonly Append[]): void {
    const appends = this.#chain.flatMap((sent) => sent.appends).concat(queued);
    this.#chain = [];
    this.#sent.clear();
    if (appends.length > 0) this.#context.emit({ type: "unknown", appends });
  }

  #return(appends: readonly Append[]): void {
    if (appends.length === 0) return;
    this.#context.emit({ type: "returned", appends, reason: this.#returnReason });
  }
}
