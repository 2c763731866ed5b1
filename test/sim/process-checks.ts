/**
 * Judges one process by what it sends, says and answers, against the true log and its own past.
 *
 * Written from PROTOCOL.md; shares no code with the core.
 */

import type { Answer, CreateOutcome, Fault, Message } from "../../src/core/protocol.js";
import type { ManifestView } from "../../src/core/manifest.js";
import type { Append, Epoch, NodeId, Segment } from "../../src/core/types.js";
import { appendsOf, type Fate, type SimAppend } from "./content.js";
import { LedgerChecks } from "./ledger/ledger-checks.js";
import { Prefix } from "./prefix.js";
import { SaidChecks } from "./said-checks.js";
import { epochKey } from "./true-log.js";
import { sameContent, type EpochRecord, type RunChecks, type SentRecord } from "./run-checks.js";
import { Violation } from "./violation.js";

export interface ProcessIdentity {
  readonly serial: number;
  readonly name: string;
  readonly nodeId: NodeId;
  readonly window: number;
  /** Another process draws the same epochs. */
  readonly copied: boolean;
}

/** The judge of one process. */
export class ProcessChecks {
  readonly ledger: LedgerChecks;
  readonly #run: RunChecks;
  readonly #identity: ProcessIdentity;
  /** How many valid segments it has announced. */
  #announced = 0;
  #nextIndex = 1;
  /** Positions that it was told exist. */
  readonly #existing = new Prefix();
  /** Positions of which it was told what stands there. */
  readonly #read = new Prefix();
  readonly #sentPositions = new Set<number>();
  readonly #said: SaidChecks;
  #unsentUnknown: SimAppend | undefined;
  /** What it has found that it cannot go on after. */
  #mustFault: string | undefined;
  /** The greatest epoch in which it has sent. */
  #latest: { readonly epoch: Epoch; readonly record: EpochRecord } | undefined;
  #epoch: Epoch | undefined;
  #epochRecord: EpochRecord | undefined;
  readonly #openAppends = new Set<SimAppend>();
  /** How many appends stood in the log when a read began that has no answer. */
  readonly #openReads = new Map<number, number>();
  readonly #cancelledReads = new Set<number>();
  #openTransfers = 0;
  #lastServed = -1;
  #ended: string | undefined;

  constructor(run: RunChecks, identity: ProcessIdentity) {
    this.#run = run;
    this.#identity = identity;
    this.ledger = new LedgerChecks(run, identity.name);
    this.#said = new SaidChecks(run, identity.name);
  }

  /** The index after the last entry that it holds. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** How many valid segments it holds. */
  get announcedCount(): number {
    return this.#announced;
  }

  /** How many appends the log holds as far as it holds it. */
  get state(): number {
    return this.#run.log.valid[this.#announced - 1]?.state ?? 0;
  }

  /** Whether it has announced the whole log. */
  get holdsAll(): boolean {
    return this.#announced === this.#run.log.valid.length;
  }

  get openAppendCount(): number {
    return this.#openAppends.size;
  }

  get openReadCount(): number {
    return this.#openReads.size;
  }

  get openTransferCount(): number {
    return this.#openTransfers;
  }

  /** Whether the read, or a later one, was answered with a proof. */
  served(readId: number): boolean {
    return this.#lastServed >= readId;
  }

  /** It was told what stands at every position below. */
  get knownEnd(): number {
    return this.#read.end;
  }

  // What the process is told.

  /**
   * It holds the log from a manifest's checkpoint on, as it is told to. `validCount`: so many segments below
   * that position count.
   */
  begins({ checkpoint }: ManifestView, validCount: number): void {
    if (checkpoint === undefined) return;
    const { tail, nextIndex } = checkpoint.walk;
    const goesOn = nextIndex >= this.#nextIndex && validCount >= this.#announced;
    this.#must(goesOn, "index-moves-back", () => `begins again at ${tail}, index ${nextIndex}`);
    this.#announced = validCount;
    this.#nextIndex = nextIndex;
    this.#existing.addBelow(tail);
    this.#read.addBelow(tail);
  }

