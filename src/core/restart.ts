/**
 * A node that was left behind begins again, within the same process, from the checkpoint of the
 * manifest that showed it (PROTOCOL.md section 9).
 *
 * Invariant: until the checkpoint's ledger is read the node holds no log: it asks for no position,
 * stands in no election and proves nothing.
 */

import type { Context } from "./context.js";
import type { LedgerSnapshot } from "./ledger/snapshot.js";
import type { CheckpointRef, LedgerOutcome, ManifestView, ObjectRef } from "./manifest.js";
import type { RequestId } from "./protocol.js";
import type { WalkState } from "./walk.js";

/** From where the log is held anew. */
interface Beginning {
  readonly manifest: ManifestView;
  readonly checkpoint: CheckpointRef;
  /** The floor was at or below the checkpoint at this instant of the age clock. */
  readonly ageMs: number;
}

/** What has become of a restart. */
export type Restarted =
  | (Beginning & {
      readonly type: "ready";
      readonly walk: WalkState;
      readonly ledger: LedgerSnapshot;
    })
  /** The checkpoint has gone: a later manifest names another. */
  | { readonly type: "readManifest" }
  | { readonly type: "corrupt"; readonly reason: string }
  | { readonly type: "nothing" };

export class Restart {
  readonly #context: Context;
  #from: Beginning | undefined;
  #request: RequestId | undefined;
  /** The ledger that was not there. */
  #missing: ObjectRef | undefined;
  #retryAt = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  get isUnderWay(): boolean {
    return this.#from !== undefined;
  }

  /** Returns what is wrong with the manifest, if anything: it may be read again by then. */
  begin({ manifest, ageMs }: { manifest: ManifestView; ageMs: number }): string | undefined {
    const { number, checkpoint } = manifest;
    if (checkpoint === undefined) return `manifest ${number} has no checkpoint`;
    if (checkpoint.ledger.id.nonce === this.#missing?.id.nonce) {
      return `the checkpoint of manifest ${number} has vanished from the store`;
    }
    this.#from = { manifest, checkpoint, ageMs };
    this.#request = undefined;
    this.#retryAt = this.#context.now;
    return undefined;
  }

  /** Takes the answer to the ledger's read. */
  answered(request: RequestId, outcome: LedgerOutcome): Restarted {
    const from = this.#from;
    if (from === undefined || request !== this.#request) return { type: "nothing" };
    this.#request = undefined;
    switch (outcome.type) {
      case "found":
        this.#from = undefined;
        return { type: "ready", ledger: outcome.ledger, walk: from.checkpoint.walk, ...from };
      case "absent":
        this.#missing = from.checkpoint.ledger;
        this.#retryAt = Number.POSITIVE_INFINITY;
        return { type: "readManifest" };
      case "unavailable":
        this.#retryAt = this.#context.now + this.#context.options.settings.repeatTicks;
        return { type: "nothing" };
      case "corrupt":
        return outcome;
    }
  }

  /** Reads the ledger. */
  pump(): void {
    if (this.#from === undefined || this.#request !== undefined) return;
    if (this.#context.now < this.#retryAt) return;
    this.#request = this.#context.newRequest();
    const { manifest } = this.#from;
    this.#context.emit({ type: "readLedger", request: this.#request, manifest });
  }
}
