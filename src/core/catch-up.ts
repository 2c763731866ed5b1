/**
 * Reads the log from the store: up to a position that somebody knows to exist, or on to the first
 * position where nothing exists.
 *
 * Invariant: a position is asked for only within `readAhead` of the tail, so what is held ahead
 * of the walk is bounded.
 * Invariant: only absence at the tail proves anything; above it, with a gap below, it says nothing
 * (PROTOCOL.md sections 3 and 5), and below it the name may have been freed meanwhile (section 9).
 */

import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { RequestId } from "./protocol.js";
import type { Position } from "./types.js";

/** A get of a position that is under way, or whose answer is held. */
export interface Look {
  readonly request: RequestId;
  readonly position: Position;
  readonly atTick: number;
  /** The age clock just before it was sent. */
  readonly ageMs: number;
}

export class CatchUp {
  readonly #context: Context;
  readonly #log: KnownLog;
  /** Every position below is believed to exist. */
  #target: Position = 0;
  /** The target was named before this request: what earlier ones found says nothing against it. */
  #targetSince: RequestId = 0;
  /** A proof is wanted by a request at least this late; 0: none. */
  #proofWanted: RequestId = 0;
  /** The latest request known to have been sent when everything then committed lay below the tail. */
  #proof: RequestId = 0;
  /** The latest of each position. */
  #asked = new Map<Position, Look>();
  #looks = new Map<RequestId, Look>();
  /** How far a search for the tail runs ahead: doubles while segments are found. */
  #width = 1;
  #retryAt = 0;

  constructor(context: Context, log: KnownLog) {
    this.#context = context;
    this.#log = log;
  }

  /** Every position below it is believed to exist. */
  get target(): Position {
    return this.#target;
  }

  /** Every position below `target` is said to exist: read up to it. */
  demand(target: Position): void {
    if (target <= this.#target) return;
    this.#target = target;
    this.#targetSince = this.#context.nextRequest;
  }

  /** Find the tail by a request sent from now on, or any other proof as late as `since`. */
  wantProof(since: RequestId): void {
    if (this.#proofWanted <= this.#proof) this.#width = 1;
    if (since > this.#proofWanted) this.#proofWanted = since;
  }

  /** Everything that was committed when this request was sent is below the tail. */
  prove(request: RequestId): void {
    if (request > this.#proof) this.#proof = request;
  }

  /** The latest proof: reads that began at or before this request number are proven. */
  get proof(): RequestId {
    return this.#proof;
  }

  /** Whether the request is one of this module's, and its answer has not been taken. */
  awaits(request: RequestId): boolean {
    return this.#looks.has(request);
  }

  /** Takes a request back whose answer counts; undefined if it was not this module's. */
  take(request: RequestId): Look | undefined {
    const look = this.#looks.get(request);
    if (look === undefined) return undefined;
    this.#looks.delete(request);
    if (this.#asked.get(look.position) === look) this.#asked.delete(look.position);
    return look;
  }

  /** The log is held anew: no answer to what was asked before is taken. */
  restart(): void {
    this.#asked = new Map();
    this.#looks = new Map();
    this.#width = 1;
    this.#retryAt = 0;
  }

  found(): void {
    this.#width = Math.min(this.#width * 2, this.#context.options.settings.readAhead);
  }

  /**
   * Nothing stands at the position. Below the tail that is no news of the tail: by now the name may have
   * been freed. Returns whether the tail was seen to be the tail.
   */
  absent({ request, position }: Look): boolean {
    this.#width = 1;
    const isTail = position === this.#log.tail;
    if (isTail) this.prove(request);
    if (position < this.#target && request >= this.#targetSince) this.#target = position;
    return isTail;
  }

  unavailable(): void {
    this.#width = 1;
    this.#retryAt = this.#context.now + this.#context.options.settings.repeatTicks;
  }

  /** Sends what is to be asked now. */
  pump(): void {
    if (this.#context.now < this.#retryAt) return;
    const { tail } = this.#log;
    const searching = this.#proofWanted > this.#proof;
    const width = searching ? this.#width : 0;
    const { readAhead } = this.#context.options.settings;
    const end = Math.min(Math.max(this.#target, tail + width), tail + readAhead);
    for (let position = tail; position < end; position++) {
      if (this.#log.knows(position)) continue;
      const asked = this.#asked.get(position);
      const again = searching && position === tail && this.#isTooOld(asked);
      if (asked === undefined || again) this.#ask(position);
    }
  }

  /**
   * A look under way that proves nothing to the latest reader is waited for all the same, so that
   * one look follows it for all that came meanwhile; but not for long, should it be stuck.
   */
  #isTooOld(asked: Look | undefined): boolean {
    if (asked === undefined || asked.request >= this.#proofWanted) return false;
    const { now, options } = this.#context;
    return now - asked.atTick >= options.settings.repeatTicks;
  }

  #ask(position: Position): void {
    const request = this.#context.newRequest();
    const { now: atTick, ageMs } = this.#context;
    const look = { request, position, atTick, ageMs };
    this.#asked.set(position, look);
    this.#looks.set(request, look);
    this.#context.emit({ type: "get", request, position });
  }
}
