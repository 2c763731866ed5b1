/**
 * Who waits until an index is applied.
 *
 * Invariant: nobody waits for an index below `nextIndex`.
 */

import { SuraftError } from "../errors.js";

interface Waiter {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: SuraftError) => void;
}

export class AppliedWaiters {
  #nextIndex = 1;
  #failure: SuraftError | undefined;
  /** By what must be applied: everything below this index. */
  readonly #waiters = new Map<number, Waiter>();

  /** The index of the next entry to be applied. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** Resolves once everything below `nextIndex` is applied. Rejects once that will never be. */
  until(nextIndex: number): Promise<void> {
    if (nextIndex <= this.#nextIndex) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const known = this.#waiters.get(nextIndex);
    if (known !== undefined) return known.promise;
    let resolve: () => void = () => undefined;
    let reject: (error: SuraftError) => void = () => undefined;
    const promise = new Promise<void>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    // Whoever gave up waiting hears nothing of it.
    promise.catch(() => undefined);
    this.#waiters.set(nextIndex, { promise, resolve, reject });
    return promise;
  }

  advance(nextIndex: number): void {
    this.#nextIndex = nextIndex;
    for (const [wanted, { resolve }] of this.#waiters) {
      if (wanted > nextIndex) continue;
      this.#waiters.delete(wanted);
      resolve();
    }
  }

  /** Nothing more is applied. */
  fail(error: SuraftError): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiters.values()) reject(error);
    this.#waiters.clear();
  }
}

/** The promise's outcome, unless the caller gives up first. */
export async function bounded<T>(
  promise: Promise<T>,
  bounds: { readonly signal?: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<T> {
  const { signal, timeoutMs } = bounds;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new SuraftError("deadline_exceeded", `not done within ${timeoutMs} ms`));
    }, timeoutMs);
    onAbort = () => {
      reject(new SuraftError("cancelled", "given up by the caller", { cause: signal?.reason }));
    };
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}
