/**
 * The store of a transcript: objects by position, and requests whose fate the script decides.
 *
 * A request reaches the store when the script says so, and its answer reaches the node when the
 * script says so: a create may land long after its sender was told that the outcome is unknown. What
 * lands on a name that was freed is a ghost: it stands in the store, and is no part of the log.
 */

import { assert } from "../../src/core/assert.js";
import type { LedgerSnapshot } from "../../src/core/ledger/snapshot.js";
import type { LedgerOutcome, ManifestOutcome, ManifestView } from "../../src/core/manifest.js";
import type { CreateOutcome, Effect, GetOutcome, LeasesOutcome } from "../../src/core/protocol.js";
import type { Position, Segment } from "../../src/core/types.js";

export type StoreEffect = Extract<
  Effect,
  { type: "create" | "get" | "readManifest" | "readLedger" | "listLeases" | "createLease" }
>;

/** What a request came to in the store. */
export type Answer =
  | { readonly type: "create"; readonly outcome: CreateOutcome }
  | { readonly type: "get"; readonly outcome: GetOutcome }
  | { readonly type: "readManifest"; readonly outcome: ManifestOutcome }
  | { readonly type: "readLedger"; readonly outcome: LedgerOutcome }
  | { readonly type: "listLeases"; readonly outcome: LeasesOutcome }
  | { readonly type: "createLease"; readonly outcome: CreateOutcome };

/** One request of one process. */
export interface StoreRequest<Process> {
  readonly process: Process;
  readonly effect: StoreEffect;
  /** Undefined where it is about none. */
  readonly position: Position | undefined;
  /** What it came to in the store, once it got there. */
  answer: Answer | undefined;
  /** Whether the process has been told an outcome, or lives no more. */
  told: boolean;
}

export class TranscriptStore<Process> {
  /** Whatever was created, damaged and vanished objects too. */
  readonly objects = new Map<Position, Segment>();
  readonly leases = new Set<number>();
  readonly #corrupt = new Set<Position>();
  readonly #vanished = new Set<Position>();
  readonly #freed = new Set<Position>();
  readonly #ghosts = new Map<Position, Segment>();
  #requests: StoreRequest<Process>[] = [];
  #manifest: ManifestView;
  /** By the manifest that names them. */
  readonly #ledgers = new Map<number, LedgerSnapshot>();

  constructor(manifest: ManifestView) {
    this.#manifest = manifest;
  }

  get manifest(): ManifestView {
    return this.#manifest;
  }

  /** Of its checkpoint, if it has one. */
  get ledger(): LedgerSnapshot | undefined {
    return this.#ledgers.get(this.#manifest.number);
  }

  /** A manifest is written, and the ledger of its checkpoint. */
  write(manifest: ManifestView, ledger: LedgerSnapshot): void {
    this.#manifest = manifest;
    this.#ledgers.set(manifest.number, ledger);
  }

  /** The ledger that a manifest names is deleted. */
  forgetLedger(manifest: number): void {
    assert(this.#ledgers.delete(manifest), "only what stands can be deleted");
  }

  send(process: Process, effect: StoreEffect): void {
    this.#requests.push({
      process,
      effect,
      position: positionOf(effect),
      answer: undefined,
      told: false,
    });
  }

  /** The open requests that satisfy the condition, in the order sent. */
  find(matches: (request: StoreRequest<Process>) => boolean): readonly StoreRequest<Process>[] {
    return this.#requests.filter(matches);
  }

  /** The request reaches the store. */
  land(request: StoreRequest<Process>): Answer {
    assert(request.answer === undefined, "a request reaches the store once");
    request.answer = this.#perform(request);
    this.#forget();
    return request.answer;
  }

  /** The process is told something, or will never be. */
  tell(request: StoreRequest<Process>): void {
    request.told = true;
    this.#forget();
  }

  /** The request never reaches the store. */
  cancel(request: StoreRequest<Process>): void {
    this.#requests = this.#requests.filter((other) => other !== request);
  }

  /** The object's bytes are damaged. */
  corrupt(position: Position): void {
    assert(this.objects.has(position), "only what stands can be damaged");
    this.#corrupt.add(position);
  }

  /** The object vanishes, against the rules. */
  remove(position: Position): void {
    assert(this.objects.has(position), "only what stands can vanish");
    this.#vanished.add(position);
  }

  /** The object is deleted, and its name is free again. */
  free(position: Position): void {
    assert(this.objects.has(position), "only what stands can be deleted");
    this.#freed.add(position);
  }

  #perform({ effect }: StoreRequest<Process>): Answer {
    switch (effect.type) {
      case "create":
        return { type: "create", outcome: this.#create(effect.segment) };
      case "get":
        return { type: "get", outcome: this.#get(effect.position) };
      case "readManifest":
        return { type: effect.type, outcome: { type: "found", manifest: this.#manifest } };
      case "readLedger": {
        const ledger = this.#ledgers.get(effect.manifest.number);
        const outcome =
          ledger === undefined ? ({ type: "absent" } as const) : { type: "found" as const, ledger };
        return { type: effect.type, outcome };
      }
      case "listLeases": {
        const greatest = Math.max(effect.after, ...this.leases);
        return { type: effect.type, outcome: { type: "listed", greatest } };
      }
      case "createLease": {
        const outcome = this.leases.has(effect.number) ? "exists" : "created";
        this.leases.add(effect.number);
        return { type: effect.type, outcome };
      }
    }
  }

  #create(segment: Segment): CreateOutcome {
    const { position } = segment;
    const objects = this.#freed.has(position) ? this.#ghosts : this.objects;
    if (objects.has(position)) return "exists";
    objects.set(position, segment);
    return "created";
  }

  #get(position: Position): GetOutcome {
    const segment = (this.#freed.has(position) ? this.#ghosts : this.objects).get(position);
    if (segment === undefined || this.#vanished.has(position)) return { type: "absent" };
    if (!this.#corrupt.has(position)) return { type: "found", segment };
    return { type: "corrupt", reason: "the checksum does not match" };
  }

  #forget(): void {
    this.#requests = this.#requests.filter(({ answer, told }) => answer === undefined || !told);
    // What only asks does nothing once its process no longer waits for it.
    this.#requests = this.#requests.filter(({ effect, told }) => effect.type === "create" || !told);
  }
}

function positionOf(effect: StoreEffect): Position | undefined {
  switch (effect.type) {
    case "create":
      return effect.segment.position;
    case "get":
      return effect.position;
    default:
      return undefined;
  }
}
