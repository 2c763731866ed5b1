/**
 * Judges a history by itself: is there one order of all calls, each at some moment between its
 * beginning and its end, in which every append adds to the end of one log, every read sees the whole
 * of it, and every refusal, repeat and outcome is true of it?
 *
 * The final log fixes the order of the appends. Whatever else was answered is true after some of the
 * log's appends and not after others; place `s` means: after the first `s`. Each call takes the least
 * place that is true and not before the place of any call that had ended when it began. If any order
 * exists, this one does: a lesser place hinders nobody. And no call stands behind an append that had
 * not begun when the call ended.
 *
 * A local read, and each thing that a follow saw, may lag: it is as if it had begun before all else.
 * But what it saw was committed when it ended, and whoever begins later must see it.
 */

import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import type { Answer, ProducerOutcome } from "../../src/core/protocol.js";
import type { AppendOptions, EntryKey } from "../../src/core/types.js";
import { digestOf, emptyDigest } from "./digest.js";
import type { HistoryEvent } from "./history.js";
import { TrueLedger } from "./ledger/true-ledger.js";
import { must, Violation } from "./violation.js";

type Invoke = HistoryEvent & { readonly type: "invoke" };
type End = HistoryEvent & {
  readonly type: "appended" | "answered" | "read" | "outcome" | "saw" | "failed" | "unknown";
};
type Call = Invoke["call"];

/** What is kept of a call. */
interface Operation {
  readonly op: number;
  readonly call: Call;
  readonly entries: number;
  readonly options: AppendOptions | undefined;
  readonly keys: readonly EntryKey[];
  /** Of an outcome: the producer's number that it asks about. */
  readonly producerId: number;
  readonly sequence: number;
  /** It may lag. */
  readonly local: boolean;
  outcome: "none" | End["type"];
  /** Of an acknowledged append. */
  firstIndex: number;
  openedId: number | undefined;
  /** No call that had ended when it began stands behind this place. */
  floor: number;
}

/** The final log. */
interface Log {
  /** The appends, in order. */
  readonly ops: readonly number[];
  /** The place of each: 1 for the first. */
  readonly places: ReadonlyMap<number, number>;
  readonly firstIndexes: ReadonlyMap<number, number>;
  /** After each place: the next index, and the digest of what stands before it. */
  readonly nextIndexes: readonly number[];
  readonly digests: readonly number[];
  readonly ledger: TrueLedger;
}

const noOptions: AppendOptions = {};
const noKeys: readonly EntryKey[] = [];

const callsOfEnds: Readonly<Record<End["type"], readonly Call[]>> = {
  appended: ["append"],
  answered: ["append"],
  read: ["read"],
  outcome: ["outcome"],
  saw: ["follow"],
  failed: ["append", "read", "outcome", "follow"],
  unknown: ["append", "read", "outcome", "follow"],
};

function invoked(event: Invoke): Operation {
  const append = event.call === "append" ? event : undefined;
  const question = event.call === "outcome" ? event : undefined;
  return {
    op: event.op,
    call: event.call,
    entries: append?.entries ?? 0,
    options: append?.options,
    keys: append?.keys ?? noKeys,
    producerId: question?.producerId ?? 0,
    sequence: question?.sequence ?? 0,
    local: event.call === "follow" || (event.call === "read" && event.level === "local"),
    outcome: "none",
    firstIndex: 0,
    openedId: undefined,
    floor: 0,
  };
}

function end(operation: Operation | undefined, event: End): void {
  const { op, type } = event;
  must(operation !== undefined, "history-form", () => `op ${op} ends and never began`);
  const isOfCall = callsOfEnds[type].includes(operation.call);
  must(isOfCall, "history-form", () => `op ${op} is no ${type}`);
  if (type === "saw") return;
  must(operation.outcome === "none", "history-form", () => `op ${op} ends twice`);
  operation.outcome = type;
  if (type !== "appended") return;
  operation.firstIndex = event.firstIndex;
  operation.openedId = event.openedId;
}

function gather(events: Iterable<HistoryEvent>): Map<number, Operation> {
  const operations = new Map<number, Operation>();
  for (const event of events) {
    switch (event.type) {
      case "invoke":
        must(!operations.has(event.op), "history-form", () => `op ${event.op} begins twice`);
        operations.set(event.op, invoked(event));
        break;
      case "run":
      case "start":
      case "broken":
      case "note":
      case "log":
        break;
      default:
        end(operations.get(event.op), event);
    }
  }
  return operations;
}

