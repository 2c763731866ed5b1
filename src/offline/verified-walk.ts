/**
 * The walk over a log that may be damaged: which segments count (PROTOCOL.md section 3), what they
 * establish (section 8), and how to go on behind what cannot be read.
 *
 * Behind damage the rule itself says nothing any more. But a segment names its predecessor by position,
 * and says its index: what names a segment that could not be read, in the epoch before it or a later
 * one, goes on where the damage ends.
 *
 * Invariant: while nothing was damaged, the walk is the one that every node makes.
 * Invariant: the ledger is what the log established, or it is not there.
 */

import { assert } from "../core/assert.js";
import { Ledger } from "../core/ledger/ledger.js";
import { ledgerBounds } from "../core/ledger/snapshot.js";
import { sameEpoch } from "../core/types.js";
import { advance, judge, logStart, sameWalk } from "../core/walk.js";
import { segmentName } from "../log/names.js";
import type { LedgerSnapshot } from "../core/ledger/snapshot.js";
import type { EntriesSegment, Position, Segment } from "../core/types.js";
import type { WalkState } from "../core/walk.js";
import type { DamageKind, Findings, IndexRange } from "./findings.js";

export interface WalkCounts {
  /** Objects that the walk passed, in archives or not. */
  segments: number;
  bytes: number;
  claims: number;
  entrySegments: number;
  entries: number;
  records: number;
  keyedEntries: number;
  /** Positions whose segment does not count, those in archives too. */
  voids: number;
  /** Of them, another cluster's. */
  foreign: number;
  /** Positions whose segment cannot be read. */
  lostPositions: number;
}

export const noCounts: Readonly<WalkCounts> = {
  segments: 0,
  bytes: 0,
  claims: 0,
  entrySegments: 0,
  entries: 0,
  records: 0,
  keyedEntries: 0,
  voids: 0,
  foreign: 0,
  lostPositions: 0,
};

/** What could not be read, one behind the other, until something goes on behind it. */
interface Break {
  /** The positions that something behind may name. */
  readonly positions: Set<Position>;
  readonly startIndex: number;
  /** The first of it: told once it is known which entries are lost. */
  readonly first: { readonly kind: DamageKind; readonly object: string; readonly reason: string };
}

/** Where the walk went on behind a break, and what it had counted: it may have been wrong. */
interface Guess {
  readonly positions: ReadonlySet<Position>;
  readonly counts: WalkCounts;
}

/** What cannot be read. */
export interface Loss {
  readonly kind: DamageKind;
  readonly object: string;
  readonly reason: string;
  /** Where what can be read goes on; the next position by default. */
  readonly to?: Position;
}

/** So many positions in a row are remembered; a longer break ends at a state that a manifest tells. */
const breakPositionsMax = 100_000;

export class VerifiedWalk {
  readonly counts: WalkCounts = { ...noCounts };
  /** Entries that cannot be read, in order. */
  readonly lost: IndexRange[] = [];
  readonly #clusterId: string;
  readonly #findings: Findings;
  #walk: WalkState = logStart;
  #ledger: Ledger | undefined = new Ledger(ledgerBounds);
  /** Whether the bytes of all that counts below are known. */
  #knowsSize = true;
  #break: Break | undefined;
  #guess: Guess | undefined;
  /** Entries below are gone on purpose. */
  #firstIndex = 1;

  constructor(clusterId: string, findings: Findings) {
    this.#clusterId = clusterId;
    this.#findings = findings;
  }

  get walk(): WalkState {
    return this.#walk;
  }

  get tail(): Position {
    return this.#walk.tail;
  }

  /** What the log established below the tail; undefined where some of that could not be read. */
  get ledger(): Ledger | undefined {
    return this.#ledger;
  }

  /** Whether what stands at the tail can be judged by the rule alone. */
  get isSound(): boolean {
    return this.#break === undefined;
  }

  /** Entries below an index are gone: they are not lost. */
  trimmedTo(firstIndex: number): void {
    this.#firstIndex = Math.max(this.#firstIndex, firstIndex);
  }

