/**
 * Judges one process's upkeep by what it was told: what it writes, and that it deletes nothing before it has
 * known for a grace that it may (PROTOCOL.md sections 9 and 10).
 */

import type { ManifestView } from "../../../src/core/manifest.js";
import type { ObjectName } from "../../../src/core/upkeep/protocol.js";
import { must } from "../violation.js";

interface Told {
  readonly manifest: ManifestView;
  /** By the clock that the process waits by. */
  readonly atMs: number;
}

export class UpkeepChecks {
  readonly #name: string;
  #told: Told[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** A manifest read of the process has found it. */
  told(manifest: ManifestView, atMs: number): void {
    if (this.#told.at(-1)?.manifest.number !== manifest.number) this.#told.push({ manifest, atMs });
  }

  /** It writes a manifest, and knows what stands below a position. */
  writes(manifest: ManifestView, knownEnd: number): void {
    const say = (text: string) => () => `${this.#name} writes manifest ${manifest.number} ${text}`;
    const last = this.#told.at(-1)?.manifest;
    const isNext = last !== undefined && manifest.number === last.number + 1;
    must(isNext, "manifest-basis", say(`after it read ${last?.number}`));
    const { floor } = manifest;
    must(
      floor.tail === last.floor.tail || floor.tail <= knownEnd,
      "floor-beyond-w",
      say(`with its floor at ${floor.tail}, and knows the log below ${knownEnd}`),
    );
  }

  /** It sends a delete. */
  deletes(name: ObjectName, atMs: number): void {
    // A snapshot that has left the list is never named again, whatever number its objects carry.
    const namedAt = this.#told.findIndex(({ manifest }) => isSnapshotOf(manifest, name));
    const allowing = this.#told.find(({ manifest }, at) => {
      const hasLeft = namedAt >= 0 && at > namedAt && !isSnapshotOf(manifest, name);
      return hasLeft || allows(manifest, name);
    });
    const what = `${this.#name} deletes ${JSON.stringify(name)}`;
    must(allowing !== undefined, "deleted-unknown", () => `${what}, which it may not know of`);
    const { atMs: sinceMs, manifest } = allowing;
    must(
      atMs - sinceMs >= manifest.graceMs,
      "deleted-young",
      () => `${what} ${atMs - sinceMs} ms after it knew; the grace is ${manifest.graceMs}`,
    );
  }
}

function allows(manifest: ManifestView, name: ObjectName): boolean {
  const { number, floor, archives, checkpoint } = manifest;
  switch (name.type) {
    case "segment":
      return name.position < floor.tail;
    case "manifest":
      return name.number > 0 && name.number < number;
    case "archive":
      return name.id.manifest <= number && archives.every(({ id }) => id.nonce !== name.id.nonce);
    case "checkpoint":
      return name.id.manifest <= number && checkpoint?.ledger.id.nonce !== name.id.nonce;
    case "snapshot":
      return name.id.manifest <= number && !isSnapshotOf(manifest, name);
  }
}

function isSnapshotOf({ snapshots }: ManifestView, name: ObjectName): boolean {
  if (name.type !== "snapshot") return false;
  return snapshots.some(({ parts }) => parts.some(({ id }) => id.nonce === name.id.nonce));
}
