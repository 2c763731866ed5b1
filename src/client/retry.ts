/**
 * Repeats calls, on one node after another, within their time.
 *
 * Invariant: a call is repeated only after `unavailable`, `overloaded` or `not_leader`, each of
 * which means that its append is certainly not in the log; or after `unknown_outcome` where a
 * producer's number makes the second a repeat of the first.
 */

import { setTimeout as wait } from "node:timers/promises";
import { SuraftError } from "../errors.js";
import type { Addresses } from "./addresses.js";
import { remainingMs, throwIfCancelled, type CallBounds, type Connection } from "./connection.js";

const FIRST_DELAY_MS = 25;
const LONGEST_DELAY_MS = 500;

/** Waits between tries: longer each time, with jitter so that clients do not march in step. */
export class BackOff {
  #delayMs = FIRST_DELAY_MS;

  reset(): void {
    this.#delayMs = FIRST_DELAY_MS;
  }

  /**
   * Waits, at least as long as the node asked for. Resolves to false if no time is left for it or
   * the caller gives up. Never rejects.
   */
  async pause(bounds: CallBounds, atLeastMs = 0): Promise<boolean> {
    const delayMs = Math.max(atLeastMs, this.#delayMs * (0.5 + Math.random() / 2));
    this.#delayMs = Math.min(LONGEST_DELAY_MS, this.#delayMs * 2);
    if (delayMs >= remainingMs(bounds)) {
      return false;
    }
    try {
      await wait(delayMs, undefined, bounds.signal === undefined ? {} : { signal: bounds.signal });
      return true;
    } catch {
      return false;
    }
  }
}

/** Whether a failed call certainly changed nothing and may succeed when repeated. */
export function isRetryable(error: unknown): error is SuraftError {
  return (
    error instanceof SuraftError &&
    (error.kind === "unavailable" || error.kind === "overloaded" || error.kind === "not_leader")
  );
}

/** Whether a failed call of a numbered append may succeed when repeated. */
export function isRetryableOnce(error: unknown): error is SuraftError {
  return isRetryable(error) || (error instanceof SuraftError && error.kind === "unknown_outcome");
}

/** Calls a node, and others after it, until one answers or the time is over. */
export async function callAny<Result>(
  addresses: Addresses,
  bounds: CallBounds,
  call: (connection: Connection) => Promise<Result>,
  isWorthRetry: (error: unknown) => error is SuraftError = isRetryable,
): Promise<Result> {
  const backOff = new BackOff();
  for (let tries = 1; ; tries += 1) {
    const connection = addresses.current();
    try {
      await connection.ready(bounds);
      return await call(connection);
    } catch (error) {
      if (!isWorthRetry(error)) {
        throw error;
      }
      addresses.failed(connection.address, error);
      // The first round over all nodes goes without a wait: one of them is likely to be well.
      const more = error.kind === "unavailable" && tries < addresses.list.length;
      if (!more && !(await backOff.pause(bounds, error.retryDelayMs))) {
        throwIfCancelled(bounds.signal);
        throw addresses.conclusion(error);
      }
    }
  }
}
