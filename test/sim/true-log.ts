/**
 * The log as it really stands in the simulated store: the walk of PROTOCOL.md section 3, written
 * from the page, over the objects themselves. What nodes believe is compared with it.
 */

import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { Epoch, Segment } from "../../src/core/types.js";
import { appendsOf } from "./content.js";
import { checkRecords } from "./ledger/record-checks.js";
import { digestOf, emptyDigest } from "./digest.js";
import { TrueLedger } from "./ledger/true-ledger.js";
import { must } from "./violation.js";

/** Names an epoch. */
export function epochKey({ term, leaderId, nonce }: Epoch): string {
  return `${nonce}/${term}/${leaderId}`;
}

/** A segment that counts, and the log's state behind it. */
export interface ValidSegment {
  readonly segment: Segment;
  /** The index after its last entry. */
  readonly nextIndex: number;
  /** Of everything in the log up to and including it. */
  readonly digest: number;
  /** How many appends the log holds up to and including it. */
  readonly state: number;
  /** What a node remembers there, for some segments. */
  readonly ledgerText: string | undefined;
}

/** Every so many segments the ledgers of all nodes are compared. */
const segmentsBetweenTexts = 16;

/** A claim object in the store, valid or void. */
interface StoredClaim {
  readonly position: number;
  readonly term: number;
}

/** Grows as objects land. */
export class TrueLog {
  readonly objects: (Segment | undefined)[] = [];
  readonly valid: ValidSegment[] = [];
  /** What the appends have established. */
  readonly ledger: TrueLedger;
  readonly #claims: StoredClaim[] = [];
  readonly #claimed = new Set<string>();
  readonly #validPositions = new Set<number>();
  readonly #lastAppendOf = new Map<number, number>();
  #epoch: Epoch = { term: 0, leaderId: "", nonce: "" };
  #last: Segment | undefined;
  #tail = 0;
  #nextIndex = 1;
  #digest = emptyDigest;
  #lastTimestampMs = 0;

  constructor(bounds: LedgerBounds) {
    this.ledger = new TrueLedger(bounds);
  }

  /** The first position at which nothing exists. */
  get tail(): number {
    return this.#tail;
  }

  /** The index of the next entry. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Whether the epoch's claim is valid and below the tail. */
  claimed(epoch: Epoch): boolean {
    return this.#claimed.has(epochKey(epoch));
  }

  /** Whether what stands at a position below the tail is valid. */
  counts(position: number): boolean {
    return this.#validPositions.has(position);
  }

  /** Whether a claim of a greater term than `term` exists at or before `position`. */
  outranked(term: number, position: number): boolean {
    return this.#claims.some((claim) => claim.term > term && claim.position <= position);
  }

  /** An object came to be. Throws a Violation where the log breaks a rule that no landing can excuse. */
  landed(segment: Segment): void {
    must(this.objects[segment.position] === undefined, "harness", () => "an object changed");
    this.objects[segment.position] = segment;
    if (segment.type === "claim") {
      this.#claims.push({ position: segment.position, term: segment.epoch.term });
    }
    for (;;) {
      const next = this.objects[this.#tail];
      if (next === undefined) return;
      this.#tail += 1;
      this.#take(next);
    }
  }

  #take(segment: Segment): void {
    const { epoch } = segment;
    if (segment.type === "claim") {
      if (epoch.term <= this.#epoch.term) return;
      this.#epoch = epoch;
      this.#claimed.add(epochKey(epoch));
      this.#count(segment);
      return;
    }
    const { term, leaderId, nonce } = this.#epoch;
    if (epoch.term !== term || epoch.leaderId !== leaderId || epoch.nonce !== nonce) return;
    const { previous } = segment;
    if (previous.position !== this.#last?.position) return;
    if (previous.checksum !== this.#last.checksum) return;
    must(
      segment.firstIndex === this.#nextIndex,
      "dense-index",
      () =>
        `position ${segment.position} begins at index ${segment.firstIndex}, not ${this.#nextIndex}`,
    );
    must(
      segment.timestampMs >= this.#lastTimestampMs,
      "timestamp-order",
      () => `position ${segment.position} is stamped before its predecessor`,
    );
    this.#lastTimestampMs = segment.timestampMs;
    this.#nextIndex += this.#takeAppends(segment);
    this.#count(segment);
  }

  #takeAppends(segment: Segment & { readonly type: "entries" }): number {
    let entryCount = 0;
    const { timestampMs, epoch } = segment;
    for (const append of appendsOf(segment)) {
      must(
        append.fate !== "returned" && append.fate !== "answered",
        "returned-in-log",
        () => `append ${append.id} was ${append.fate}, and stands at position ${segment.position}`,
      );
      const { id: op, options, keys = [], stream } = append;
      must(
        stream === undefined || op < stream.refusedId,
        "begun-behind-refusal",
        () => `append ${op} stands in the log, and ${stream?.refusedId} of its stream was refused`,
      );
      if (stream !== undefined) stream.loggedId = op;
      const firstIndex = segment.firstIndex + entryCount;
      const standing = { firstIndex, entryCount: append.entryCount, term: epoch.term, timestampMs };
      this.ledger.take({ op, options, keys, ...standing });
      const before = this.#lastAppendOf.get(append.processSerial) ?? -1;
      must(
        append.id > before,
        "append-order",
        () => `append ${append.id} stands after append ${before} of the same process`,
      );
      this.#lastAppendOf.set(append.processSerial, append.id);
      this.#digest = digestOf(this.#digest, append.id);
      entryCount += append.entryCount;
    }
    must(
      segment.entryCount === entryCount && appendsOf(segment).length > 0,
      "entry-count",
      () => `position ${segment.position} says another number of entries than it holds`,
    );
    checkRecords(segment, this.ledger);
    return entryCount;
  }

  #count(segment: Segment): void {
    this.#last = segment;
    this.#validPositions.add(segment.position);
    const isCompared = (this.valid.length + 1) % segmentsBetweenTexts === 0;
    this.valid.push({
      segment,
      nextIndex: this.#nextIndex,
      digest: this.#digest,
      state: this.ledger.state,
      ledgerText: isCompared ? this.ledger.text() : undefined,
    });
  }
}
