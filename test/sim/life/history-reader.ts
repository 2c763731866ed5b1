/**
 * Reads of the log's past at one process: what stood at a position below its tail. From the segment, if the
 * answer counts (PROTOCOL.md section 9, p < w), else from an archive; or it was trimmed.
 */

import type { ArchiveRef, ManifestView } from "../../../src/core/manifest.js";
import type { GetOutcome } from "../../../src/core/protocol.js";
import type { Segment } from "../../../src/core/types.js";
import type { Random } from "../random.js";
import { sameContent, type RunChecks } from "../run-checks.js";
import type { SimStore } from "../sim-store.js";
import { must } from "../violation.js";
import type { ProcessClocks } from "./clocks.js";
import type { ArchiveValue, ManifestChecks } from "./manifest-checks.js";
import type { SimObjects, StoredObject } from "./objects.js";
import type { AnyHistoryFloor, Parts } from "./parts.js";
import type { ProcessStore } from "./process-store.js";

export interface HistoryReaderOptions {
  readonly name: string;
  readonly node: number;
  readonly clocks: ProcessClocks;
  readonly store: SimStore;
  readonly objects: SimObjects;
  readonly requests: ProcessStore;
  readonly parts: Parts;
  readonly checks: RunChecks;
  readonly judge: ManifestChecks;
  readonly random: Random;
  /** What the process started from, and when that was read. */
  readonly start: { readonly manifest: ManifestView; readonly ageMs: number };
  /** The process's walk has passed every position below. */
  readonly tail: () => number;
}

/** How often a manifest may turn out to be too old for a read. */
const triesMax = 4;

export class HistoryReader {
  readonly #options: HistoryReaderOptions;
  readonly #floor: AnyHistoryFloor;
  #manifest: ManifestView;

  constructor(options: HistoryReaderOptions) {
    this.#options = options;
    const { manifest, ageMs } = options.start;
    this.#manifest = manifest;
    this.#floor = options.parts.historyFloor(manifest.graceMs, manifest.floor.tail, ageMs);
  }

  /** One read, of any position below the tail. */
  read(): void {
    const { random, tail } = this.#options;
    if (tail() > 0) this.#readAt(random.below(tail()), triesMax);
  }

  #readAt(position: number, tries: number): void {
    const { node, store, requests, clocks } = this.#options;
    requests.within<GetOutcome>(
      { type: "unavailable" },
      (answer) => store.get(node, position, answer),
      (outcome) => {
        if (outcome.type === "unavailable" || outcome.type === "corrupt") return;
        this.#judge(position, outcome, { cameMs: clocks.ageMs, tries });
      },
    );
  }

  #judge(
    position: number,
    outcome: GetOutcome,
    { cameMs, tries }: { cameMs: number; tries: number },
  ): void {
    const { clocks, name } = this.#options;
    switch (this.#floor.judge(position, { cameMs, nowMs: clocks.ageMs })) {
      case "accepted": {
        const found = outcome.type === "found" ? outcome.segment : undefined;
        return this.#mustBeTrue(position, found);
      }
      case "stale":
        must(tries > 0, "history-stale", () => `${name}: a read of ${position} is never accepted`);
        return this.#readManifest(() =>
          this.#judge(position, outcome, { cameMs, tries: tries - 1 }),
        );
      case "gone": {
        const archive = this.#manifest.archives.find(
          ({ startPosition, endPosition }) => position >= startPosition && position < endPosition,
        );
        if (archive === undefined) this.#mustBeTrimmed(position, tries);
        else this.#readArchive(archive, position, tries);
      }
    }
  }

  #readArchive(archive: ArchiveRef, position: number, tries: number): void {
    const { node, objects, requests } = this.#options;
    const name = { type: "archive", id: archive.id } as const;
    requests.within(
      "unavailable" as const,
      (answer: (got: StoredObject | "absent" | "unavailable") => void) =>
        objects.get(node, name, answer),
      (got) => {
        if (got === "unavailable") return;
        if (got !== "absent") {
          const { segments } = got.value as ArchiveValue;
          return this.#mustBeTrue(position, segments[position - archive.startPosition]);
        }
        // It has left the list since, and was deleted.
        must(tries > 0, "history-lost", () => `no archive holds position ${position} any more`);
        this.#readManifest(() => this.#readAt(position, tries - 1));
      },
    );
  }

  #readManifest(done: () => void): void {
    const { clocks, requests } = this.#options;
    const { ageMs } = clocks;
    requests.readManifest((outcome) => {
      if (outcome.type !== "found") return;
      const { manifest } = outcome;
      if (manifest.number >= this.#manifest.number) this.#manifest = manifest;
      this.#floor.known(manifest.floor.tail, ageMs);
      done();
    });
  }

  #mustBeTrue(position: number, read: Segment | undefined): void {
    const { checks, name } = this.#options;
    const truth = checks.log.objects[position];
    must(
      truth !== undefined && read !== undefined && sameContent(truth, read),
      "history",
      () => `${name} reads something else than stood at ${position}, or nothing`,
    );
    checks.tally.historyReads += 1;
  }

  #mustBeTrimmed(position: number, tries: number): void {
    const { judge, checks, name } = this.#options;
    const at = judge.walk.validBelow(position + 1) - 1;
    const valid = checks.log.valid[at];
    // A void is nowhere once it is deleted, unless an archive has it.
    if (valid?.segment.position !== position) return;
    if (valid.nextIndex <= this.#manifest.firstIndex) return;
    must(tries > 0, "history-lost", () => `${name}: nothing holds position ${position} any more`);
    // The floor was read by another than the manifest at hand.
    this.#readManifest(() => this.#readAt(position, tries - 1));
  }
}
