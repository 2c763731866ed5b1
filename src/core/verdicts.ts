/**
 * Appends that are not made, and wait for their answer to be true: a repeat or a refusal is an answer
 * about the log (PROTOCOL.md section 8).
 *
 * A verdict rests on its basis, the last batch that it was judged behind, and on nothing newer
 * having been committed by somebody else. It is given once the basis is committed and a proof as
 * late as the verdict itself exists. If the basis dies it is judged again.
 *
 * Invariant: behind a refusal that is not given yet no append of the same stream is begun: it is
 * parked, and comes back when the refusal is given.
 */

import { assert } from "./assert.js";
import { standingOf } from "./ledger/ledger.js";
import type { Context } from "./context.js";
import type { AppendVerdict } from "./judge-append.js";
import type { Ledger } from "./ledger/ledger.js";
import type { Answer, RequestId } from "./protocol.js";
import type { Sent } from "./sent.js";
import type { Append } from "./types.js";

/** What an append waits with. */
export type HeldVerdict =
  | Exclude<AppendVerdict, { readonly type: "passes" }>
  /** An earlier append of its stream is refused. */
  | { readonly type: "parked" };

interface Held {
  readonly append: Append;
  readonly verdict: HeldVerdict;
  /** A proof must be at least as late. */
  readonly since: RequestId;
  /** The last batch that it was judged behind; undefined: all before it was committed. */
  basis: Sent | undefined;
  /** How many appends of the basis stand before it. */
  readonly place: number;
}

export class Verdicts {
  readonly #context: Context;
  /** In the order in which they were judged, which is that of their bases. */
  #held: Held[] = [];
  /** The last so many have the batch that is being made for their basis. */
  #unboundCount = 0;
  #sizeBytes = 0;
  /** The streams of refusals that are not given. */
  readonly #halted = new Set<object>();

  constructor(context: Context) {
    this.#context = context;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The proof that the first one waits for, at least. */
  get oldestSince(): RequestId | undefined {
    return this.#held[0]?.since;
  }

  /** The proof that suffices for all. */
  get newestSince(): RequestId {
    return this.#held.at(-1)?.since ?? 0;
  }

  /** Whether some stream is halted. */
  get haltsAny(): boolean {
    return this.#halted.size > 0;
  }

  /** Whether the append stands behind a refusal of its stream. */
  halts({ stream }: Append): boolean {
    return stream !== undefined && this.#halted.has(stream);
  }

  /**
   * Holds an append that was judged behind the chain's last batch and behind `within` appends of
   * the batch that is being made.
   */
  hold(append: Append, verdict: HeldVerdict, chainEnd: Sent | undefined, within: number): void {
    const since = this.#context.nextRequest;
    const basis = within > 0 ? undefined : chainEnd;
    const place = within > 0 ? within : (chainEnd?.appends.length ?? 0);
    if (within > 0) this.#unboundCount++;
    this.#held.push({ append, verdict, since, basis, place });
    this.#sizeBytes += append.sizeBytes;
    if (verdict.type === "refused" && append.stream !== undefined) this.#halted.add(append.stream);
  }

  /** The batch that was being made has been sent. */
  bind(batch: Sent): void {
    for (const held of this.#held.slice(this.#held.length - this.#unboundCount)) {
      held.basis = batch;
    }
    this.#unboundCount = 0;
  }

  /**
   * Gives what is true and proven. Returns the streams of the refusals among it: what of them is
   * parked, or waits elsewhere, is to come back.
   */
  give(proof: RequestId, ledger: Ledger): ReadonlySet<object> {
    const isReady = ({ since, basis }: Held): boolean =>
      since <= proof && basis?.committed !== false;
    const end = this.#held.findIndex((held) => !isReady(held));
    const ready = this.#held.splice(0, end < 0 ? this.#held.length : end);
    const parked: Held[] = [];
    const refused = new Set<object>();
    for (const held of ready) {
      const { append, verdict } = held;
      if (verdict.type === "parked") {
        parked.push(held);
        continue;
      }
      this.#sizeBytes -= append.sizeBytes;
      const answer = verdict.type === "repeat" ? answerRepeat(append, ledger) : verdict;
      this.#context.emit({ type: "answered", append, answer });
      if (verdict.type === "refused" && append.stream !== undefined) refused.add(append.stream);
    }
    this.#held = parked.concat(this.#held);
    return refused;
  }

  /** Lets the streams go on; returns what of them is parked, in order. */
  release(streams: ReadonlySet<object>): readonly Append[] {
    const isReleased = ({ append }: Held): boolean =>
      append.stream !== undefined && streams.has(append.stream);
    const released = this.#held.filter(isReleased).map(({ append }) => append);
    this.#held = this.#held.filter((held) => !isReleased(held));
    for (const { sizeBytes } of released) this.#sizeBytes -= sizeBytes;
    for (const stream of streams) this.#halted.delete(stream);
    return released;
  }

  /** Batches of the chain are dead: their appends and what was judged behind them, in order. */
  takeBack(dead: readonly Sent[]): readonly Append[] {
    const first = this.#held.findIndex(({ basis }) => basis?.dead === true);
    const held = first < 0 ? [] : this.#held.splice(first);
    const appends: Append[] = [];
    let next = 0;
    for (const batch of dead) {
      let taken = 0;
      for (let one = held[next]; one?.basis === batch; one = held[++next]) {
        appends.push(...batch.appends.slice(taken, one.place), one.append);
        taken = one.place;
      }
      appends.push(...batch.appends.slice(taken));
    }
    assert(next === held.length, "what was judged behind a dead batch goes back with it");
    this.#forget(held);
    return appends;
  }

  /** Takes everything. */
  takeAll(): readonly Append[] {
    const held = this.#held.splice(0);
    this.#forget(held);
    return held.map(({ append }) => append);
  }

  #forget(taken: readonly Held[]): void {
    for (const { append } of taken) this.#sizeBytes -= append.sizeBytes;
    if (this.#halted.size === 0) return;
    this.#halted.clear();
    for (const { append, verdict } of this.#held) {
      const { stream } = append;
      if (verdict.type === "refused" && stream !== undefined) this.#halted.add(stream);
    }
  }
}

/** The log remembers the first answer, or only that there is one. */
function answerRepeat({ options }: Append, ledger: Ledger): Answer {
  const { producerId = 0, sequence = 0 } = options?.producer ?? {};
  return { type: "repeat", standing: standingOf(ledger.answer(producerId, sequence)) };
}
