/**
 * The objects of the simulated store that are no segments, and the listing and deleting of all. A listing is
 * a page at a time, each as the store is when the page is served; a create or delete may take effect at any
 * later time, twice, or never.
 */

import type { CreateOutcome } from "../../../src/core/protocol.js";
import type { Deleted, Listing, ObjectName } from "../../../src/core/upkeep/protocol.js";
import { objectName, parseObjectName } from "../../../src/log/names.js";
import type { ManifestView } from "../../../src/core/manifest.js";
import type { SimStore } from "../sim-store.js";
import type { ManifestChecks } from "./manifest-checks.js";

export interface StoredObject {
  readonly value: unknown;
  readonly version: string;
}

export interface ListedObject {
  readonly name: ObjectName;
  readonly version: string;
}

export interface ListedPage {
  readonly items: readonly ListedObject[];
  readonly more: boolean;
}

export interface SimObjectsOptions {
  readonly store: SimStore;
  readonly founding: ManifestView;
  /** How many names a page has at most. */
  readonly pageItems: number;
}

export class SimObjects {
  readonly #options: SimObjectsOptions;
  readonly #objects = new Map<string, StoredObject>();
  #judge: ManifestChecks | undefined;
  #versions = 0;

  constructor(options: SimObjectsOptions) {
    this.#options = options;
    this.#put({ type: "manifest", number: 0 }, options.founding);
  }

  /** Who judges whatever comes to be or is deleted. */
  judgedBy(judge: ManifestChecks): void {
    this.#judge = judge;
  }

  /** What an object holds now. */
  valueOf(name: ObjectName): unknown {
    return this.#objects.get(objectName(name))?.value;
  }

  /** All objects that are no segments. */
  names(): readonly ObjectName[] {
    return [...this.#objects.keys()].toSorted().flatMap((text) => parseObjectName(text) ?? []);
  }

  create(
    node: number,
    name: ObjectName,
    value: unknown,
    answer: (outcome: CreateOutcome) => void,
  ): void {
    const text = objectName(name);
    const effect = (isLate = false): "created" | "exists" => {
      if (this.#objects.has(text)) {
        // Its own duplicate comes too late for good.
        if (!isLate) this.#options.store.carrier.cameTooLate(text, () => effect(true));
        return "exists";
      }
      this.#put(name, value);
      if (name.type === "manifest") this.#judge?.landed(value as ManifestView);
      return "created";
    };
    this.#options.store.carrier.change(node, text, effect, answer);
  }

  get(
    node: number,
    name: ObjectName,
    answer: (result: StoredObject | "absent" | "unavailable") => void,
  ): void {
    const text = objectName(name);
    const look = () => {
      // A late create lands on a freed name just as somebody looks.
      if (!this.#objects.has(text)) this.#options.store.carrier.ambush(text, "storeAmbush");
      return this.#objects.get(text) ?? "absent";
    };
    this.#options.store.carrier.ask(node, look, answer);
  }

  /** One page. */
  list(node: number, listing: Listing, answer: (page: ListedPage | "unavailable") => void): void {
    this.#options.store.carrier.ask(node, () => this.#page(listing), answer);
  }

  delete(node: number, name: ObjectName, answer: (outcome: Deleted) => void): void {
    const text = objectName(name);
    const effect = () => (this.#remove(name, text) ? "deleted" : "absent");
    this.#options.store.carrier.change(node, text, effect, answer);
  }

  #put(name: ObjectName, value: unknown): void {
    this.#versions += 1;
    this.#objects.set(objectName(name), { value, version: String(this.#versions) });
  }

  #remove(name: ObjectName, text: string): boolean {
    const { store } = this.#options;
    const stands =
      name.type === "segment"
        ? store.standing(name.position) !== undefined
        : this.#objects.has(text);
    if (!stands) return false;
    this.#judge?.deleted(name);
    if (name.type === "segment") return store.free(name.position);
    this.#objects.delete(text);
    store.carrier.freed(text);
    store.carrier.ambush(text, "storeGhost");
    return true;
  }

  #page(listing: Listing): ListedPage {
    const { pageItems, store } = this.#options;
    const items: ListedObject[] = [];
    if (listing.type === "segment") {
      for (let position = listing.startAt; position < listing.end; position++) {
        if (store.standing(position) === undefined) continue;
        if (items.length === pageItems) return { items, more: true };
        items.push({ name: { type: "segment", position }, version: "" });
      }
      return { items, more: false };
    }
    const [from, isBehind] = startOf(listing);
    const prefix = `${listing.type}/`;
    const names = [...this.#objects.keys()]
      .filter((text) => text.startsWith(prefix) && (isBehind ? text > from : text >= from))
      .toSorted();
    for (const text of names.slice(0, pageItems)) {
      const name = parseObjectName(text);
      const version = this.#objects.get(text)?.version ?? "";
      if (name !== undefined) items.push({ name, version });
    }
    return { items, more: names.length > pageItems };
  }
}

/** The name that a listing begins at, or behind. */
function startOf(listing: Exclude<Listing, { readonly type: "segment" }>): [string, boolean] {
  if (listing.type === "manifest") {
    return [objectName({ type: "manifest", number: listing.startAt }), false];
  }
  const { type, after } = listing;
  return after === undefined ? [`${type}/`, false] : [objectName({ type, id: after }), true];
}
