/** Judges a history file, and says so. */

import { judgeHistory } from "./history-rules.js";
import { openHistory } from "./history.js";

/** Prints every rule that the history breaks. Returns whether there is none. */
export function judgeFile(path: string): boolean {
  const events = openHistory(path);
  const violations = judgeHistory(events);
  for (const { rule, message } of violations) console.log(`${path}: ${rule}: ${message}`);
  if (violations.length > 0) return false;
  const counts = new Map<string, number>();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  const told = [...counts].map(([type, count]) => `${count} ${type}`).join(", ");
  console.log(`${path}: linearizable, and nothing else is wrong: ${told}`);
  return true;
}