function readLog(events: Iterable<HistoryEvent>, operations: ReadonlyMap<number, Operation>): Log {
  let ledger = new TrueLedger(ledgerBounds);
  const ops: number[] = [];
  const places = new Map<number, number>();
  const firstIndexes = new Map<number, number>();
  const nextIndexes = [1];
  const digests = [emptyDigest];
  for (const event of events) {
    if (event.type === "run" && event.bounds !== undefined) ledger = new TrueLedger(event.bounds);
    if (event.type !== "log") continue;
    const { op, firstIndex, entries, term = 0, timestampMs = 0 } = event;
    const operation = operations.get(op);
    must(operation?.call === "append", "log-from-nowhere", () => `nobody appended op ${op}`);
    must(operation.entries === entries, "log-torn", () => `op ${op} stands in the log in part`);
    must(!places.has(op), "log-doubled", () => `op ${op} stands in the log twice`);
    const nextIndex = nextIndexes.at(-1) ?? 1;
    must(
      firstIndex === nextIndex,
      "log-gap",
      () => `op ${op} stands at ${firstIndex}, not ${nextIndex}`,
    );
    const { options, keys } = operation;
    ledger.take({ op, firstIndex, entryCount: entries, options, keys, term, timestampMs });
    places.set(op, ops.push(op));
    firstIndexes.set(op, firstIndex);
    nextIndexes.push(nextIndex + entries);
    digests.push(digestOf(digests.at(-1) ?? emptyDigest, op));
  }
  return { ops, places, firstIndexes, nextIndexes, digests, ledger };
}

/** What was said of appends must be so in the log. */
function checkAppend({ op, outcome, openedId, firstIndex: told }: Operation, log: Log): void {
  const firstIndex = log.firstIndexes.get(op);
  if (outcome === "appended") {
    must(firstIndex !== undefined, "lost", () => `acknowledged append ${op} is not in the log`);
    must(firstIndex === told, "moved", () => `append ${op} was acknowledged at another index`);
    must(
      openedId === log.ledger.openedBy(op),
      "opened-ids",
      () => `append ${op} opened another producer than was said`,
    );
  }
  const isGone = outcome === "failed" || outcome === "answered";
  must(
    firstIndex === undefined || !isGone,
    "failed-in-log",
    () => `append ${op} is ${outcome}, and is in the log`,
  );
}

/** Where in the log a call may stand. */
interface Span {
  /** Not before this: calls that ended before it began stand there. */
  readonly from: number;
  /** Not behind this: the next append had not begun when it ended. */
  readonly to: number;
}

class Sweep {
  readonly #log: Log;
  readonly #operations: ReadonlyMap<number, Operation>;
  /** For each of the log's appends: whether it has begun. */
  readonly #began: Uint8Array;
  /** So many of the log's first appends have begun. */
  #begun = 0;
  /** Some call that has ended stands here, and none behind it. */
  #floor = 0;

  constructor(log: Log, operations: ReadonlyMap<number, Operation>) {
    this.#log = log;
    this.#operations = operations;
    this.#began = new Uint8Array(log.ops.length);
  }

  take(event: HistoryEvent): void {
    switch (event.type) {
      case "invoke":
        return this.#begin(event.op);
      case "appended":
      case "answered":
      case "read":
      case "outcome":
      case "saw":
        return this.#end(event);
      default:
    }
  }

  #begin(op: number): void {
    const operation = this.#operations.get(op);
    if (operation === undefined) return;
    operation.floor = operation.local ? 0 : this.#floor;
    const place = this.#log.places.get(op);
    if (place === undefined) return;
    this.#began[place - 1] = 1;
    while (this.#began[this.#begun] === 1) this.#begun += 1;
  }

