/** Waits that end when their caller gives up. */

import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** Calls the listener once the signal is aborted. However many requests share it: no warning. */
export function onAborted(signal: AbortSignal, listener: () => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener("abort", listener);
}

/**
 * Answers what `work` answers, or what `givenUp` answers once one of the signals is aborted. The
 * work itself goes on unheard: whoever starts it sees to it that it does no harm by then.
 */
export function untilAborted<T>(
  signals: readonly AbortSignal[],
  work: Promise<T>,
  givenUp: (reason: string) => T,
): Promise<T> {
  return new Promise<T>((fulfil, reject) => {
    const onAbort = () => {
      stopListening();
      try {
        fulfil(givenUp(abortText(signals) ?? ""));
      } catch (error) {
        reject(error);
      }
    };
    const stopListening = () => {
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
    };
    for (const signal of signals) onAborted(signal, onAbort);
    if (abortText(signals) !== undefined) onAbort();
    work.then(fulfil, reject).finally(stopListening);
  });
}

/** The work's outcome, or the signal's reason, whichever comes first. The work goes on unheard. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return await untilAborted([signal], work, () => {
    throw signal.reason;
  });
}

/** Why one of the signals is aborted, if one is. */
export function abortText(signals: readonly AbortSignal[]): string | undefined {
  const aborted = signals.find((signal) => signal.aborted);
  return aborted === undefined ? undefined : reasonText(aborted.reason);
}

/** Runs a request that ends at the latest after `timeoutMs`, or with the outer signal. */
export async function withDeadline<T>(
  outer: AbortSignal,
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onAbort = () => controller.abort(outer.reason);
  const timer = setTimeout(
    () => controller.abort(new Error(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  onAborted(outer, onAbort);
  if (outer.aborted) onAbort();
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", onAbort);
  }
}

/** A signal that is aborted once one of several is. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  /** It is needed no more. To be called once. */
  readonly leave: () => void;
}

/**
 * Joins signals for as long as something is done. Of each signal that `AbortSignal.any` makes of one that
 * lives long, Node 20 keeps something for ever.
 */
export function joinSignals(signals: readonly AbortSignal[]): JoinedSignal {
  const controller = new AbortController();
  const listeners = signals.map((signal) => {
    const listener = (): void => controller.abort(signal.reason);
    onAborted(signal, listener);
    if (signal.aborted) listener();
    return (): void => signal.removeEventListener("abort", listener);
  });
  return {
    signal: controller.signal,
    leave: () => {
      for (const remove of listeners) remove();
    },
  };
}

/** Waits, less if the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  setMaxListeners(0, signal);
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** The reason of an abort, in words. */
export function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
