/**
 * Judges what is known about the log's past: each manifest that counts, and everything that is deleted
 * (PROTOCOL.md sections 10 and 11). Knows nothing of upkeep's code.
 */

import type { LedgerSnapshot } from "../../../src/core/ledger/snapshot.js";
import type { ArchiveRef, ManifestView, ObjectId } from "../../../src/core/manifest.js";
import type { Segment } from "../../../src/core/types.js";
import type { NamedObject, ObjectName } from "../../../src/core/upkeep/protocol.js";
import type { RunChecks } from "../run-checks.js";
import { sameContent } from "../run-checks.js";
import { must } from "../violation.js";
import { TrueWalk } from "./true-walk.js";

/** What an archive's object holds. */
export interface ArchiveValue {
  readonly segments: readonly Segment[];
}

export interface ManifestChecksOptions {
  readonly checks: RunChecks;
  readonly founding: ManifestView;
  /** What an object holds now; undefined if it does not exist. */
  readonly valueOf: (name: ObjectName) => unknown;
}

export class ManifestChecks {
  readonly walk: TrueWalk;
  readonly #options: ManifestChecksOptions;
  #greatest: ManifestView;
  /** By nonce: objects of snapshots that were ever named. */
  readonly #snapshotParts = new Set<string>();

  constructor(options: ManifestChecksOptions) {
    this.#options = options;
    this.#greatest = options.founding;
    this.walk = new TrueWalk(options.checks.log);
  }

  /** The manifest that counts. */
  get greatest(): ManifestView {
    return this.#greatest;
  }

  /** A manifest came to be. */
  landed(manifest: ManifestView): void {
    const before = this.#greatest;
    // A late one, on a name that was freed.
    if (manifest.number <= before.number) return;
    const what = `manifest ${manifest.number}`;
    const say = (text: string) => () => `${what} ${text}`;
    must(manifest.number === before.number + 1, "manifest-number", say(`follows ${before.number}`));
    must(manifest.nonce !== before.nonce, "manifest-nonce", say("has its predecessor's nonce"));
    const { floor, firstIndex, checkpoint, marks } = manifest;
    must(manifest.clusterId === before.clusterId, "manifest-cluster", say("is of no such cluster"));
    must(manifest.graceMs === before.graceMs, "manifest-grace", say("has another grace"));
    must(
      floor.tail >= before.floor.tail,
      "floor-back",
      say(`puts the floor back to ${floor.tail}`),
    );
    must(firstIndex >= before.firstIndex, "trim-back", say(`puts the trim back to ${firstIndex}`));
    must(
      firstIndex <= this.walk.trimmedAt(this.#options.checks.log.tail),
      "trim-uncommitted",
      say(`trims to ${firstIndex}, which no committed record says`),
    );
    const states = [floor, ...marks, ...(checkpoint === undefined ? [] : [checkpoint.walk])];
    for (const state of states) {
      const flaw = this.walk.flawOf(state);
      must(flaw === undefined, "false-state", say(`tells of a false state: ${flaw ?? ""}`));
    }
    this.#judgeCheckpoint(manifest, before);
    this.#judgeArchives(manifest, before);
    this.#judgeSnapshots(manifest, before);
    this.#greatest = manifest;
  }

  #judgeCheckpoint({ floor, checkpoint, number }: ManifestView, before: ManifestView): void {
    const say = (text: string) => () => `manifest ${number} ${text}`;
    const tail = checkpoint?.walk.tail ?? 0;
    must(
      floor.tail <= tail,
      "floor-checkpoint",
      say(`has a floor above its checkpoint at ${tail}`),
    );
    must(tail >= (before.checkpoint?.walk.tail ?? 0), "checkpoint-back", say("loses a checkpoint"));
    if (checkpoint === undefined) return;
    const { id } = checkpoint.ledger;
    const named = this.#options.valueOf({ type: "checkpoint", id });
    must(named !== undefined, "named-missing", say("names a checkpoint that does not exist"));
    const trimmed = this.walk.trimmedAt(tail);
    must(
      (named as LedgerSnapshot).firstIndex === trimmed,
      "checkpoint-ledger",
      say(`names a ledger that is not of position ${tail}`),
    );
    if (id.nonce === before.checkpoint?.ledger.id.nonce) return;
    must(id.manifest === number, "named-late", say(`first names ${id.manifest}'s checkpoint`));
  }

