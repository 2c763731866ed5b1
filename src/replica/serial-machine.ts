/**
 * A state machine that is called by one at a time.
 *
 * Invariant: within a turn, `nextIndex` is the index behind the last entry of the machine's state.
 */

import assert from "node:assert/strict";
import type { Snapshot } from "./snapshots.js";
import type { LogEntry, StateMachine } from "./state-machine.js";

/** A machine's state at one moment. */
export interface BuiltSnapshot {
  readonly nextIndex: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export class SerialMachine<Result> {
  readonly #machine: StateMachine<Result>;
  #nextIndex = 1;
  /** The last turn. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(machine: StateMachine<Result>) {
    this.#machine = machine;
  }

  /** What the state has of its own when the replica starts. */
  async open(): Promise<number> {
    this.#nextIndex = (await this.#machine.appliedNextIndex?.()) ?? 1;
    return this.#nextIndex;
  }

  apply(entries: readonly LogEntry[]): Promise<readonly Result[]> {
    return this.#inTurn(async () => {
      const results = await this.#machine.apply(entries);
      assert.equal(results.length, entries.length, "apply gives a result for each entry");
      this.#nextIndex += entries.length;
      return results;
    });
  }

  install({ nextIndex }: Snapshot, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#inTurn(async () => {
      await this.#machine.installSnapshot(content, nextIndex);
      this.#nextIndex = nextIndex;
    });
  }

  /**
   * Builds a snapshot and has it kept. Other turns wait for all of it, or, `concurrent`, only for its
   * first bytes.
   */
  async build<Kept>(
    keep: (built: BuiltSnapshot) => Promise<Kept>,
    { concurrent }: { readonly concurrent: boolean },
  ): Promise<Kept> {
    const begin = async (): Promise<BuiltSnapshot> => ({
      nextIndex: this.#nextIndex,
      content: await begun(this.#machine.buildSnapshot()),
    });
    if (!concurrent) return await this.#inTurn(async () => await keep(await begin()));
    return await keep(await this.#inTurn(begin));
  }

  /** Resolves once no turn is under way. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** With the first bytes taken: a generator has run, and made its copy, up to there. */
async function begun(
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const rest = asyncOf(content);
  return all(await rest.next(), rest);
}

async function* all(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

async function* asyncOf(
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* content;
}
