/**
 * Writes manifests: read the greatest, compute the next from it alone, create it, and read again to
 * see what counts (PROTOCOL.md section 10).
 *
 * Invariant: whether a create counted is told by a manifest read that began after its answer, by
 * nothing else.
 * Invariant: an object is named by the manifest whose number it carries, or by none; and only once it was
 * answered "created" and the manifest was read after that. So every answer that an archive is made of
 * is accepted: its floor lay at or below the archive's start after all of them had come.
 * Invariant: one name gets one content: a create is repeated until it is settled, or given up.
 */

import { assert } from "../assert.js";
import { Marks, marksMax } from "./marks.js";
import { Namings } from "./namings.js";
import { nextChange } from "./plan.js";
import type { UpkeepContext } from "./context.js";
import type { Change } from "./plan.js";
import type { Archived, LedgerWritten } from "./protocol.js";
import type { ArchiveRef, ManifestOutcome, ManifestView, ObjectRef } from "../manifest.js";
import type { CreateOutcome, RequestId } from "../protocol.js";
import type { WalkState } from "../walk.js";

/** What was made for the manifest with a number, to be named by it. */
type Made =
  | {
      readonly type: "checkpoint";
      readonly change: Change & { readonly type: "checkpoint" | "trim" };
      readonly walk: WalkState;
      readonly ledger: ObjectRef;
    }
  | { readonly type: "archive"; readonly archive: ArchiveRef; readonly end: WalkState }
  /** What an archive was to be made of contradicts the log. */
  | { readonly type: "damage"; readonly from: WalkState; readonly reason: string };

type Stage =
  | { readonly type: "idle" }
  | {
      readonly type: "reading";
      /** Undefined while the next try waits. */
      readonly request: RequestId | undefined;
      readonly retryAtMs: number;
      readonly made: Made | undefined;
    }
  | {
      readonly type: "making";
      readonly request: RequestId;
      readonly change: Change;
      /** What the checkpoint is of; undefined for an archive. */
      readonly walk: WalkState | undefined;
    }
  | {
      readonly type: "creating";
      readonly manifest: ManifestView;
      /** Undefined while the next try waits. */
      readonly request: RequestId | undefined;
      readonly retryAtMs: number;
    };

export class Writer {
  readonly #context: UpkeepContext;
  readonly #marks: Marks;
  /** Snapshots to be named. */
  readonly namings: Namings;
  #stage: Stage = { type: "idle" };
  /** What a read of this process's found last. */
  #manifest: ManifestView | undefined;
  #nextLookMs = 0;
  #isDamaged = false;

  constructor(context: UpkeepContext) {
    this.#context = context;
    this.#marks = new Marks(context.options.settings.checkpointSegments / 8);
    this.namings = new Namings(context);
  }

