/**
 * Deletes what is needed no more: segments below the floor and the ghosts that land there, manifests
 * that are not the greatest, objects that no manifest names (PROTOCOL.md sections 9 and 10).
 *
 * Invariant: nothing is deleted until a grace after this process knew, by a manifest read, that it may
 * be: of a floor above it, of a greater manifest, or that the greatest does not name it and none will.
 * Invariant: manifest 0 and the greatest are never deleted.
 * Invariant: a sweep holds one page of names; when nothing is left to delete there are no more sweeps.
 */

import { KnownSince } from "./known-since.js";
import type { UpkeepContext } from "./context.js";
import type { Deleted, Listed, Listing, NamedObject, ObjectName } from "./protocol.js";
import type { ManifestView, ObjectId } from "../manifest.js";
import type { RequestId } from "../protocol.js";
import type { Position } from "../types.js";

/** So many objects that no manifest names are remembered; others wait for a later sweep. */
const unnamedMax = 10_000;

interface Sweep {
  readonly beganMs: number;
  /** The manifest known when the sweep began. What it does not name and may, none names any more. */
  readonly manifest: ManifestView;
  readonly named: ReadonlySet<string>;
  /** Segments below may go. */
  readonly floor: Position;
  /** Manifests below may go. */
  readonly greatest: number;
  /** What is still to be listed, the current one first. */
  listings: Listing[];
  listing: RequestId | undefined;
  /** What of the current page is to be deleted. */
  doomed: ObjectName[];
  readonly deletes: Map<RequestId, ObjectName>;
  /** Whether another sweep would find something. */
  leavesSome: boolean;
  /** When each unnamed object was first seen to be. */
  readonly unnamed: Map<string, number>;
}

export class Sweeper {
  readonly #context: UpkeepContext;
  readonly #floors = new KnownSince();
  readonly #greatest = new KnownSince();
  #manifest: ManifestView | undefined;
  #unnamed: ReadonlyMap<string, number> = new Map();
  /** Objects of snapshots that a manifest has named and a later one does not: none names them again. */
  readonly #dropped = new Set<string>();
  #dueMs = Number.POSITIVE_INFINITY;
  #notBeforeMs = 0;
  #sweep: Sweep | undefined;

  constructor(context: UpkeepContext) {
    this.#context = context;
  }

