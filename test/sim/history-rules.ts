/**
 * What a history must hold beside linearizability: the order of sessions, terms and timestamps that
 * never fall, processes that never go back, and nothing that its recorder found broken.
 *
 * Each rule takes one pass over the events and keeps at most a row for each operation.
 */

import type { HistoryEvent } from "./history.js";
import { checkHistory } from "./linearizability.js";
import { must, Violation } from "./violation.js";

type Rule = (events: Iterable<HistoryEvent>) => void;

/** Appends of one session stand in the log in the order in which they began. */
function checkSessions(events: Iterable<HistoryEvent>): void {
  const sessionOf = new Map<number, number>();
  const lastOf = new Map<number, number>();
  for (const event of events) {
    if (event.type === "invoke" && event.call === "append" && event.session !== undefined) {
      sessionOf.set(event.op, event.session);
    }
    if (event.type !== "log") continue;
    const { op } = event;
    const session = sessionOf.get(op);
    if (session === undefined) continue;
    const last = lastOf.get(session) ?? -1;
    must(last <= op, "session-order", () => `append ${op} stands behind ${last} of its session`);
    lastOf.set(session, op);
  }
}

interface Stamp {
  readonly term: number | undefined;
  readonly timestampMs: number | undefined;
}

function tell({ term, timestampMs }: Stamp): string {
  return `term ${term ?? "unknown"}, time ${timestampMs ?? "unknown"}`;
}

/** Terms and timestamps never fall along the log, and are those that the client was told. */
function checkStamps(events: Iterable<HistoryEvent>): void {
  const told = new Map<number, Stamp>();
  let term = 0;
  let timestampMs = 0;
  for (const event of events) {
    if (event.type === "appended") {
      told.set(event.op, { term: event.term, timestampMs: event.timestampMs });
    }
    if (event.type !== "log") continue;
    const { op, firstIndex } = event;
    const stands = { term: event.term, timestampMs: event.timestampMs };
    const rises =
      (stands.term ?? term) >= term && (stands.timestampMs ?? timestampMs) >= timestampMs;
    must(
      rises,
      "stamp-fell",
      () => `${tell(stands)} at ${firstIndex} follows ${tell({ term, timestampMs })}`,
    );
    term = stands.term ?? term;
    timestampMs = stands.timestampMs ?? timestampMs;
    const stamp = told.get(op);
    if (stamp === undefined || stands.term === undefined) continue;
    const same =
      (stamp.term ?? term) === term && (stamp.timestampMs ?? timestampMs) === timestampMs;
    must(
      same,
      "stamp-other",
      () => `append ${op} was told ${tell(stamp)}, and has ${tell(stands)}`,
    );
  }
}

interface OpenRead {
  readonly process: string;
  /** The reads of the process that had ended before saw everything below. */
  readonly floor: number;
}

/**
 * A read of a process sees what an earlier read of that process saw, at any level. Only where `start`
 * events say which process it was all the while; and no follow goes back.
 */
function checkProcesses(events: Iterable<HistoryEvent>): void {
  const running = new Map<string, string>();
  const seenBy = new Map<string, number>();
  const open = new Map<number, OpenRead>();
  const followed = new Map<number, number>();
  for (const event of events) {
    if (event.type === "start") running.set(nodeOf(event.process), event.process);
    else if (event.type === "invoke" && event.call === "read") {
      const { op, process } = event;
      open.set(op, { process, floor: seenBy.get(process) ?? 0 });
    } else if (event.type === "read") {
      const read = open.get(event.op);
      open.delete(event.op);
      if (read === undefined || running.get(nodeOf(read.process)) !== read.process) continue;
      const { op, nextIndex } = event;
      const { process, floor } = read;
      must(
        nextIndex >= floor,
        "went-back",
        () => `read ${op} at ${process} ended at ${nextIndex}; an earlier one had seen ${floor}`,
      );
      seenBy.set(process, Math.max(seenBy.get(process) ?? 0, nextIndex));
    } else if (event.type === "saw") {
      const { op, nextIndex } = event;
      const before = followed.get(op) ?? 0;
      must(
        nextIndex >= before,
        "went-back",
        () => `follow ${op} went from ${before} to ${nextIndex}`,
      );
      followed.set(op, nextIndex);
    }
  }
}

function nodeOf(process: string): string {
  return process.slice(0, process.lastIndexOf("."));
}

const rules: readonly Rule[] = [checkHistory, checkSessions, checkStamps, checkProcesses];
const brokenMax = 100;

/**
 * All that the recorder found broken, at most a hundred of it, and the first violation of each rule.
 * `events` is iterated several times.
 */
export function judgeHistory(events: Iterable<HistoryEvent>): readonly Violation[] {
  const found: Violation[] = [];
  for (const event of events) {
    if (event.type !== "broken") continue;
    found.push(new Violation(event.rule, event.text));
    if (found.length === brokenMax) break;
  }
  for (const rule of rules) {
    try {
      rule(events);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      found.push(error);
    }
  }
  return found;
}
