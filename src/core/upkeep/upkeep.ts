/**
 * The upkeep of a log's past: checkpoints, archives, trims applied to the store, deletion
 * (PROTOCOL.md sections 9 and 10).
 *
 * A function of its inputs, as the core is: `step(input, clock)` returns the effects to perform. It
 * reads the core it stands beside, and changes nothing in it.
 *
 * Invariant: with nothing to do it asks for nothing.
 */

import { UpkeepContext } from "./context.js";
import { Sweeper } from "./sweeper.js";
import { Writer } from "./writer.js";
import type { UpkeepClock, UpkeepEffect, UpkeepInput, UpkeepOptions } from "./protocol.js";

export class Upkeep {
  readonly #context: UpkeepContext;
  readonly #writer: Writer;
  readonly #sweeper: Sweeper;

  constructor(options: UpkeepOptions) {
    this.#context = new UpkeepContext(options);
    this.#writer = new Writer(this.#context);
    this.#sweeper = new Sweeper(this.#context);
  }

  /** Takes one input and returns what is to be done, in order. */
  step(input: UpkeepInput, clock: UpkeepClock): readonly UpkeepEffect[] {
    this.#context.passTo(clock);
    this.#take(input);
    return this.#context.takeEffects();
  }

  #take(input: UpkeepInput): void {
    switch (input.type) {
      case "tick":
        this.#writer.tick();
        return this.#sweeper.tick();
      case "manifestResult": {
        const manifest = this.#writer.manifestRead(input.request, input.outcome);
        if (manifest !== undefined) this.#sweeper.knows(manifest);
        return;
      }
      case "manifestCreated":
        return this.#writer.manifestCreated(input.request, input.outcome);
      case "ledgerResult":
        return this.#writer.ledgerWritten(input.request, input.outcome);
      case "archiveResult":
        return this.#writer.archived(input.request, input.outcome);
      case "nameSnapshot":
        this.#writer.namings.add(input.naming, input.snapshot);
        return this.#writer.tick();
      case "forgetSnapshot":
        return this.#writer.namings.forget(input.naming);
      case "listResult":
        return this.#sweeper.listed(input.request, input.outcome);
      case "deleteResult":
        return this.#sweeper.deleted(input.request, input.outcome);
    }
  }
}
