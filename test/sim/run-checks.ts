/**
 * What the checkers of all processes share: the true log, what each epoch has sent where, and the
 * history of the clients.
 */

import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { CoreSettings } from "../../src/core/options.js";
import type { Epoch, Segment } from "../../src/core/types.js";
import { appendsOf } from "./content.js";
import type { HistoryEvent } from "./history.js";
import { epochKey, TrueLog } from "./true-log.js";
import { must } from "./violation.js";

/** What an epoch has sent to one position. */
export interface SentRecord {
  readonly segment: Segment;
  /** Its process's tick at the last create. */
  lastTick: number;
  /** Whether a create of it has no answer. */
  open: boolean;
  /** Whether a create of it ended otherwise than refused. */
  mayStand: boolean;
}

/** What one epoch has sent. */
export interface EpochRecord {
  readonly processSerial: number;
  readonly sent: Map<number, SentRecord>;
  /** The furthest position of a claim of it, -1 if there is none. */
  furthestClaim: number;
}

/** Counts for the report. */
export interface Tally {
  appended: number;
  returned: number;
  unknown: number;
  reads: number;
  historyReads: number;
  /** Processes that found themselves left behind. */
  leftBehind: number;
  repeats: number;
  refusals: number;
  outcomes: number;
}

/** Whether two segments would be the same bytes. */
export function sameContent(a: Segment, b: Segment): boolean {
  if (a.position !== b.position || a.checksum !== b.checksum || a.type !== b.type) return false;
  const [one, other] = [appendsOf(a), appendsOf(b)];
  return one.length === other.length && one.every((append, index) => append === other[index]);
}

/** The judge's memory of a run. */
export class RunChecks {
  readonly log: TrueLog;
  readonly history: HistoryEvent[] = [];
  readonly tally: Tally = {
    appended: 0,
    returned: 0,
    unknown: 0,
    reads: 0,
    historyReads: 0,
    leftBehind: 0,
    repeats: 0,
    refusals: 0,
    outcomes: 0,
  };
  readonly settings: CoreSettings;
  readonly #now: () => number;
  readonly #epochs = new Map<string, EpochRecord>();
  #operations = 0;

  constructor(settings: CoreSettings, bounds: LedgerBounds, now: () => number) {
    this.log = new TrueLog(bounds);
    this.settings = settings;
    this.#now = now;
  }

  get now(): number {
    return this.#now();
  }

  /** A number for the next append or read. */
  nextOperation(): number {
    this.#operations += 1;
    return this.#operations;
  }

  /** What the process has sent in the epoch. An epoch belongs to one process, unless that is copied. */
  epochOf(epoch: Epoch, processSerial: number, copied: boolean): EpochRecord {
    const key = copied ? `${epochKey(epoch)}/${processSerial}` : epochKey(epoch);
    const known = this.#epochs.get(key);
    if (known !== undefined) {
      const own = known.processSerial === processSerial;
      must(own, "epoch-owner", () => `epoch ${key} is sent by a process that did not draw it`);
      return known;
    }
    const record = { processSerial, sent: new Map<number, SentRecord>(), furthestClaim: -1 };
    this.#epochs.set(key, record);
    return record;
  }

  /** Whether it is settled for ever that a segment of entries, not sent again, is not in the log. */
  isDead(segment: Segment & { type: "entries" }, record: EpochRecord): boolean {
    const { position, epoch, previous } = segment;
    const { log } = this;
    if (log.outranked(epoch.term, position)) return true;
    const standing = log.objects[position];
    if (standing !== undefined && !sameContent(standing, segment)) return true;
    if (standing !== undefined && position < log.tail) return !log.counts(position);
    const sent = record.sent.get(position);
    if (standing === undefined && sent !== undefined && !sent.open && !sent.mayStand) return true;
    const before = record.sent.get(previous.position)?.segment;
    return before?.type === "entries" && this.isDead(before, record);
  }

  /** The history with the final log behind it: complete once nothing can land any more. */
  finalHistory(): HistoryEvent[] {
    const entries: HistoryEvent[] = [];
    for (const { segment } of this.log.valid) {
      if (segment.type === "claim") continue;
      let firstIndex = segment.firstIndex;
      const { timestampMs, epoch } = segment;
      for (const { id: op, entryCount } of appendsOf(segment)) {
        const stamp = { term: epoch.term, timestampMs };
        entries.push({ type: "log", op, firstIndex, entries: entryCount, ...stamp });
        firstIndex += entryCount;
      }
    }
    return [...this.history, ...entries];
  }
}
