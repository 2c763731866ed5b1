/** Judges an append before it reaches the node: every refusal of a client's append is made here. */

import { SuraftError } from "../errors.js";
import { appendRequestFields, scanAppend } from "../log/append-scan.js";
import type { EntryRun } from "../log/entry-run.js";
import type { AppendLimits } from "../node/node.js";

/**
 * The entries of an encoded AppendRequest or AppendSessionRequest. Throws a SuraftError: `invalid`
 * for what must not get into the log, `not_served` for what this version does not do.
 */
export function takeEntryRun(message: Uint8Array, limits: AppendLimits): EntryRun {
  const scan = scanAppend(message, limits, appendRequestFields);
  if (scan.type === "invalid") {
    throw new SuraftError("invalid", `the append is refused: ${scan.reason}`);
  }
  const [other] = scan.others;
  if (other !== undefined) {
    throw new SuraftError("not_served", `this version does not serve ${other.name}`, {
      details: { field: other.name },
    });
  }
  if (scan.type === "none") {
    throw new SuraftError("invalid", "the append has no entries; it must have at least one");
  }
  return scan.run;
}
