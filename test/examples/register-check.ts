/**
 * Judges histories of a register with compare-and-set by themselves: is there one order of all operations,
 * each at some moment between its beginning and its end, in which every one has the answer that it had?
 *
 * Each value is written by one operation only, so a condition on a version is one on a value. A search in
 * the manner of Wing and Gong, that remembers where it has been (Lowe).
 */

/** What a register holds: one of the values, or nothing. */
export type Held = string | undefined;

interface Timed {
  readonly beganMs: number;
  /** Infinity for one without an answer: it may have its effect at any later time, or never. */
  readonly endedMs: number;
}

export type RegisterOperation = Timed &
  (
    | { readonly type: "read"; readonly found: Held }
    | {
        readonly type: "write";
        readonly value: Held;
        /** Absent: on no condition. */
        readonly condition?: { readonly held: Held };
        readonly outcome:
          | { readonly type: "done" }
          | { readonly type: "conflict"; readonly found: Held }
          | { readonly type: "unknown" };
      }
  );

/** What the register holds after the operation; undefined if it cannot have had its answer then. */
function after(operation: RegisterOperation, held: Held): { readonly held: Held } | undefined {
  if (operation.type === "read") return operation.found === held ? { held } : undefined;
  const { condition, outcome, value } = operation;
  const holds = condition === undefined || condition.held === held;
  switch (outcome.type) {
    case "done":
      return holds ? { held: value } : undefined;
    case "conflict":
      return !holds && outcome.found === held ? { held } : undefined;
    case "unknown":
      return { held: holds ? value : held };
  }
}

function isOpen(operation: RegisterOperation): boolean {
  return operation.type === "write" && operation.outcome.type === "unknown";
}

/** Whether there is such an order, from an empty register on. */
export function isLinearizable(history: readonly RegisterOperation[]): boolean {
  const operations = [...history].sort((a, b) => a.beganMs - b.beganMs);
  const taken = operations.map(() => false);
  const seen = new Set<string>();
  let left = operations.filter((operation) => !isOpen(operation)).length;

  const search = (held: Held): boolean => {
    if (left === 0) return true;
    const place = `${taken.map(Number).join("")}${held === undefined ? "" : `=${held}`}`;
    if (seen.has(place)) return false;
    seen.add(place);
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const [at, { endedMs }] of operations.entries()) {
      if (taken[at] === false) soonestMs = Math.min(soonestMs, endedMs);
    }
    for (const [at, operation] of operations.entries()) {
      if (operation.beganMs > soonestMs) break;
      if (taken[at] === true) continue;
      const next = after(operation, held);
      if (next === undefined) continue;
      const counts = isOpen(operation) ? 0 : 1;
      taken[at] = true;
      left -= counts;
      if (search(next.held)) return true;
      taken[at] = false;
      left += counts;
    }
    return false;
  };
  return search(undefined);
}
