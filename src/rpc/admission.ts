/**
 * Lets the calls of methods that may be overloaded begin, a few in each turn of the event loop.
 *
 * A turn takes in what all connections hold. With thousands of calls in it, it would last for half a
 * second, and whatever was begun before needs several turns to end: an overloaded server would spend
 * all its time on calls that it refuses. What has not begun is not read either, so it stays within
 * its connection's flow-control window.
 *
 * Invariant: calls begin in the order in which they came.
 * Invariant: the calls that wait are bounded in number, those that wait to be refused among them.
 */

import type { SuraftError } from "../errors.js";
import type { ServerCall } from "./server-call.js";

/** How many wait to begin: about a second of work. More are refused, whatever there is room for. */
const waitingMax = 4096;
/** How many wait to be refused. More are refused in the turn in which they come. */
const refusedMax = 16_384;
/** The parts of a turn that a call takes that begins, and one that is refused. */
const beginCost = 1 / 64;
const refuseCost = 1 / 8;
/** The pause after a turn in which calls were only refused, in milliseconds: about as long as it. */
const refusedPauseMs = 1;
/** While others wait to begin, so many of them go before one that waits to be refused. */
const begunForRefused = 4;

/** Why a call is refused before anything of it is read. */
export interface Admittance {
  /** Why a call would be refused now. */
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
  /** The part of this turn that is left. */
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
    this.#hasBegun = false;
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

  /** Refusals alone get half of the time: what was begun before wants the other half. */
  #schedule(): void {
    this.#scheduled = true;
    const next = (): void => {
      this.#scheduled = false;
      this.#left = 1;
      this.#take();
      if (this.#waiting.length + this.#refused.length > 0) this.#schedule();
    };
    if (this.#hasBegun) setImmediate(next);
    else setTimeout(next, refusedPauseMs);
  }
}
