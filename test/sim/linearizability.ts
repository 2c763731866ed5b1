/**
 * Judges a history by itself: is there one order of all appends and reads, each at some moment
 * between its beginning and its end, in which every append adds to the end of one log and every
 * read sees the whole of it?
 *
 * The final log fixes the order of the appends, and a read's `nextIndex` its place among them. So
 * an order exists exactly if no operation stands before another that had ended before it began:
 * two sweeps over the operations in that order, after a sort.
 *
 * A local read, and each thing that a follow saw, may lag: it is as if it had begun before all else.
 * But what it saw was committed when it ended, and whoever begins later must see it.
 */

import { digestOf, emptyDigest } from "./digest.js";
import type { HistoryEvent } from "./history.js";
import { must, Violation } from "./violation.js";

interface Operation {
  readonly op: number;
  readonly call: "append" | "read" | "follow";
  /** Places in the history. */
  readonly began: number;
  ended: number;
  outcome: "none" | "appended" | "read" | "failed" | "unknown";
  entries: number;
  /** Where an append was said to stand; where a read ended. */
  index: number;
  digest: number | undefined;
}

/** Before everything. */
const always = -1;

/** An operation's place in the one order: appends by their last entry, a read after what it saw. */
interface Placed {
  readonly operation: Operation;
  readonly nextIndex: number;
}

interface Log {
  /** Where each append stands. */
  readonly firstIndexes: ReadonlyMap<number, number>;
  /** The digest of the log below an index, where an append ends. */
  readonly digests: ReadonlyMap<number, number>;
}

function invoked(event: HistoryEvent & { type: "invoke" }, place: number): Operation {
  return {
    op: event.op,
    call: event.call,
    began: event.call === "read" && event.level === "local" ? always : place,
    ended: Number.POSITIVE_INFINITY,
    outcome: "none",
    entries: event.call === "append" ? event.entries : 0,
    index: 0,
    digest: undefined,
  };
}

/** What a follow saw, as if it were a read of its own. */
function sighting(follow: Operation, event: HistoryEvent & { type: "saw" }, at: number): Operation {
  must(follow.call === "follow", "history-form", () => `op ${event.op} is no follow`);
  const { op, nextIndex: index, digest } = event;
  return { ...follow, op, began: always, ended: at, outcome: "read", index, digest };
}

function end(operation: Operation, event: HistoryEvent, place: number): void {
  must(operation.outcome === "none", "history-form", () => `op ${operation.op} ends twice`);
  if (event.type === "appended" || event.type === "read") {
    const call = event.type === "read" ? "read" : "append";
    must(operation.call === call, "history-form", () => `op ${operation.op} is no ${call}`);
    operation.outcome = event.type;
    operation.ended = place;
    operation.index = event.type === "read" ? event.nextIndex : event.firstIndex;
    operation.digest = event.type === "read" ? event.digest : undefined;
  } else if (event.type === "failed" || event.type === "unknown") {
    operation.outcome = event.type;
  }
}

interface Gathered {
  readonly operations: ReadonlyMap<number, Operation>;
  readonly sightings: readonly Operation[];
}

function gather(events: Iterable<HistoryEvent>): Gathered {
  const operations = new Map<number, Operation>();
  const sightings: Operation[] = [];
  let place = 0;
  for (const event of events) {
    place += 1;
    switch (event.type) {
      case "invoke":
        must(!operations.has(event.op), "history-form", () => `op ${event.op} begins twice`);
        operations.set(event.op, invoked(event, place));
        break;
      case "saw":
      case "appended":
      case "read":
      case "failed":
      case "unknown": {
        const known = operations.get(event.op);
        must(known !== undefined, "history-form", () => `op ${event.op} ends and never began`);
        if (event.type === "saw") sightings.push(sighting(known, event, place));
        else end(known, event, place);
        break;
      }
      case "run":
      case "start":
      case "broken":
      case "note":
      case "log":
        break;
    }
  }
  return { operations, sightings };
}