  /** Whether the walk is in this state, as far as it knows its own. */
  isAt(state: WalkState): boolean {
    const sizeBytes = this.#knowsSize ? state.sizeBytes : this.#walk.sizeBytes;
    return sameWalk(this.#walk, { ...state, sizeBytes });
  }

  /** Goes on at a state that a manifest or an archive tells. What lies between is trimmed, or lost. */
  jump(state: WalkState): void {
    assert(state.tail >= this.#walk.tail, "the walk never moves back");
    this.#endBreak(state.nextIndex);
    if (!this.isAt(state)) this.#ledger = undefined;
    this.#walk = state;
    this.#guess = undefined;
    this.#knowsSize = true;
  }

  /** Takes over what a checkpoint says, where the walk itself does not know. */
  adopt(ledger: LedgerSnapshot): void {
    this.#ledger ??= Ledger.restore(ledger, ledgerBounds);
  }

  /** The positions below hold voids, which an archive leaves out. */
  passVoids(to: Position): void {
    const { tail } = this.#walk;
    this.counts.voids += Math.max(0, to - tail);
    if (to > tail) this.#walk = { ...this.#walk, tail: to };
  }

  /** What stands at the tail cannot be read. */
  lose({ kind, object, reason, to = this.#walk.tail + 1 }: Loss): void {
    const { tail, nextIndex } = this.#walk;
    if (this.#break === undefined) {
      const first = { kind, object, reason };
      this.#break = { positions: new Set(), startIndex: nextIndex, first };
    } else {
      const isSegment = object === segmentName(tail);
      this.#findings.add(kind, { object, reason, ...(isSegment ? { position: tail } : {}) });
    }
    const { positions } = this.#break;
    for (let at = tail; at < to && positions.size < breakPositionsMax; at++) positions.add(at);
    this.counts.lostPositions += to - tail;
    this.#walk = { ...this.#walk, tail: to };
  }

  /** What stands at the tail is this. */
  take(segment: Segment): void {
    const { position } = segment;
    assert(position === this.#walk.tail, "the walk takes one position after the other");
    this.counts.segments++;
    this.counts.bytes += segment.sizeBytes;
    if (segment.clusterId !== this.#clusterId) {
      this.counts.foreign++;
      return this.#void("foreign", position, `it is of the cluster ${segment.clusterId}`);
    }
    if (this.#break !== undefined) this.#goOn(segment, this.#break);
    else if (this.#guess !== undefined) this.#correct(segment, this.#guess);
    const verdict = judge(this.#walk, segment, this.#clusterId);
    switch (verdict) {
      case "void":
        return this.#void("void", position, "it does not count");
      case "corrupt": {
        const reason = "it contradicts the segment that it follows";
        return this.lose({ kind: "contradiction", object: segmentName(position), reason });
      }
      case "valid":
        return this.#valid(segment);
    }
  }

  /** Nothing more is taken. */
  end(): void {
    this.#endBreak(undefined);
  }

  #valid(segment: Segment): void {
    this.#walk = advance(this.#walk, segment, "valid");
    if (segment.type === "claim") {
      this.counts.claims++;
      return;
    }
    this.counts.entrySegments++;
    this.counts.entries += segment.entryCount;
    this.counts.records += segment.records.length;
    this.counts.keyedEntries += segment.keys.length;
    if (this.#ledger?.apply(segment) === false) {
      const reason = "its records contradict what the log says before it";
      this.#findings.add("contradiction", { object: segmentName(segment.position), reason });
      this.#ledger = undefined;
    }
  }

  #void(kind: "void" | "foreign", position: Position, reason: string): void {
    this.counts.voids++;
    this.#findings.add(kind, { object: segmentName(position), position, reason });
    this.#walk = { ...this.#walk, tail: position + 1 };
  }

  /** Whether, and how, the walk goes on behind a break with this segment. */
  #goOn(segment: Segment, { positions }: Break): void {
    if (segment.type === "claim") return;
    const { last, epoch, nextIndex, timestampMs, term } = this.#walk;
    const { previous, firstIndex } = segment;
    if (firstIndex < nextIndex || segment.timestampMs < timestampMs) return;
    const followsLast =
      previous.position === last?.position &&
      previous.checksum === last.checksum &&
      sameEpoch(segment.epoch, epoch);
    const isLater = segment.epoch.term > term || sameEpoch(segment.epoch, epoch);
    if (!followsLast && !(positions.has(previous.position) && isLater)) return;
    // Where it follows the last one that could be read, what was lost did not count, or stands before a
    // claim that could be read.
    if (!followsLast || firstIndex > nextIndex) this.#forget();
    this.#endBreak(firstIndex);
    if (!followsLast) this.#guess = { positions, counts: { ...this.counts } };
    this.#walk = { ...this.#walk, ...standingBefore(segment) };
  }

  /**
   * What an old leader sent behind a claim that was lost names the same position as what the claim's
   * leader wrote. The later epoch is right.
   */
  #correct(segment: Segment, { positions, counts }: Guess): void {
    if (segment.type === "claim") return;
    if (segment.epoch.term <= this.#walk.term || !positions.has(segment.previous.position)) return;
    const { segments, bytes, voids, foreign, lostPositions } = this.counts;
    const guessed = this.counts.entrySegments - counts.entrySegments;
    const kept = { segments, bytes, voids: voids + guessed, foreign, lostPositions };
    Object.assign(this.counts, counts, kept);
    this.#forget();
    this.#walk = { ...this.#walk, ...standingBefore(segment), timestampMs: segment.timestampMs };
  }

  #forget(): void {
    this.#ledger = undefined;
    this.#knowsSize = false;
  }

  #endBreak(endIndex: number | undefined): void {
    if (this.#break === undefined) return;
    const { first } = this.#break;
    const startIndex = Math.max(this.#break.startIndex, this.#firstIndex);
    this.#break = undefined;
    if (endIndex === undefined) this.#forget();
    const lost = { startIndex, endIndex };
    const isLost = endIndex === undefined || endIndex > startIndex;
    if (isLost) this.lost.push(lost);
    this.#findings.add(first.kind, { ...first, ...(isLost ? { lost } : {}) });
  }
}

/** What the walk was before a segment that counts. */
function standingBefore({ epoch, previous, firstIndex }: EntriesSegment): Partial<WalkState> {
  return { epoch, term: epoch.term, last: previous, nextIndex: firstIndex };
}
