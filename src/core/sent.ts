/**
 * One segment that an epoch has sent, and the settling of its name (PROTOCOL.md section 2).
 *
 * Invariant: one epoch sends one content per position, ever: a repeat sends the same segment.
 * Invariant: at most one request for the name is under way from this epoch at a time.
 */

import type { Context } from "./context.js";
import type { CreateOutcome, RequestId } from "./protocol.js";
import type { Append, Segment } from "./types.js";

type Stage =
  /** A create is under way. */
  | { readonly type: "creating" }
  /** Something stands there; a get is under way that tells what. */
  | { readonly type: "readingBack" }
  /** The next create or get waits for its tick. */
  | { readonly type: "waiting"; readonly untilTick: number; readonly next: "create" | "readBack" }
  /** It is known what stands there. */
  | { readonly type: "known" };

export class Sent {
  readonly segment: Segment;
  /** The clients' appends in it; none once they have their fate or were taken back. */
  appends: readonly Append[];
  /** A read that began at or before this request is proven by the segment's commit. */
  readonly firstRequest: RequestId;
  /** The age clock just before the first create was sent. */
  readonly firstAgeMs: number;
  readonly openedAtTick: number;
  /** The walk has found it valid. */
  committed = false;
  /** It can never become valid: its place is taken, or its predecessor's is. */
  dead = false;
  #stage: Stage = { type: "creating" };
  /** Whether a create that has ended may have taken effect, or may take effect later. */
  #mayLand = false;
  readonly #context: Context;

  constructor(context: Context, segment: Segment, appends: readonly Append[]) {
    this.#context = context;
    this.segment = segment;
    this.appends = appends;
    this.openedAtTick = context.now;
    this.firstAgeMs = context.ageMs;
    this.firstRequest = context.nextRequest;
  }

  get known(): boolean {
    return this.#stage.type === "known";
  }

  /** Whether every create so far was refused: unless it is repeated, nothing of it ever lands. */
  get certainlyNotStored(): boolean {
    return this.#stage.type === "waiting" && !this.#mayLand;
  }

  /** Sends the first create. */
  send(): RequestId {
    return this.#create();
  }

  /** It has become known what stands at the position. */
  settle(): void {
    this.#stage = { type: "known" };
  }

  /** A create was answered, but not by `created`. Returns the next request, if one follows at once. */
  answered(outcome: Exclude<CreateOutcome, "created">): RequestId | undefined {
    if (outcome !== "refused") this.#mayLand = true;
    if (outcome === "exists") return this.#readBack();
    this.#wait("create");
    return undefined;
  }

  /** The read-back had no answer. */
  readBackFailed(): void {
    this.#wait("readBack");
  }

  /** Sends what has waited long enough. */
  tick(): RequestId | undefined {
    if (this.#stage.type !== "waiting" || this.#context.now < this.#stage.untilTick) {
      return undefined;
    }
    return this.#stage.next === "create" ? this.#create() : this.#readBack();
  }

  #wait(next: "create" | "readBack"): void {
    const untilTick = this.#context.now + this.#context.options.settings.repeatTicks;
    this.#stage = { type: "waiting", untilTick, next };
  }

  #create(): RequestId {
    this.#stage = { type: "creating" };
    const request = this.#context.newRequest();
    this.#context.emit({ type: "create", request, segment: this.segment });
    return request;
  }

  #readBack(): RequestId {
    this.#stage = { type: "readingBack" };
    const request = this.#context.newRequest();
    this.#context.emit({ type: "get", request, position: this.segment.position });
    return request;
  }
}
