/**
 * What a failed call means to its caller.
 *
 * Invariant: an append that may have reached a node fails with `unknown_outcome` unless a node vouches
 * for another answer; giving up (a deadline, an abort) does not undo what was sent.
 */

import { SuraftError } from "../errors.js";
import { fromServiceError } from "../rpc/status.js";
import type { CallBounds } from "./connection.js";
import type { AppendDemands } from "./types.js";

/** What may have happened before the failure. */
export type CallEffect =
  /** Nothing changes, whatever happened. */
  | "none"
  /** An append was sent. */
  | "append";

/** The error to throw for whatever a call to `address` ended with. */
export function failureOf(
  error: unknown,
  call: { readonly address: string; readonly effect: CallEffect; readonly bounds?: CallBounds },
): SuraftError {
  const lost = call.effect === "append" ? "unknown_outcome" : "unavailable";
  const failure = fromServiceError(error, { lost });
  if (call.effect === "append" && isGivenUp(failure)) {
    const reason = call.bounds?.signal?.aborted === true ? "given up" : "no answer in time";
    const message = `${reason}: the entries may be in the log or not, now or later`;
    return new SuraftError("unknown_outcome", message, { cause: failure });
  }
  if (failure.kind === "cancelled" && call.bounds?.signal?.aborted === true) {
    return new SuraftError("cancelled", "given up by the caller", { cause: failure });
  }
  if (failure.kind === "deadline_exceeded") {
    return new SuraftError("deadline_exceeded", `${call.address} did not answer in time`, {
      cause: failure,
    });
  }
  if (failure.kind === "unavailable" && !isVouchedFor(failure)) {
    const message = `${call.address} cannot be reached or has gone away`;
    return new SuraftError("unavailable", message, { cause: failure });
  }
  if (failure.kind === "unknown_outcome" && !isVouchedFor(failure)) {
    const message =
      `the connection to ${call.address} broke before its answer came:` +
      " the entries may be in the log or not, now or later";
    return new SuraftError("unknown_outcome", message, { cause: failure });
  }
  return failure;
}

/**
 * The error to give up with after an append was sent more than once, where an earlier try was left
 * unknown. That try may be on its way still, so a later one's failure settles it only if every later
 * leader must refuse it as well.
 */
export function failureAfterUnknown(error: SuraftError, demands: AppendDemands): SuraftError {
  if (error.kind === "unknown_outcome" || isRefusedForGood(error, demands)) {
    return error;
  }
  const message = `sent more than once; the last time: ${error.message}`;
  return new SuraftError("unknown_outcome", message, {
    details: { ...error.details, outcome: "unknown" },
  });
}

function isRefusedForGood(error: SuraftError, { expectedNextIndex }: AppendDemands): boolean {
  if (!isVouchedFor(error)) {
    return false;
  }
  // What a key condition asks about is forgotten for good.
  if (error.kind === "out_of_range") {
    return error.details["reach_index"] !== undefined;
  }
  switch (error.kind === "conflict" ? error.details["condition"] : undefined) {
    case "key":
    case "sequence_reused":
    case "producer_closed":
      return true;
    // The log never gets shorter; but it may come to be as long as was expected.
    case "expected_next_index":
      return Number(error.details["next_index"]) > (expectedNextIndex ?? Infinity);
    default:
      return false;
  }
}

/** A call's answer; where it fails, the error that its caller is to get. */
export async function judged<Response>(
  { address }: { readonly address: string },
  effect: CallEffect,
  bounds: CallBounds,
  answer: Promise<Response>,
): Promise<Response> {
  try {
    return await answer;
  } catch (error) {
    throw failureOf(error, { address, effect, bounds });
  }
}

export function isUnknown(error: unknown): boolean {
  return error instanceof SuraftError && error.kind === "unknown_outcome";
}

/** Errors that were not sent by a suraft node carry what gRPC said as their cause. */
export function isVouchedFor(failure: SuraftError): boolean {
  return failure.cause === undefined;
}

function isGivenUp(failure: SuraftError): boolean {
  return failure.kind === "cancelled" || failure.kind === "deadline_exceeded";
}
