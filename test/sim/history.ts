/**
 * What clients did and saw, in the order in which it happened. README.md documents the file form.
 *
 * Invariant: an operation is invoked before it ends, and ends at most once.
 */

/** One event. `t` is virtual milliseconds; the order of events is the order of real time. */
export type HistoryEvent =
  | { readonly type: "run"; readonly seed: number; readonly nodes: readonly string[] }
  | {
      readonly type: "invoke";
      readonly t: number;
      readonly op: number;
      readonly process: string;
      readonly call: "append";
      readonly entries: number;
    }
  | {
      readonly type: "invoke";
      readonly t: number;
      readonly op: number;
      readonly process: string;
      readonly call: "read";
    }
  /** An append stands in the log from `firstIndex`. */
  | {
      readonly type: "appended";
      readonly t: number;
      readonly op: number;
      readonly firstIndex: number;
    }
  /** A read saw the log up to `nextIndex`; `digest` is of the appends in it. */
  | {
      readonly type: "read";
      readonly t: number;
      readonly op: number;
      readonly nextIndex: number;
      readonly digest: number;
    }
  /** Certainly without effect, for ever. */
  | { readonly type: "failed"; readonly t: number; readonly op: number; readonly reason: string }
  /** May have taken effect, or may later. */
  | { readonly type: "unknown"; readonly t: number; readonly op: number; readonly reason: string }
  /** One append of the final log, in order. */
  | {
      readonly type: "log";
      readonly op: number;
      readonly firstIndex: number;
      readonly entries: number;
    };

/** Parses a history file. Throws an Error that names the line. */
export function parseHistory(text: string): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  text.split("\n").forEach((line, index) => {
    if (line === "") return;
    try {
      events.push(JSON.parse(line) as HistoryEvent);
    } catch (error) {
      throw new Error(`line ${index + 1} is not JSON`, { cause: error });
    }
  });
  return events;
}

/** A history file's text: one event a line. */
export function formatHistory(events: readonly HistoryEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}
