/** Judges an append before it reaches the node, and says of one that failed what became of it. */

import { SuraftError } from "../errors.js";
import { appendRequestFields } from "../log/append-options.js";
import { scanAppend, type ScannedAppend } from "../log/append-scan.js";
import type { AppendLimits } from "../node/node.js";

/**
 * The append in an encoded AppendRequest or AppendSessionRequest. Throws `invalid` for what must not
 * get into the log.
 */
export function takeAppend(message: Uint8Array, limits: AppendLimits): ScannedAppend {
  const scan = scanAppend(message, limits, appendRequestFields);
  if (scan.type === "append") {
    return scan.append;
  }
  const reason = scan.type === "invalid" ? scan.reason : "it is no append";
  throw new SuraftError("invalid", `the append is refused: ${reason}`);
}

/** An append's failure as its client gets it: `outcome` says what became of the entries. */
export function appendFailure(error: SuraftError): SuraftError {
  const outcome = isNotCommitted(error) ? "not_committed" : "unknown";
  return error.details["outcome"] === outcome ? error : error.withDetails({ outcome });
}

/** Whether the entries are not in the log, and this call will not put them there. */
function isNotCommitted({ kind }: SuraftError): boolean {
  switch (kind) {
    case "invalid":
    case "not_served":
    case "conflict":
    case "out_of_range":
    case "not_leader":
    case "unavailable":
    case "overloaded":
    case "unauthenticated":
    case "forbidden":
      return true;
    // Whoever sends a number again to an expired producer may have been heard the first time.
    case "producer_expired":
    case "unknown_outcome":
    case "corrupt":
    case "cancelled":
    case "deadline_exceeded":
      return false;
  }
}
