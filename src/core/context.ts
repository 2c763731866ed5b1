/** What the parts of one core share: its options, its clock, its numbers and its effects. */

import { ledgerBounds } from "./ledger/snapshot.js";
import type { LedgerBounds } from "./ledger/snapshot.js";
import type { CoreOptions } from "./options.js";
import type { Effect, RequestId } from "./protocol.js";

export class Context {
  readonly options: CoreOptions;
  readonly ledgerBounds: LedgerBounds;
  /** Ticks since the core was made. */
  now = 0;
  #effects: Effect[] = [];
  #nextRequest: RequestId = 1;

  constructor(options: CoreOptions) {
    this.options = options;
    this.ledgerBounds = options.ledgerBounds ?? ledgerBounds;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** The number that the next store request will have: orders requests against reads. */
  get nextRequest(): RequestId {
    return this.#nextRequest;
  }

  newRequest(): RequestId {
    return this.#nextRequest++;
  }
}