  /** Goes on with what waits, and begins what there is to do. */
  tick(): void {
    const { log } = this.#context.options;
    this.#marks.saw(log.walk);
    const stage = this.#stage;
    if (stage.type === "reading" || stage.type === "creating") return this.#retry(stage);
    if (stage.type === "making") return;
    if (this.namings.wait) return this.#read();
    if (!this.#context.leads || this.#isDamaged) return;
    if (this.#context.nowMs < this.#nextLookMs) return;
    if (this.#manifest === undefined || this.#nextChange(this.#manifest) !== undefined)
      this.#read();
    else this.#rest();
  }

  /** A manifest read ended. Returns the manifest, if it found one. */
  manifestRead(request: RequestId, outcome: ManifestOutcome): ManifestView | undefined {
    const stage = this.#stage;
    if (stage.type !== "reading" || stage.request !== request) return undefined;
    if (outcome.type === "unavailable") {
      this.#stage = { ...stage, request: undefined, retryAtMs: this.#laterMs };
      return undefined;
    }
    if (outcome.type === "corrupt") {
      this.#unreadable(outcome.reason);
      return undefined;
    }
    const { manifest } = outcome;
    const { marks, floor, checkpoint } = manifest;
    const told = checkpoint === undefined ? marks : [...marks, checkpoint.walk];
    if (!this.#marks.read(told, floor.tail)) {
      this.#unreadable(`manifest ${manifest.number} tells of another log than this node holds`);
      return undefined;
    }
    this.#manifest = manifest;
    this.#goOn(manifest, stage.made);
    return manifest;
  }

  ledgerWritten(request: RequestId, outcome: LedgerWritten): void {
    const stage = this.#stage;
    if (stage.type !== "making" || stage.request !== request) return;
    const { change, walk } = stage;
    if (outcome.type === "failed") return this.#rest();
    assert(change.type !== "archive" && walk !== undefined, "a ledger is made for a checkpoint");
    this.#read({ type: "checkpoint", change, walk, ledger: outcome.ledger });
  }

  archived(request: RequestId, outcome: Archived): void {
    const stage = this.#stage;
    if (stage.type !== "making" || stage.request !== request) return;
    const { change } = stage;
    assert(change.type === "archive", "an archive is made of what was to be archived");
    const { from, to } = change;
    switch (outcome.type) {
      case "failed":
        return this.#rest();
      case "corrupt":
        return this.#read({ type: "damage", from, reason: outcome.reason });
      case "created": {
        const { archive, end } = outcome;
        const inRange = end.tail > from.tail && end.tail <= to.tail;
        assert(inRange && archive.startPosition === from.tail, "an archive is of what was asked");
        assert(archive.endPosition === end.tail, "an archive ends where its walk does");
        if (this.#marks.agrees(end)) return this.#read({ type: "archive", archive, end });
        const reason = `the segments below position ${end.tail} are not those that were committed`;
        return this.#read({ type: "damage", from, reason });
      }
    }
  }

  manifestCreated(request: RequestId, outcome: CreateOutcome): void {
    const stage = this.#stage;
    if (stage.type !== "creating" || stage.request !== request) return;
    if (outcome === "created" || outcome === "exists") return this.#read();
    this.#stage = { ...stage, request: undefined, retryAtMs: this.#laterMs };
  }

  get #laterMs(): number {
    return this.#context.nowMs + this.#context.options.settings.repeatMs;
  }

  #retry(stage: Stage & { readonly type: "reading" | "creating" }): void {
    if (stage.request !== undefined) return;
    // A create that is given up may land later all the same: it is a manifest like any other.
    if (!this.#context.leads && !this.namings.wait) return this.#rest();
    if (this.#context.nowMs < stage.retryAtMs) return;
    if (stage.type === "reading") this.#read(stage.made);
    else this.#create(stage.manifest);
  }

  /** The manifest is the greatest: names what was made for the next one, or plans anew. */
  #goOn(manifest: ManifestView, made: Made | undefined): void {
    const next = made === undefined ? undefined : this.#naming(manifest, made);
    if (next !== undefined) return this.#create(next);
    const snapshots = this.namings.decide(manifest);
    if (snapshots !== undefined) return this.#create(this.#numbered({ ...manifest, snapshots }));
    if (this.#isDamaged || !this.#context.leads) return this.#rest();
    const change = this.#nextChange(manifest);
    if (change === undefined) return this.#rest();
    if (change.type === "trim" && !change.checkpoint) {
      return this.#create(this.#draft(manifest, trimmed(manifest, change)));
    }
    this.#make(manifest, change);
  }

  #make(manifest: ManifestView, change: Change): void {
    const { options } = this.#context;
    const request = this.#context.newRequest();
    const id = { manifest: manifest.number + 1, nonce: options.nonce() };
    if (change.type === "archive") {
      const { from, to } = change;
      const { archiveBytesMax: bytesMax } = options.settings;
      this.#stage = { type: "making", request, change, walk: undefined };
      this.#context.emit({ type: "createArchive", request, id, from, to, bytesMax });
      return;
    }
    const { walk } = options.log;
    this.#stage = { type: "making", request, change, walk };
    this.#context.emit({
      type: "createLedger",
      request,
      id,
      ledger: options.log.ledger.snapshot(),
    });
  }

  /** The next manifest, with what was made for it; undefined if it cannot name that any more. */
  #naming(manifest: ManifestView, made: Made): ManifestView | undefined {
    switch (made.type) {
      case "damage":
        // With the floor raised meanwhile, what was read may have been ghosts.
        if (manifest.floor.tail === made.from.tail) this.#damaged(made.reason);
        return undefined;
      case "archive": {
        const { archive, end } = made;
        const isNext = archive.id.manifest === manifest.number + 1;
        if (!isNext || manifest.floor.tail !== archive.startPosition) return undefined;
        const archives = [...manifest.archives, archive];
        return this.#draft(manifest, { floor: end, archives });
      }
      case "checkpoint": {
        const { change, walk, ledger } = made;
        if (ledger.id.manifest !== manifest.number + 1) return undefined;
        const checkpoint = { walk, ledger };
        const changes = change.type === "trim" ? trimmed(manifest, change) : {};
        return this.#draft(manifest, { ...changes, checkpoint });
      }
    }
  }

  #draft(manifest: ManifestView, changes: Partial<ManifestView>): ManifestView {
    const changed = { ...manifest, ...changes };
    const top = changed.checkpoint?.walk.tail ?? 0;
    const marks = this.#marks.states.filter(({ tail }) => tail > changed.floor.tail && tail <= top);
    assert(marks.length <= marksMax, "a manifest tells of few marks");
    assert(changed.floor.tail <= top, "there is a checkpoint at or above the floor");
    assert(changed.floor.tail <= this.#context.options.log.walk.tail, "no floor is beyond w");
    return this.#numbered({ ...changed, marks });
  }

  /** The next manifest, if `manifest` is the greatest but for what was changed in it. */
  #numbered(manifest: ManifestView): ManifestView {
    return { ...manifest, number: manifest.number + 1, nonce: this.#context.options.nonce() };
  }

  #create(manifest: ManifestView): void {
    const request = this.#context.newRequest();
    this.#stage = { type: "creating", manifest, request, retryAtMs: 0 };
    this.#context.emit({ type: "createManifest", request, manifest });
  }

  #read(made?: Made): void {
    const request = this.#context.newRequest();
    this.#stage = { type: "reading", request, retryAtMs: 0, made };
    this.#context.emit({ type: "readManifest", request });
  }

  #rest(): void {
    this.#stage = { type: "idle" };
    this.#nextLookMs = this.#laterMs;
  }

  #unreadable(reason: string): void {
    this.#damaged(reason);
    this.namings.damaged(reason);
  }

  #damaged(reason: string): void {
    this.#isDamaged = true;
    this.#context.emit({ type: "damaged", reason });
    this.#rest();
  }

  #nextChange(manifest: ManifestView): Change | undefined {
    const { log, settings } = this.#context.options;
    return nextChange({ manifest, log, settings, marks: this.#marks.states });
  }
}

/** What a trim changes: archives that it has emptied leave the list. */
function trimmed(
  { archives }: ManifestView,
  { floor, firstIndex }: Change & { readonly type: "trim" },
): Partial<ManifestView> {
  return {
    floor,
    firstIndex,
    archives: archives.filter(({ nextIndex }) => nextIndex > firstIndex),
  };
}
