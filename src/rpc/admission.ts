/**
 * Lets the calls of methods that may be overloaded begin, a few in each turn of the event loop.
 *
 * A turn takes in what all connections hold. With thousands of calls in it, it would last for half a
 * second, and whatever was begun before needs several turns to end: an overloaded server would spend
 * all its time on calls that it refuses. What has not begun is not read, decoded or copied either.
 *
 * Invariant: calls begin in the order in which they came.
 * Invariant: the calls that wait are bounded in number, those that wait to be refused among them, and
 * so are the bytes that came for them, but for what comes in one turn.
 */

import type { SuraftError } from "../errors.js";
import type { ServerCall } from "./server-call.js";

/** How many wait to begin: some half a second of work. More are refused, whatever room there is. */
const waitingMax = 4096;
/** How many wait to be refused. More are refused in the turn in which they come. */
const refusedMax = 4096;
/** How much may have come for calls that wait; more of them are refused in the turn in which it came. */
const unreadBytesMax = 128 * 1024 ** 2;
/** The parts of a turn that a call takes that begins, and one that is refused. */
const beginCost = 1 / 64;
const refuseCost = 1 / 8;
/** The pause after a turn in which calls were only refused, in milliseconds: about as long as it. */
const refusedPauseMs = 1;
/** While others wait to begin, so many of them go before one that waits to be refused. */
const begunForRefused = 4;

/** Which calls of a method begin. */
export interface Admittance {
  /** Why a call would be refused now, before anything of it is read. */
  refusal(): SuraftError | undefined;
  /** Why a call is refused that is one too many. */
  readonly tooMany: SuraftError;
}

interface Waiting {
  readonly call: ServerCall;
  readonly admittance: Admittance;
}

interface Refused {
  readonly call: ServerCall;
  readonly error: SuraftError;
}

export class Admission {
  readonly #waiting: Waiting[] = [];
  readonly #refused: Refused[] = [];
  /** The part of this turn that is left, and whether a call has begun in it. */
  #left = 1;
  #hasBegun = false;
  #scheduled = false;

  /** Lets a call go on that is paused, or ends it: at once or in a later turn. */
  admit(call: ServerCall, admittance: Admittance): void {
    if (this.#waiting.length < waitingMax) this.#waiting.push({ call, admittance });
    else if (this.#refused.length < refusedMax) {
      this.#refused.push({ call, error: admittance.tooMany });
    } else call.end(admittance.tooMany);
    // Where others wait, this one's turn is a later one.
    if (this.#waiting.length === 1) this.#take();
    if (!this.#scheduled) this.#schedule();
  }

  /** Takes from both queues while the turn lasts. */
  #take(): void {
    let begun = 0;
    let refused = 0;
    while (this.#left > 0) {
      const next = this.#waiting[begun];
      const late = this.#refused[refused];
      if (next !== undefined) {
        begun++;
        this.#begin(next);
        if (begun % begunForRefused !== 0) continue;
      }
      if (late !== undefined) {
        refused++;
        this.#refuse(late);
      }
      if (next === undefined && late === undefined) break;
    }
    this.#waiting.splice(0, begun);
    this.#refused.splice(0, refused);
  }

  #begin({ call, admittance }: Waiting): void {
    const error = admittance.refusal();
    if (error !== undefined) return this.#refuse({ call, error });
    this.#left -= beginCost;
    this.#hasBegun = true;
    call.resume();
  }

  #refuse({ call, error }: Refused): void {
    this.#left -= refuseCost;
    call.end(error);
  }

  /** What has come for a call that waits is held by nothing but its stream's flow control. */
  #boundBytes(): void {
    let bytes = 0;
    const isWithin = ({ call }: Waiting | Refused): boolean => {
      bytes += call.unreadBytes;
      return bytes <= unreadBytesMax;
    };
    const waiting = this.#waiting.length;
    const kept = this.#waiting.filter(isWithin).length;
    for (const { call, admittance } of this.#waiting.splice(kept)) call.end(admittance.tooMany);
    const late = waiting > kept ? 0 : this.#refused.filter(isWithin).length;
    for (const { call, error } of this.#refused.splice(late)) call.end(error);
  }

  /** Refusals alone get half of the time: what was begun before wants the other half. */
  #schedule(): void {
    this.#scheduled = true;
    const next = (): void => {
      this.#scheduled = false;
      this.#left = 1;
      this.#hasBegun = false;
      this.#boundBytes();
      this.#take();
      if (this.#left < 1 || this.#waiting.length + this.#refused.length > 0) this.#schedule();
    };
    if (this.#hasBegun) setImmediate(next);
    else setTimeout(next, refusedPauseMs);
  }
}
