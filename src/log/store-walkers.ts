/**
 * Who waits for the log to be walked, and what they wait for: a proof, or a piece more of the log.
 *
 * Invariant: whoever waits is told: when its read is proven, when a piece was walked, when the store
 * has not answered for too long, or when nothing can be read any more.
 */

import { SuraftError } from "../errors.js";
import { untilAborted } from "../store/abort.js";

/** A read that waits for the tail to be proven. */
export interface Proof {
  readonly readId: number;
  readonly isProven: boolean;
}

interface OpenProof extends Proof {
  isProven: boolean;
}

interface Walker {
  readonly proof: Proof;
  /** So many bytes and objects will have been walked when it hears of it. */
  readonly untilBytes: number;
  readonly untilObjects: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** So much is walked before those who wait hear of it: less than the log keeps in memory. */
const pieceBytes = 4 * 1024 * 1024;
const pieceObjects = 4096;

export class StoreWalkers {
  readonly #timeoutMs: number;
  readonly #walkers = new Set<Walker>();
  readonly #proofs = new Map<number, OpenProof>();
  #lastRead = 0;
  #bytes = 0;
  #objects = 0;
  #failingSinceMs: number | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get isEmpty(): boolean {
    return this.#walkers.size === 0;
  }

  begin(): Proof {
    const proof = { readId: ++this.#lastRead, isProven: false };
    this.#proofs.set(proof.readId, proof);
    return proof;
  }

  async wait(proof: Proof, signals: readonly AbortSignal[]): Promise<void> {
    for (const signal of signals) signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
    // Nobody has waited for the store meanwhile.
    if (this.isEmpty) this.#failingSinceMs = undefined;
    let leave = (): void => undefined;
    const walked = new Promise<void>((resolve, reject) => {
      const walker: Walker = {
        proof,
        untilBytes: this.#bytes + pieceBytes,
        untilObjects: this.#objects + pieceObjects,
        // At once: what is walked from now on is for others.
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error as Error);
        },
      };
      leave = () => void this.#walkers.delete(walker);
      this.#walkers.add(walker);
    });
    await untilAborted(signals, walked, () => {
      leave();
      throw signals.find(({ aborted }) => aborted)?.reason;
    });
  }

  proven(readIds: readonly number[]): void {
    for (const readId of readIds) {
      const proof = this.#proofs.get(readId);
      if (proof !== undefined) proof.isProven = true;
      this.#proofs.delete(readId);
    }
    this.#tell();
  }

  /** An object of so many bytes was taken in. */
  walked(bytes: number): void {
    this.#bytes += bytes;
    this.#objects += 1;
    this.#tell();
  }

  storeAnswered(): void {
    this.#failingSinceMs = undefined;
  }

  /** The store did not answer: it is asked again, for some time. */
  storeFailed(error: unknown): void {
    const nowMs = performance.now();
    this.#failingSinceMs ??= nowMs;
    const mayPass = error instanceof SuraftError && error.kind === "unavailable";
    if (mayPass && nowMs - this.#failingSinceMs < this.#timeoutMs) return;
    for (const walker of this.#walkers) walker.reject(error);
  }

  /** Nothing can be read any more. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (const walker of this.#walkers) walker.reject(error);
  }

  #tell(): void {
    for (const walker of this.#walkers) {
      const { proof, untilBytes, untilObjects } = walker;
      const isFar = this.#bytes >= untilBytes || this.#objects >= untilObjects;
      if (proof.isProven || isFar) walker.resolve();
    }
  }
}