  #end(event: Ended): void {
    const operation = this.#operations.get(event.op);
    if (operation === undefined) return;
    const span = { from: operation.floor, to: this.#begun };
    const place = placeOf(event, operation, this.#log, span);
    const name = `${operation.call} ${operation.op}`;
    if (place < span.from) {
      throw new Violation("linearizability", `${name} misses what had ended before it began`);
    }
    if (place > span.to) {
      const late = this.#log.ops[span.to];
      const message = `${name} stands behind append ${late}, which began after it had ended`;
      throw new Violation("linearizability", message);
    }
    this.#floor = Math.max(this.#floor, place);
  }
}

type Ended = Exclude<End, { readonly type: "failed" | "unknown" }>;

/** The least place of a call. Throws where none in the span is right. */
function placeOf(event: Ended, operation: Operation, log: Log, span: Span): number {
  switch (event.type) {
    case "appended":
      return log.places.get(event.op) ?? 0;
    case "read":
    case "saw":
      return placeOfRead(event, log, span);
    case "answered":
      return placeOfAnswer(event.answer, operation, log, span);
    case "outcome":
      return placeOfOutcome(event.outcome, operation, log, span);
  }
}

type Seen = Extract<End, { readonly type: "read" | "saw" }>;

function placeOfRead(
  { op, nextIndex, digest }: Seen,
  { nextIndexes, digests }: Log,
  { from }: Span,
): number {
  let place = lowest(nextIndexes, nextIndex);
  must(
    nextIndexes[place] === nextIndex,
    "read-torn",
    () => `read ${op} ends at ${nextIndex}, where no append ends`,
  );
  // Appends without entries move no index: the digest tells them, if there is one.
  const isLess = (): boolean => (digest === undefined ? place < from : digests[place] !== digest);
  while (isLess() && nextIndexes[place + 1] === nextIndex) place += 1;
  const isSame = digest === undefined || digests[place] === digest;
  must(isSame, "read-other", () => `read ${op} saw another log below ${nextIndex}`);
  return place;
}

/** The first place at which the next index is not below the one sought. */
function lowest(nextIndexes: readonly number[], sought: number): number {
  let low = 0;
  let high = nextIndexes.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((nextIndexes[middle] ?? Infinity) >= sought) high = middle;
    else low = middle + 1;
  }
  return low;
}

function placeOfAnswer(
  answer: Answer,
  { op, options = noOptions }: Operation,
  { ledger }: Log,
  span: Span,
): number {
  if (answer.type === "refused") {
    const place = firstThat(span, (state) => ledger.isRight(answer.refusal, options, state));
    must(
      place !== undefined,
      "false-refusal",
      () => `append ${op} is refused, and never was it so: ${JSON.stringify(answer.refusal)}`,
    );
    return place;
  }
  const { producer } = options;
  must(producer !== undefined, "false-repeat", () => `append ${op} has no number to repeat`);
  const place = firstThat(span, (state) => ledger.isRepeat(producer, answer.standing, state));
  must(
    place !== undefined,
    "false-repeat",
    () => `append ${op} is called a repeat: ${JSON.stringify(answer.standing)}`,
  );
  return place;
}

function placeOfOutcome(
  outcome: ProducerOutcome,
  { op, producerId, sequence }: Operation,
  { ledger }: Log,
  span: Span,
): number {
  const place = firstThat(span, (state) =>
    sameOutcome(ledger.outcomeAt(producerId, sequence, state), outcome),
  );
  must(
    place !== undefined,
    "false-outcome",
    () => `number ${sequence} of producer ${producerId} never was what outcome ${op} says`,
  );
  return place;
}

/** A history may not tell terms and times of the log. */
function sameOutcome(truth: ProducerOutcome, told: ProducerOutcome): boolean {
  if (truth.type !== "committed" || told.type !== "committed") {
    return JSON.stringify(truth) === JSON.stringify(told);
  }
  const [one, other] = [truth.standing, told.standing];
  return one?.firstIndex === other?.firstIndex && one?.entryCount === other?.entryCount;
}

function firstThat({ from, to }: Span, holds: (state: number) => boolean): number | undefined {
  for (let state = from; state <= to; state++) if (holds(state)) return state;
  return undefined;
}

/**
 * Throws a {@link Violation} if the history is not linearizable. Iterates three times, and keeps a
 * row for each operation, not the events.
 */
export function checkHistory(events: Iterable<HistoryEvent>): void {
  const operations = gather(events);
  const log = readLog(events, operations);
  for (const operation of operations.values()) {
    if (operation.call === "append") checkAppend(operation, log);
  }
  const sweep = new Sweep(log, operations);
  for (const event of events) sweep.take(event);
}
