/**
 * Whether what the store says about a position counts (PROTOCOL.md section 9). Names below the floor are
 * freed: a node that slept through it would find absence where a segment was, or create there.
 *
 * An answer counts if it is processed within half a grace after an instant at which the floor was
 * certainly at or below `w`, the walk's tail. Otherwise it is held until a manifest read, begun after
 * it came, shows the floor at or below `w`.
 *
 * Invariant: the anchor is an instant before the first send of a request that the instant rests on.
 * Invariant: at most one manifest read is under way, and only while an answer is held.
 */

import type { Context } from "./context.js";
import type { ManifestOutcome, ManifestView } from "./manifest.js";
import type { Input, RequestId } from "./protocol.js";

/** What the store answers about a position. */
export type StoreAnswer = Extract<Input, { type: "createResult" | "getResult" }>;

interface Held {
  readonly answer: StoreAnswer;
  /** It came before this request: a manifest read as late began after it. */
  readonly before: RequestId;
  /** It counts only after a manifest read, however young the anchor is. */
  readonly readFirst: boolean;
}

interface Read {
  readonly request: RequestId;
  /** The age clock just before it was sent. */
  readonly ageMs: number;
}

/** What a manifest read has shown. */
export type Shown =
  | { readonly type: "found"; readonly manifest: ManifestView; readonly read: Read }
  | { readonly type: "corrupt"; readonly reason: string }
  /** Nothing, or nothing that was asked for. */
  | { readonly type: "nothing" };

export class Acceptance {
  readonly #context: Context;
  /** The manifest seen last. */
  #manifest: ManifestView;
  #anchorMs: number;
  #held: Held[] = [];
  #read: Read | undefined;
  /** A manifest is wanted although nothing is held. */
  #wanted = false;
  #retryAt = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#manifest = context.options.start.manifest;
    this.#anchorMs = context.options.start.ageMs;
  }

  /** Whether an answer that is processed now counts without more ado. */
  get accepts(): boolean {
    return this.#context.ageMs - this.#anchorMs < this.#manifest.graceMs / 2;
  }

  /** Whether nothing more should be asked for yet: its answer would be held, too. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** The floor was certainly at or below the walk's tail at this instant. */
  anchor(ageMs: number): void {
    this.#anchorMs = Math.max(this.#anchorMs, ageMs);
  }

  /** Keeps an answer back until the manifest has been read. */
  hold(answer: StoreAnswer, { readFirst = false } = {}): void {
    this.#held.push({ answer, before: this.#context.nextRequest, readFirst });
  }

  /** Everything held back is dropped. */
  drop(): void {
    this.#held = [];
  }

  /** Reads the manifest, whether or not anything is held. */
  want(): void {
    this.#wanted = true;
  }

  /** Takes the answer to a manifest read. */
  answered(request: RequestId, outcome: ManifestOutcome): Shown {
    const read = this.#read;
    if (read?.request !== request) return { type: "nothing" };
    this.#read = undefined;
    switch (outcome.type) {
      case "found": {
        const reason = contradiction(this.#manifest, outcome.manifest);
        if (reason !== undefined) return { type: "corrupt", reason };
        this.#manifest = outcome.manifest;
        this.#wanted = false;
        return { type: "found", manifest: outcome.manifest, read };
      }
      case "unavailable":
        this.#retryAt = this.#context.now + this.#context.options.settings.repeatTicks;
        return { type: "nothing" };
      case "corrupt":
        return outcome;
    }
  }

  /** The next answer that counts since the read has shown the floor at or below `w`; undefined: none. */
  next({ request }: Read): StoreAnswer | undefined {
    const at = this.#held.findIndex(
      ({ before, readFirst }) => request >= before || (!readFirst && this.accepts),
    );
    if (at < 0) return undefined;
    return this.#held.splice(at, 1)[0]?.answer;
  }

  /** Reads the manifest if something waits for it. */
  pump(): void {
    if (this.#read !== undefined || this.#context.now < this.#retryAt) return;
    if (!this.#wanted && this.#held.length === 0) return;
    const request = this.#context.newRequest();
    this.#read = { request, ageMs: this.#context.ageMs };
    this.#context.emit({ type: "readManifest", request });
  }
}

/** What no later manifest of the same log can say, if it says that. */
function contradiction(before: ManifestView, manifest: ManifestView): string | undefined {
  const { number, floor, checkpoint } = manifest;
  if (manifest.clusterId !== before.clusterId || manifest.graceMs !== before.graceMs) {
    return `manifest ${number} is of another cluster, or has another grace`;
  }
  if (number === before.number && manifest.nonce !== before.nonce) {
    return `manifest ${number} has changed`;
  }
  if (number < before.number) return `manifest ${before.number} has vanished from the store`;
  if (floor.tail < before.floor.tail) return `manifest ${number} puts the floor back`;
  if (floor.tail > 0 && (checkpoint === undefined || checkpoint.walk.tail < floor.tail)) {
    return `manifest ${number} has a floor, and no checkpoint at or above it`;
  }
  return undefined;
}