  /** A manifest read of this process's has found it. */
  knows(manifest: ManifestView): void {
    const { nowMs } = this.#context;
    const isNew = this.#manifest === undefined || manifest.number > this.#manifest.number;
    this.#floors.learn(manifest.floor.tail, nowMs);
    this.#greatest.learn(manifest.number, nowMs);
    if (this.#manifest !== undefined && isNew) this.#drop(this.#manifest, manifest);
    this.#manifest = manifest;
    if (isNew) this.#dueMs = Math.min(this.#dueMs, nowMs + manifest.graceMs);
  }

  tick(): void {
    const { nowMs, leads } = this.#context;
    if (this.#sweep !== undefined || this.#manifest === undefined || !leads) return;
    if (nowMs >= Math.max(this.#dueMs, this.#notBeforeMs)) this.#begin(this.#manifest);
  }

  listed(request: RequestId, outcome: Listed): void {
    const sweep = this.#sweep;
    if (sweep === undefined || sweep.listing !== request) return;
    sweep.listing = undefined;
    if (outcome.type === "unavailable") {
      sweep.leavesSome = true;
      // What was not listed is as it was.
      for (const [key, sinceMs] of this.#unnamed) {
        if (!sweep.unnamed.has(key)) sweep.unnamed.set(key, sinceMs);
      }
      return this.#end(sweep, this.#context.options.settings.repeatMs);
    }
    sweep.doomed = outcome.names.filter((name) => this.#mayGo(name, sweep));
    const last = outcome.names.at(-1);
    const next = outcome.more && last !== undefined ? behind(last, sweep) : undefined;
    sweep.listings = [...(next === undefined ? [] : [next]), ...sweep.listings.slice(1)];
    this.#goOn(sweep);
  }

  deleted(request: RequestId, outcome: Deleted): void {
    const sweep = this.#sweep;
    if (sweep === undefined || !sweep.deletes.delete(request)) return;
    // Whatever it came to: what is still there is seen by the next sweep, and ghosts may have landed.
    sweep.leavesSome = true;
    if (outcome === "refused") {
      sweep.doomed = [];
      sweep.listings = [];
    }
    this.#goOn(sweep);
  }

  #begin(manifest: ManifestView): void {
    const { nowMs } = this.#context;
    const floor = this.#floors.ripe(nowMs, manifest.graceMs);
    const greatest = this.#greatest.ripe(nowMs, manifest.graceMs);
    const listings: Listing[] = [];
    if (floor > 0) listings.push({ type: "segment", startAt: 0, end: floor });
    if (greatest > 1) listings.push({ type: "manifest", startAt: 1 });
    for (const type of ["archive", "checkpoint", "snapshot"] as const) {
      listings.push({ type, after: undefined });
    }
    const sweep: Sweep = {
      beganMs: nowMs,
      manifest,
      named: namesIn(manifest),
      floor,
      greatest,
      listings,
      listing: undefined,
      doomed: [],
      deletes: new Map(),
      leavesSome: false,
      unnamed: new Map(),
    };
    this.#sweep = sweep;
    this.#goOn(sweep);
  }

  /** Deletes what the page has shown, then lists on. */
  #goOn(sweep: Sweep): void {
    const { deletesMax } = this.#context.options.settings;
    while (sweep.deletes.size < deletesMax) {
      const name = sweep.doomed.shift();
      if (name === undefined) break;
      const request = this.#context.newRequest();
      sweep.deletes.set(request, name);
      this.#context.emit({ type: "delete", request, name });
    }
    if (sweep.doomed.length > 0 || sweep.listing !== undefined) return;
    const [listing] = sweep.listings;
    if (listing !== undefined) {
      const request = this.#context.newRequest();
      sweep.listing = request;
      this.#context.emit({ type: "list", request, listing });
    } else if (sweep.deletes.size === 0) {
      this.#end(sweep, sweep.manifest.graceMs);
    }
  }

  #end(sweep: Sweep, pauseMs: number): void {
    const { nowMs } = this.#context;
    const { graceMs } = sweep.manifest;
    this.#sweep = undefined;
    this.#unnamed = sweep.unnamed;
    // What has become ripe since the sweep began it has not swept.
    const next = [
      this.#floors.nextRipeMs(sweep.beganMs, graceMs),
      this.#greatest.nextRipeMs(sweep.beganMs, graceMs),
    ];
    const dueMs = next.filter((ripeMs) => ripeMs !== undefined);
    if (sweep.leavesSome) dueMs.push(nowMs + pauseMs);
    this.#dueMs = Math.min(...dueMs);
    // Under a busy log something ripens all the time.
    this.#notBeforeMs = nowMs + Math.min(pauseMs, graceMs / 4);
  }

  /**
   * Next indexes of snapshots rise from manifest to manifest, and the newest stays: what has left the list has
   * a lesser one, and no manifest can name it any more, whatever number its objects carry.
   */
  #drop(before: ManifestView, after: ManifestView): void {
    const named = snapshotNames(after);
    for (const key of snapshotNames(before)) if (!named.has(key)) this.#dropped.add(key);
    for (const oldest of this.#dropped) {
      if (this.#dropped.size <= unnamedMax) break;
      this.#dropped.delete(oldest);
    }
  }

  #mayGo(name: ObjectName, sweep: Sweep): boolean {
    switch (name.type) {
      case "segment":
        return name.position < sweep.floor;
      case "manifest":
        return name.number > 0 && name.number < sweep.greatest;
      case "archive":
      case "checkpoint":
      case "snapshot":
        return this.#isLongUnnamed(name, sweep);
    }
  }

  #isLongUnnamed(name: NamedObject, sweep: Sweep): boolean {
    const { manifest, named, unnamed } = sweep;
    const key = keyOf(name.type, name.id);
    if (named.has(key)) return false;
    // One that a later manifest may name first is on its way.
    if (name.id.manifest > manifest.number && !this.#dropped.has(key)) return false;
    const { nowMs } = this.#context;
    const sinceMs = this.#unnamed.get(key) ?? nowMs;
    if (nowMs - sinceMs >= manifest.graceMs) return true;
    sweep.leavesSome = true;
    if (unnamed.size < unnamedMax) unnamed.set(key, sinceMs);
    return false;
  }
}

function keyOf(type: NamedObject["type"], { manifest, nonce }: ObjectId): string {
  return `${type}/${manifest}-${nonce}`;
}

function snapshotNames({ snapshots }: ManifestView): ReadonlySet<string> {
  return new Set(snapshots.flatMap(({ parts }) => parts.map(({ id }) => keyOf("snapshot", id))));
}

function namesIn({ archives, checkpoint, snapshots }: ManifestView): ReadonlySet<string> {
  const names = new Set(archives.map(({ id }) => keyOf("archive", id)));
  for (const { parts } of snapshots) {
    for (const { id } of parts) names.add(keyOf("snapshot", id));
  }
  if (checkpoint !== undefined) names.add(keyOf("checkpoint", checkpoint.ledger.id));
  return names;
}

/** What is to be listed after a page that ends in the name. */
function behind(name: ObjectName, { floor }: Sweep): Listing {
  switch (name.type) {
    case "segment":
      return { type: "segment", startAt: name.position + 1, end: floor };
    case "manifest":
      return { type: "manifest", startAt: name.number + 1 };
    case "archive":
    case "checkpoint":
    case "snapshot":
      return { type: name.type, after: name.id };
  }
}
