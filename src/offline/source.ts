/**
 * The store as somebody sees it who looks through a log while its nodes may be at work.
 *
 * Invariant: an answer about a position counts only by PROTOCOL.md section 9; what was deleted while
 * somebody looked is not missing.
 */

import { AgeClock } from "../log/age-clock.js";
import { LogPast } from "../log/log-past.js";
import { readManifest } from "../log/manifest.js";
import { manifestName, segmentName, segmentPrefix } from "../log/names.js";
import { ObjectGetter } from "../log/object-getter.js";
import { BelowFloor } from "../log/segment-fetcher.js";
import { decodeSegment } from "../log/segment-codec.js";
import { corruptObject, isCorrupt, storeFailure } from "../log/store-failure.js";
import { pause, withDeadline } from "../store/abort.js";
import { nameAfter } from "../store/object-name.js";
import { StoreError } from "../store/store.js";
import { SuraftError } from "../errors.js";
import type { ManifestView } from "../core/manifest.js";
import type { Position, Segment } from "../core/types.js";
import type { ManifestRead } from "../log/log-past.js";
import type { ByteRange, ListItem, ListOptions, ListResult, Store } from "../store/store.js";

/** What stands under a name. */
export type Looked<T> =
  | { readonly type: "found"; readonly value: T }
  | { readonly type: "absent" }
  | { readonly type: "damaged"; readonly reason: string };

const requestTimeoutMs = 30_000;

/** A listing that fails is tried again so often, a little later each time. */
const triesMax = 4;
const retryDelayMs = 100;

export class Source {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly #getter: ObjectGetter;
  readonly #clock = new AgeClock();
  #past: LogPast | undefined;
  #listings = 0;

  constructor(store: Store, signal: AbortSignal) {
    this.store = store;
    this.signal = signal;
    this.#getter = new ObjectGetter({ store, timeoutMs: requestTimeoutMs });
  }

  /** Gets and listings sent, but for those of manifest reads. */
  get requests(): number {
    return this.#getter.gets + this.#listings;
  }

  /** The greatest manifest that is known. */
  get manifest(): ManifestView {
    return this.#known().manifest;
  }

  /** Reads the manifest. Throws a SuraftError: `corrupt`, `invalid` without a cluster, or the store's. */
  async open(): Promise<void> {
    const read = (): Promise<ManifestRead> => this.#readManifest();
    this.#past = new LogPast({ first: await read(), ageMs: () => this.#clock.ageMs, read });
  }

  /** Goes by this manifest, where the greatest is damaged: it was read before anything else. */
  openAt(manifest: ManifestView): void {
    const first = { manifest, ageMs: this.#clock.ageMs };
    const read = (): Promise<ManifestRead> =>
      Promise.resolve({ manifest, ageMs: this.#clock.ageMs });
    this.#past = new LogPast({ first, ageMs: () => this.#clock.ageMs, read });
  }

  /** Reads the manifest again. */
  async refresh(): Promise<ManifestView> {
    await this.#known().refresh(this.signal);
    return this.manifest;
  }

  /** An object that was never deleted, or whose absence the caller understands. */
  async look(
    name: string,
    range?: ByteRange,
  ): Promise<Looked<{ bytes: Uint8Array; size: number }>> {
    try {
      const found = await this.#getter.get(name, this.signal, range);
      return found.type === "absent" ? found : { type: "found", value: found };
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return { type: "damaged", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** What stands at a position, as far as the answer counts. Throws {@link BelowFloor} otherwise. */
  async segmentAt(position: Position): Promise<Looked<Segment>> {
    const looked = await this.look(segmentName(position));
    if (!(await this.#known().accepts(position, this.signal))) {
      throw new BelowFloor(segmentName(position));
    }
    return decoded(looked, position);
  }

  /** What stands below the floor, where nothing needs to be. */
  async leftoverAt(position: Position): Promise<Looked<Segment>> {
    return decoded(await this.look(segmentName(position)), position);
  }

  /** All items in order. */
  async *list(
    options: Pick<ListOptions, "prefix" | "startAt" | "endBefore">,
  ): AsyncGenerator<ListItem, void> {
    for (let from = options.startAt ?? options.prefix; ;) {
      const page = await this.#page({ ...options, startAt: from, limit: 1000 });
      yield* page.items;
      const last = page.items.at(-1);
      if (!page.more) return;
      if (last === undefined) {
        throw new SuraftError("unavailable", `${this.store.url}: an empty page`);
      }
      from = nameAfter(last.name);
    }
  }

  /** The first object at or behind a name, if there is one. */
  async firstFrom(prefix: string, startAt: string): Promise<ListItem | undefined> {
    return (await this.#page({ prefix, startAt, limit: 1 })).items[0];
  }

  async #page(options: Omit<ListOptions, "signal">): Promise<ListResult> {
    const { signal } = this;
    for (let attempt = 1; ; attempt++) {
      this.#listings++;
      try {
        return await withDeadline(signal, requestTimeoutMs, (deadline) =>
          this.store.list({ ...options, signal: deadline }),
        );
      } catch (error) {
        signal.throwIfAborted();
        const mayPass = error instanceof StoreError && error.kind === "unavailable";
        if (!mayPass || attempt === triesMax) throw storeFailure(error);
      }
      await pause(retryDelayMs * 2 ** attempt, signal);
    }
  }

  #known(): LogPast {
    if (this.#past === undefined) throw new Error("the manifest is read first");
    return this.#past;
  }

  async #readManifest(): Promise<ManifestRead> {
    const { ageMs } = this.#clock;
    const found = await readManifest(this.store, this.signal);
    if (found.type === "found") return { manifest: found.manifest, ageMs };
    const segment = await this.firstFrom(segmentPrefix, segmentPrefix);
    if (segment === undefined) {
      throw new SuraftError("invalid", `there is no cluster in ${this.store.url}`);
    }
    // Begun after the segment was seen.
    const later = { ageMs: this.#clock.ageMs, found: await readManifest(this.store, this.signal) };
    if (later.found.type === "found") return { manifest: later.found.manifest, ageMs: later.ageMs };
    throw corruptObject(manifestName(0), "there are segments, but there is no manifest");
  }
}

function decoded(looked: Looked<{ bytes: Uint8Array }>, position: Position): Looked<Segment> {
  if (looked.type !== "found") return looked;
  const segment = decodeSegment(looked.value.bytes, position);
  if (segment.type === "ok") return { type: "found", value: segment.segment };
  return { type: "damaged", reason: segment.reason };
}