function readLog(events: Iterable<HistoryEvent>, operations: ReadonlyMap<number, Operation>): Log {
  const firstIndexes = new Map<number, number>();
  const digests = new Map<number, number>([[1, emptyDigest]]);
  let nextIndex = 1;
  let digest = emptyDigest;
  for (const event of events) {
    if (event.type !== "log") continue;
    const { op, firstIndex, entries } = event;
    const operation = operations.get(op);
    must(operation?.call === "append", "log-from-nowhere", () => `nobody appended op ${op}`);
    must(operation.entries === entries, "log-torn", () => `op ${op} stands in the log in part`);
    must(!firstIndexes.has(op), "log-doubled", () => `op ${op} stands in the log twice`);
    must(
      firstIndex === nextIndex,
      "log-gap",
      () => `op ${op} stands at ${firstIndex}, not ${nextIndex}`,
    );
    firstIndexes.set(op, firstIndex);
    nextIndex += entries;
    digest = digestOf(digest, op);
    digests.set(nextIndex, digest);
  }
  return { firstIndexes, digests };
}

function place(operation: Operation, log: Log): Placed | undefined {
  const { op, call, outcome, index } = operation;
  if (call !== "append") {
    if (outcome !== "read") return undefined;
    const digest = log.digests.get(index);
    must(
      digest !== undefined,
      "read-torn",
      () => `${call} ${op} ends at ${index}, where none ends`,
    );
    const same = operation.digest === undefined || digest === operation.digest;
    must(same, "read-other", () => `${call} ${op} saw another log below ${index}`);
    return { operation, nextIndex: index };
  }
  const firstIndex = log.firstIndexes.get(op);
  if (outcome === "appended") {
    must(firstIndex !== undefined, "lost", () => `acknowledged append ${op} is not in the log`);
    must(firstIndex === index, "moved", () => `append ${op} was acknowledged at another index`);
  }
  if (firstIndex === undefined) return undefined;
  must(outcome !== "failed", "failed-in-log", () => `append ${op} failed, and is in the log`);
  return { operation, nextIndex: firstIndex + operation.entries };
}

/** Later operations in the order must not have ended before earlier ones began. */
function checkRealTime(placed: readonly Placed[]): void {
  // Reads of one index stand behind the append that ends there; among themselves they are free, so
  // they are compared with strictly later places only.
  let soonest: Operation | undefined;
  let group: Operation[] = [];
  let groupIndex = -1;
  const admit = (): void => {
    for (const operation of group) {
      if (soonest === undefined || operation.ended < soonest.ended) soonest = operation;
    }
    group = [];
  };
  for (let at = placed.length - 1; at >= 0; at--) {
    const { operation, nextIndex } = placed[at] as Placed;
    if (operation.call === "append" || nextIndex !== groupIndex) admit();
    groupIndex = nextIndex;
    if (soonest !== undefined && soonest.ended < operation.began) {
      throw new Violation("linearizability", tell(operation, soonest));
    }
    group.push(operation);
  }
}

function tell(earlier: Operation, later: Operation): string {
  const name = (operation: Operation) => `${operation.call} ${operation.op}`;
  return earlier.call === "append" && later.call !== "append"
    ? `${name(later)} saw append ${earlier.op}, which began after it had ended`
    : `${name(earlier)} began after ${name(later)} had ended, and does not see it`;
}

/**
 * Throws a {@link Violation} if the history is not linearizable. O(n log n). Iterates several times,
 * and keeps a row for each operation, not the events.
 */
export function checkHistory(events: Iterable<HistoryEvent>): void {
  const { operations, sightings } = gather(events);
  const log = readLog(events, operations);
  const placed: Placed[] = [];
  for (const operation of [...operations.values(), ...sightings]) {
    const one = place(operation, log);
    if (one !== undefined) placed.push(one);
  }
  const rank = ({ operation }: Placed) => (operation.call === "append" ? 0 : 1);
  placed.sort((a, b) => a.nextIndex - b.nextIndex || rank(a) - rank(b));
  checkRealTime(placed);
}