  #judgeArchives(manifest: ManifestView, before: ManifestView): void {
    const { number, archives, firstIndex } = manifest;
    const say = (text: string) => () => `manifest ${number} ${text}`;
    const names = new Set(archives.map(({ id }) => id.nonce));
    for (const { id, nextIndex } of before.archives) {
      const mayGo = names.has(id.nonce) || nextIndex <= firstIndex;
      must(mayGo, "archive-lost", say(`drops an archive of entries below ${nextIndex}`));
    }
    const known = new Set(before.archives.map(({ id }) => id.nonce));
    for (const archive of archives) {
      const { id } = archive;
      const value = this.#options.valueOf({ type: "archive", id });
      must(value !== undefined, "named-missing", say("names an archive that does not exist"));
      if (known.has(id.nonce)) continue;
      must(id.manifest === number, "named-late", say(`first names ${id.manifest}'s archive`));
      this.#judgeContent(archive, value as ArchiveValue);
    }
    this.#judgeCover(manifest, before);
  }

  #judgeSnapshots({ number, snapshots }: ManifestView, before: ManifestView): void {
    const say = (text: string) => () => `manifest ${number} ${text}`;
    const indexes = snapshots.map(({ nextIndex }) => nextIndex);
    const rise = indexes.every((index, at) => index > (indexes[at - 1] ?? 0));
    must(rise, "snapshot-order", say(`has snapshots at ${indexes.join(", ")}`));
    const newest = before.snapshots.at(-1)?.nextIndex ?? 0;
    must((indexes.at(-1) ?? 0) >= newest, "snapshot-lost", say(`drops the one at ${newest}`));
    for (const { id } of snapshots.flatMap(({ parts }) => parts)) {
      const value = this.#options.valueOf({ type: "snapshot", id });
      must(value !== undefined, "named-missing", say("names a snapshot that does not exist"));
      if (this.#snapshotParts.has(id.nonce)) continue;
      must(id.manifest >= number, "named-late", say(`first names ${id.manifest}'s snapshot`));
      this.#snapshotParts.add(id.nonce);
    }
  }

  /** Whether a manifest has named a snapshot's object. */
  wasNamed({ nonce }: ObjectId): boolean {
    return this.#snapshotParts.has(nonce);
  }

  #judgeContent({ startPosition, endPosition }: ArchiveRef, { segments }: ArchiveValue): void {
    const { objects } = this.#options.checks.log;
    must(
      segments.length === endPosition - startPosition,
      "archive-range",
      () => "a part is missing",
    );
    segments.forEach((segment, at) => {
      const truth = objects[startPosition + at];
      const same = truth !== undefined && sameContent(truth, segment);
      must(same, "archive-content", () => `holds something else for ${startPosition + at}`);
    });
  }

  /** Whatever lies below the new floor, and did not before, is archived or trimmed. */
  #judgeCover({ number, floor, archives, firstIndex }: ManifestView, before: ManifestView): void {
    const { valid } = this.#options.checks.log;
    const [from, to] = [before.floor.tail, floor.tail].map((tail) => this.walk.validBelow(tail));
    for (const { segment, nextIndex } of valid.slice(from, to)) {
      const { position } = segment;
      const archived = archives.some(
        ({ startPosition, endPosition }) => position >= startPosition && position < endPosition,
      );
      must(
        archived || nextIndex <= firstIndex,
        "floor-cover",
        () => `manifest ${number} leaves position ${position} to be deleted`,
      );
    }
  }

  /** An object is about to be deleted: invariant 10. */
  deleted(name: ObjectName): void {
    const { number, floor } = this.#greatest;
    switch (name.type) {
      case "segment":
        must(
          name.position < floor.tail,
          "deleted-above-floor",
          () => `position ${name.position} is deleted; the floor is ${floor.tail}`,
        );
        return;
      case "manifest": {
        const rule = name.number === 0 ? "deleted-founding" : "deleted-greatest";
        const mayGo = name.number > 0 && name.number < number;
        must(mayGo, rule, () => `manifest ${name.number} is deleted; ${number} is the greatest`);
        return;
      }
      case "archive":
      case "checkpoint":
      case "snapshot":
        // Whoever made a snapshot's objects may delete them early: nobody else can name them.
        if (name.type === "snapshot" && !this.#snapshotParts.has(name.id.nonce)) return;
        must(!this.#names(name), "deleted-named", () => `manifest ${number} names what is deleted`);
        // Once it has left the list no manifest can name it again.
        if (name.type === "snapshot") return;
        must(
          name.id.manifest <= number,
          "deleted-early",
          () =>
            `manifest ${name.id.manifest} may yet name what is deleted; ${number} is the greatest`,
        );
    }
  }

  #names({ type, id }: NamedObject): boolean {
    const { archives, checkpoint, snapshots } = this.#greatest;
    if (type === "snapshot") {
      return snapshots.some(({ parts }) => parts.some((part) => part.id.nonce === id.nonce));
    }
    if (type === "archive") return archives.some((archive) => archive.id.nonce === id.nonce);
    return type === "checkpoint" && checkpoint?.ledger.id.nonce === id.nonce;
  }
}
