/**
 * What clients appended and no batch holds yet: it waits for room in the window, or was judged and
 * waits for its verdict to be true, or is parked behind a refusal.
 *
 * Invariant: appends leave in the order in which they came: into batches, as answers, or back. What
 * dead batches held goes back to its place, and so does what was judged behind them.
 * Invariant: a plain append costs no judging, unless its stream is halted.
 */

import { AppendQueue } from "./append-queue.js";
import { judgeAppend } from "./judge-append.js";
import { OpenLedger } from "./open-ledger.js";
import { noKeys, noRecords } from "./types.js";
import { Verdicts } from "./verdicts.js";
import type { Taken } from "./append-queue.js";
import type { CatchUp } from "./catch-up.js";
import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { RequestId } from "./protocol.js";
import type { Sent } from "./sent.js";
import type { Append, EntriesDraft, EntriesSegment, EntryKey, LogRecord } from "./types.js";

/** What a segment of entries is made of. */
export type Batch = Pick<EntriesDraft, "appends" | "entryCount" | "records" | "keys">;

/** A batch in the making. */
interface Draft {
  /** The index of its first entry. */
  readonly firstIndex: number;
  /** The chain's last batch. */
  readonly chainEnd: Sent | undefined;
  readonly records: LogRecord[];
  readonly keys: EntryKey[];
}

export class Intake {
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #catchUp: CatchUp;
  readonly #queue = new AppendQueue();
  readonly #verdicts: Verdicts;
  readonly #open: OpenLedger;
  /** The proof that the first verdict waits for, and for nothing else, and since when. */
  #wanted: { readonly since: RequestId; readonly fromTick: number } | undefined;

  constructor(context: Context, log: KnownLog, catchUp: CatchUp) {
    this.#context = context;
    this.#log = log;
    this.#catchUp = catchUp;
    this.#verdicts = new Verdicts(context);
    this.#open = new OpenLedger(log);
  }

  /** Whether an append waits for room in the window. */
  get hasQueued(): boolean {
    return !this.#queue.isEmpty;
  }

  /** Whether nothing waits for anything. */
  get isEmpty(): boolean {
    return this.#queue.isEmpty && this.#verdicts.isEmpty;
  }

  get sizeBytes(): number {
    return this.#queue.sizeBytes + this.#verdicts.sizeBytes;
  }

  push(append: Append): void {
    this.#queue.push(append);
  }

  /**
   * Takes the next batch, `firstIndex` being the index about to be assigned; undefined if nothing of
   * what was judged may stand there. What is taken is sent at once: {@link sent}.
   */
  take(firstIndex: number, chainEnd: Sent | undefined): Batch | undefined {
    const { settings } = this.#context.options;
    if (this.#queue.isPlain && !this.#verdicts.haltsAny) {
      return { ...this.#queue.takeBatch(settings), records: noRecords, keys: noKeys };
    }
    const draft: Draft = { firstIndex, chainEnd, records: [], keys: [] };
    const { appends, entryCount } = this.#queue.takeBatch(settings, (append, before) =>
      this.#admits(append, before, draft),
    );
    const { records, keys } = draft;
    return appends.length === 0 ? undefined : { appends, entryCount, records, keys };
  }

  /** The batch that was taken is the chain's last. */
  sent(batch: Sent): void {
    this.#verdicts.bind(batch);
  }

  /** The chain's first batch is committed, and the ledger has taken it in. */
  committed(segment: EntriesSegment): void {
    if (segment.records.length > 0 || segment.keys.length > 0) this.#open.committed(segment);
  }

  /** Batches are dead; `chain` is left. All is judged again that was judged behind them. */
  takeBack(dead: readonly Sent[], chain: readonly Sent[]): void {
    this.#queue.unshift(this.#verdicts.takeBack(dead));
    this.#open.rebuild(chain.map(({ segment }) => segment));
  }

  /** Takes everything: nothing of it is in the log. */
  takeAll(): readonly Append[] {
    return this.#verdicts.takeAll().concat(this.#queue.takeAll());
  }

  /**
   * Gives verdicts, and sees to a proof of the others: under writes (`isBusy`) the next create proves
   * them for nothing; at rest, a look must.
   */
  pump(isBusy: boolean): void {
    if (this.#verdicts.isEmpty) return;
    this.#give();
    const { oldestSince } = this.#verdicts;
    if (oldestSince === undefined || isBusy) {
      this.#wanted = undefined;
      return;
    }
    if (this.#wanted?.since !== oldestSince) {
      this.#wanted = { since: oldestSince, fromTick: this.#context.now };
    }
    this.#catchUp.wantProof(this.#verdicts.newestSince);
  }

  /** Whether a verdict has waited for a look for longer. */
  waitsLongerThan(ticks: number): boolean {
    return this.#wanted !== undefined && this.#context.now - this.#wanted.fromTick > ticks;
  }

  #give(): void {
    const refused = this.#verdicts.give(this.#catchUp.proof, this.#log.ledger);
    if (refused.size === 0) return;
    const appends = this.#verdicts.release(refused).concat(this.#queue.withdraw(refused));
    if (appends.length > 0) this.#context.emit({ type: "returned", appends, reason: "notBegun" });
  }

  #admits(append: Append, before: Taken, draft: Draft): boolean {
    const { chainEnd, firstIndex } = draft;
    const { appendCount, entryCount } = before;
    if (this.#verdicts.halts(append)) {
      this.#verdicts.hold(append, { type: "parked" }, chainEnd, appendCount);
      return false;
    }
    const place = { index: firstIndex + entryCount, entryOffset: entryCount };
    const verdict = judgeAppend(append, place, this.#open);
    if (verdict.type !== "passes") {
      this.#verdicts.hold(append, verdict, chainEnd, appendCount);
      return false;
    }
    for (const record of verdict.records) {
      draft.records.push(record);
      this.#open.note(record, place.index);
    }
    for (const { offset, key } of append.keys ?? noKeys) {
      draft.keys.push({ offset: entryCount + offset, key });
      this.#open.noteKey(key, place.index + offset);
    }
    return true;
  }
}