  /** The process hears that something stands at every position below the tail. */
  heardOfTail(tail: number): void {
    for (let position = this.#existing.end; position < tail; position++)
      this.#existing.add(position);
  }

  /** A create of the process is answered. */
  createAnswered(segment: Segment, outcome: CreateOutcome): void {
    const record = this.#epochOf(segment.epoch);
    const sent = record.sent.get(segment.position);
    if (sent !== undefined) {
      sent.open = false;
      sent.mayStand ||= outcome !== "refused";
    }
    if (outcome === "created") this.#read.add(segment.position);
    if (outcome === "created" || outcome === "exists") this.#existing.add(segment.position);
  }

  /** A get of the process finds an object. `leads`: the process takes itself for the leader. */
  found(segment: Segment, leads: boolean): void {
    this.#existing.add(segment.position);
    this.#read.add(segment.position);
    const { epoch, record } = this.#latest ?? {};
    if (!leads || epoch === undefined || epochKey(epoch) !== epochKey(segment.epoch)) return;
    const sent = record?.sent.get(segment.position);
    if (sent !== undefined && !sameContent(sent.segment, segment))
      this.#mustFault = "a clone's work";
  }

  /** A get of the process finds a damaged object. */
  foundDamaged(position: number): void {
    // What it reads back for an epoch that has settled everything is no concern of it any more.
    const needed = position === this.#read.end && !this.#sentPositions.has(position);
    if (needed) this.#mustFault = `a damaged object at ${position}`;
  }

  appendBegan(append: SimAppend): void {
    this.#openAppends.add(append);
    append.beganState = this.#run.log.ledger.state;
    const { options, keys } = append;
    this.#run.history.push({
      type: "invoke",
      t: this.#run.now,
      op: append.id,
      process: this.#identity.name,
      call: "append",
      entries: append.entryCount,
      ...(options && { options }),
      ...(keys && { keys }),
    });
  }

  readBegan(readId: number): void {
    this.#openReads.set(readId, this.#run.log.ledger.state);
    const { now, history } = this.#run;
    const begins = { type: "invoke", t: now, op: readId, process: this.#identity.name } as const;
    const question = this.ledger.question(readId);
    if (question === undefined) history.push({ ...begins, call: "read" });
    else history.push({ ...begins, call: "outcome", ...question });
  }

  readCancelled(readId: number): void {
    if (this.#openReads.delete(readId)) this.#cancelledReads.add(readId);
  }

  /** The process is dead: its clients learn nothing more. */
  died(): void {
    for (const append of this.#openAppends) {
      this.#settle(append, "unknown", "died");
      append.ended?.({ type: "unknown" });
    }
    this.#openReads.clear();
  }

  // What the process does.

  sent(segment: Segment, tick: number): void {
    const { position, epoch } = segment;
    this.#mustGoOn(() => `a create at ${position}`);
    this.#must(epoch.leaderId === this.#identity.nodeId, "epoch-owner", () => "a foreign epoch");
    const record = this.#epochOf(epoch);
    if (epoch.term > (this.#latest?.epoch.term ?? 0)) this.#latest = { epoch, record };
    this.#sentPositions.add(position);
    const before = record.sent.get(position);
    if (before !== undefined) this.#checkRepeat(before, segment, tick);
    record.sent.set(position, {
      segment,
      lastTick: tick,
      open: true,
      mayStand: before?.mayStand ?? false,
    });
    if (segment.type === "claim") {
      this.#must(segment.window === this.#identity.window, "claim-window", () => "a false window");
      record.furthestClaim = Math.max(record.furthestClaim, position);
      const most = this.#run.log.tail + 64 * 8;
      this.#must(position <= most, "claim-ahead", () => `a claim at ${position}, beyond ${most}`);
    } else {
      this.#checkEntries(segment, record);
    }
  }

  #checkRepeat(before: SentRecord, segment: Segment, tick: number): void {
    const { position } = segment;
    this.#must(
      sameContent(before.segment, segment),
      "one-content",
      () => `other bytes under position ${position}, already used by this epoch`,
    );
    this.#must(
      !before.open,
      "create-twice",
      () => `a second create of position ${position} while the first is open`,
    );
    const { repeatTicks } = this.#run.settings;
    this.#must(
      tick - before.lastTick >= repeatTicks,
      "repeat-pace",
      () => `position ${position} is created again after less than ${repeatTicks} ticks`,
    );
  }

  #checkEntries(segment: Segment & { type: "entries" }, record: EpochRecord): void {
    const { position, epoch } = segment;
    const { log, settings } = this.#run;
    const { window } = this.#identity;
    this.#must(
      position < log.tail + window && position < this.#existing.end + window,
      "window",
      () =>
        `entries at ${position}: the window is ${window}, the tail ${log.tail}, known ${this.#existing.end}`,
    );
    this.#must(log.claimed(epoch), "lead-early", () => "entries before the claim is committed");
    for (let below = log.tail; below < record.furthestClaim; below++) {
      this.#must(record.sent.has(below), "fill-gap", () => `entries while ${below} is not filled`);
    }
    const appends = appendsOf(segment);
    const bytes = appends.reduce((sum, append) => sum + append.sizeBytes, 0);
    this.#must(
      segment.entryCount <= settings.segmentEntriesMax && bytes <= settings.segmentBytesMax,
      "segment-size",
      () => `${segment.entryCount} entries, ${bytes} bytes in one segment`,
    );
    for (const append of appends) {
      this.#must(
        append.processSerial === this.#identity.serial && append.fate !== "returned",
        "returned-sent",
        () => `append ${append.id} is sent, and its fate is ${append.fate}`,
      );
      if (append.sent.at(-1)?.position !== position) append.sent.push(segment);
    }
  }

  /** The process announces a valid segment, and acknowledges its own appends in it. */
  committed(segment: Segment, appends: readonly Append[], openedIds: readonly number[] = []): void {
    const truth = this.#run.log.valid[this.#announced];
    this.#must(
      truth !== undefined && sameContent(truth.segment, segment),
      "walk-disagrees",
      () =>
        `announces position ${segment.position} (index ${indexOf(segment)}); ` +
        (truth === undefined
          ? "the true log ends before it"
          : `next in the true log is position ${truth.segment.position} (index ${indexOf(truth.segment)})`),
    );
    this.#announced += 1;
    this.#nextIndex = truth.nextIndex;
    this.ledger.opened(appends as readonly SimAppend[], openedIds);
    if (segment.type === "entries") this.#acknowledge(segment, appends);
    else this.#must(appends.length === 0, "ack-claim", () => "acknowledges appends in a claim");
  }

  #acknowledge(segment: Segment & { type: "entries" }, appends: readonly Append[]): void {
    const held = appendsOf(segment);
    if (appends.length === 0) {
      this.#must(
        held.every((append) => !this.#openAppends.has(append)),
        "ack-missing",
        () => `does not acknowledge its own appends at position ${segment.position}`,
      );
      return;
    }
    this.#must(
      appends.length === held.length && held.every((append, index) => append === appends[index]),
      "ack-other",
      () => `acknowledges other appends than those at position ${segment.position}`,
    );
    let firstIndex = segment.firstIndex;
    for (const append of held) {
      this.#settle(append, "committed", "");
      const { now, history, log } = this.#run;
      const openedId = log.ledger.openedBy(append.id);
      const told = { firstIndex, ...(openedId !== undefined && { openedId }) };
      history.push({ type: "appended", t: now, op: append.id, ...told });
      append.ended?.({ type: "committed", ...told });
      firstIndex += append.entryCount;
    }
  }

  /** The process does not make the append, and says why. */
  answered(append: SimAppend, answer: Answer): void {
    this.#settle(append, "answered", "");
    this.#mustBeDead(append);
    this.ledger.answered(append, answer);
    const { now, history, tally } = this.#run;
    if (answer.type === "repeat") tally.repeats += 1;
    else tally.refusals += 1;
    history.push({ type: "answered", t: now, op: append.id, answer });
    append.ended?.({ type: "answered", answer });
  }

  returned(appends: readonly Append[], reason: string): void {
    let last = -1;
    for (const append of appends as readonly SimAppend[]) {
      this.#must(append.id > last, "returned-order", () => "returned out of order");
      last = append.id;
      this.#settle(append, "returned", reason);
      this.#mustBeDead(append);
      this.#must(
        reason !== "notBegun" || append.id > (append.stream?.refusedId ?? Infinity),
        "not-begun",
        () => `append ${append.id} is not begun, and none before it in its stream was refused`,
      );
      append.ended?.({ type: "returned" });
    }
  }

  #mustBeDead(append: SimAppend): void {
    this.#must(
      append.sent.every((segment) => this.#isDead(segment)),
      "returned-open",
      () =>
        `append ${append.id} is ${append.fate}, and may yet count where it was sent: ` +
        append.sent.map(({ position }) => `@${position}`).join(" "),
    );
  }

  #epochOf(epoch: Epoch): EpochRecord {
    if (epoch !== this.#epoch || this.#epochRecord === undefined) {
      const { serial, copied } = this.#identity;
      this.#epochRecord = this.#run.epochOf(epoch, serial, copied);
      this.#epoch = epoch;
    }
    return this.#epochRecord;
  }

  #isDead(segment: Segment): boolean {
    const record = this.#epochOf(segment.epoch);
    return segment.type === "entries" && this.#run.isDead(segment, record);
  }

  unknown(appends: readonly Append[]): void {
    for (const append of appends as readonly SimAppend[]) {
      if (append.sent.length === 0) this.#unsentUnknown = append;
      this.#settle(append, "unknown", "unknown");
      append.ended?.({ type: "unknown" });
    }
  }

  #settle(append: SimAppend, fate: Fate, reason: string): void {
    this.#must(
      this.#openAppends.delete(append) && append.fate === "open",
      "one-fate",
      () => `append ${append.id} is ${fate} after it was ${append.fate}`,
    );
    append.fate = fate;
    const { now, history, tally } = this.#run;
    if (fate === "committed") {
      tally.appended += 1;
    } else if (fate === "answered") {
      return;
    } else if (fate === "returned") {
      tally.returned += 1;
      history.push({ type: "failed", t: now, op: append.id, reason });
    } else {
      tally.unknown += 1;
      history.push({ type: "unknown", t: now, op: append.id, reason });
    }
  }

  readReady(readId: number): void {
    const state = this.#takeRead(readId);
    const { now, history, tally, log } = this.#run;
    this.#must(
      this.state >= state,
      "stale-read",
      () => `read ${readId} sees ${this.state} appends; ${state} stood when it began`,
    );
    this.#lastServed = Math.max(this.#lastServed, readId);
    if (this.ledger.question(readId) !== undefined) return;
    tally.reads += 1;
    const digest = log.valid[this.#announced - 1]?.digest;
    history.push({
      type: "read",
      t: now,
      op: readId,
      nextIndex: this.#nextIndex,
      digest: digest ?? 0x811c9dc5,
    });
  }

  readFailed(readId: number): void {
    this.#takeRead(readId);
    this.#run.history.push({ type: "failed", t: this.#run.now, op: readId, reason: "noProof" });
  }

  #takeRead(readId: number): number {
    const state = this.#openReads.get(readId);
    this.#must(state !== undefined, "read-answer", () =>
      this.#cancelledReads.has(readId)
        ? `read ${readId} is answered after it was cancelled`
        : `read ${readId} is answered twice, or never began`,
    );
    this.#openReads.delete(readId);
    return state;
  }

  said(message: Message): void {
    if (message.type === "heartbeatRequest") this.#mustGoOn(() => "a heartbeat");
    this.#said.said(message);
  }

  /** The process says that it cannot go on. `expected`: the run gave it reason to. */
  faulted(fault: Fault, expected: boolean): void {
    this.#must(
      expected,
      "false-fault",
      () => `faults for no reason: ${fault.kind}, ${fault.message}`,
    );
    this.#ended = `its fault (${fault.kind})`;
  }

  transferBegan(): void {
    this.#openTransfers += 1;
  }

  transferred(): void {
    this.#openTransfers -= 1;
    this.#must(this.#openTransfers >= 0, "transfer-answer", () => "answers a transfer twice");
  }

  stopped(): void {
    this.#must(this.#openAppends.size === 0, "stop-fates", () => "stopped with appends open");
    this.#ended = "it had stopped";
  }

  /** The process has performed all effects of a step. */
  stepped(): void {
    this.#must(
      this.#mustFault === undefined || this.#ended !== undefined,
      "no-fault",
      () => `goes on after it found ${this.#mustFault}`,
    );
    // A node at fault says "unknown" of everything: another may lead in its name.
    this.#must(
      this.#unsentUnknown === undefined || this.#ended !== undefined,
      "unknown-unsent",
      () => `append ${this.#unsentUnknown?.id} was never sent, and its outcome is called unknown`,
    );
  }

  #mustGoOn(what: () => string): void {
    this.#must(
      this.#ended === undefined,
      "after-end",
      () => `${what()} after ${this.#ended ?? ""}`,
    );
  }

  #must(condition: boolean, rule: string, message: () => string): asserts condition {
    if (!condition) throw new Violation(rule, `${this.#identity.name}: ${message()}`);
  }
}

function indexOf(segment: Segment): string {
  return segment.type === "claim" ? "claim" : `${segment.firstIndex}`;
}
