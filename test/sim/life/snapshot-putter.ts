/** Puts snapshots of an application through one process, as the real node does: its objects first, then named. */

import type { ObjectRef, SnapshotRef } from "../../../src/core/manifest.js";
import type { SnapshotNamed } from "../../../src/core/upkeep/protocol.js";
import type { Random } from "../random.js";
import { must } from "../violation.js";
import type { ManifestChecks } from "./manifest-checks.js";
import type { SimObjects } from "./objects.js";
import type { ProcessStore } from "./process-store.js";
import type { UpkeepHost } from "./upkeep-host.js";

export interface SnapshotPutterOptions {
  readonly name: string;
  readonly node: number;
  readonly random: Random;
  readonly requests: ProcessStore;
  readonly objects: SimObjects;
  readonly judge: ManifestChecks;
  readonly upkeep: UpkeepHost;
  /** Of the log that the process holds. */
  readonly nextIndex: () => number;
}

export class SnapshotPutter {
  readonly #options: SnapshotPutterOptions;

  constructor(options: SnapshotPutterOptions) {
    this.#options = options;
  }

  /** Begins to put one. */
  put(): void {
    const { requests, random, nextIndex } = this.#options;
    requests.readManifest((read) => {
      if (read.type !== "found") return;
      const number = read.manifest.number + random.within({ min: 1, max: 4 });
      const parts = Array.from({ length: random.within({ min: 1, max: 2 }) }, () => ({
        id: { manifest: number, nonce: random.hex() },
        sizeBytes: 1,
        checksum: 1,
      }));
      const covered = random.within({ min: 1, max: nextIndex() });
      this.#create({ parts, nextIndex: covered, timestampMs: 0, checksum: 1 }, parts);
    });
  }

  #create(snapshot: SnapshotRef, left: readonly ObjectRef[]): void {
    const { upkeep } = this.#options;
    const [part, ...rest] = left;
    if (part === undefined) {
      return upkeep.nameSnapshot(snapshot, (outcome) => this.#named(snapshot, outcome));
    }
    upkeep.createObject({ type: "snapshot", id: part.id }, snapshot, (made) => {
      if (made) this.#create(snapshot, rest);
    });
  }

  #named({ parts }: SnapshotRef, outcome: SnapshotNamed): void {
    const { judge, name, objects, node, requests } = this.#options;
    if (outcome.type === "named") {
      const isTrue = parts.every(({ id }) => judge.wasNamed(id));
      return must(isTrue, "false-named", () => `${name} says that a snapshot is named that is not`);
    }
    if (!outcome.unsent) return;
    for (const { id } of parts) {
      requests.within(
        "unknown",
        (answer: Parameters<SimObjects["delete"]>[2]) =>
          objects.delete(node, { type: "snapshot", id }, answer),
        () => undefined,
      );
    }
  }
}
