/** Writes logs into a store as leaders would, and tells a SegmentLog what was committed. */

import type { Append, EntriesSegment, Epoch, LogRecord, Segment } from "../../src/core/types.js";
import { advance, judge, logStart } from "../../src/core/walk.js";
import type { WalkState } from "../../src/core/walk.js";
import { decodeEntries } from "../../src/log/entry-run.js";
import type { ManifestView } from "../../src/core/manifest.js";
import { LogPast } from "../../src/log/log-past.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { segmentName } from "../../src/log/names.js";
import { entryRunOf, sealSegment, storedBytes } from "../../src/log/segment-codec.js";
import type { SegmentLog } from "../../src/log/segment-log.js";
import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import type { GetResult, RequestOptions } from "../../src/store/store.js";
import { appendOf, bareAppend, keysOf, textEntry } from "./entries.js";

export const clusterId = "the-cluster";

/** A memory store whose gets can be watched, delayed and failed. */
export class WatchedStore extends MemoryStore {
  readonly objects: MemoryObjects;
  readonly got: string[] = [];
  underWay = 0;
  underWayMost = 0;
  /** Runs before each get; it may wait, and it may throw. */
  beforeGet: (name: string, signal: AbortSignal) => Promise<void> = async () => undefined;

  constructor(objects: MemoryObjects = new MemoryObjects()) {
    super("memory:", objects);
    this.objects = objects;
  }

  override async get(name: string, options: RequestOptions): Promise<GetResult> {
    this.got.push(name);
    this.underWay += 1;
    this.underWayMost = Math.max(this.underWayMost, this.underWay);
    try {
      await this.beforeGet(name, options.signal);
      return await super.get(name, options);
    } finally {
      this.underWay -= 1;
    }
  }

  put(position: number, bytes: Uint8Array): void {
    this.objects.delete(segmentName(position));
    this.objects.create(segmentName(position), bytes);
  }
}

export class WrittenLog {
  readonly store = new WatchedStore();
  /** What was committed, in order. */
  readonly committed: Segment[] = [];
  #walk: WalkState = logStart;
  #timestampMs = 1000;

  get walk(): WalkState {
    return this.#walk;
  }

  get entries(): readonly EntriesSegment[] {
    return this.committed.filter((segment) => segment.type === "entries");
  }

  claim(term: number = this.#walk.term + 1): this {
    const nonce = term.toString(16).padStart(32, "0");
    const epoch: Epoch = { term, leaderId: "node-1", nonce };
    const position = this.#walk.tail;
    return this.#write(sealSegment(clusterId, { type: "claim", position, epoch, window: 4 }));
  }

  /** A segment of entries; the clock moves on by 10 milliseconds. */
  write(...texts: readonly string[]): this {
    this.#timestampMs += 10;
    return this.writeAppends([appendOf(texts.map(textEntry))], this.#timestampMs);
  }

  /** A segment that holds a record and no entry; the clock moves on by 10 milliseconds. */
  record(record: LogRecord = { type: "opened", entryOffset: 0 }): this {
    this.#timestampMs += 10;
    const records = [record];
    return this.writeAppends([bareAppend], this.#timestampMs, records);
  }

  writeAppends(
    appends: readonly Append[],
    timestampMs: number,
    records: readonly LogRecord[] = [],
  ): this {
    const { tail: position, epoch, last: previous, nextIndex: firstIndex } = this.#walk;
    if (epoch === undefined || previous === undefined) throw new Error("no epoch yet");
    const entryCount = appends.reduce((total, append) => total + append.entryCount, 0);
    const content = { position, epoch, previous, firstIndex, entryCount, timestampMs, appends };
    const noted = { records, keys: keysOf(appends) };
    return this.#write(sealSegment(clusterId, { type: "entries", ...content, ...noted }));
  }

  /** A late write of an epoch that has ended. */
  void(): this {
    const epoch: Epoch = { term: 1, leaderId: "late", nonce: "f".repeat(32) };
    const position = this.#walk.tail;
    const appends = [appendOf([textEntry("void")])];
    const previous = { position: 0, checksum: 5 };
    const content = { epoch, previous, firstIndex: 1, entryCount: 1, timestampMs: 5, appends };
    return this.#write(
      sealSegment(clusterId, { type: "entries", position, ...content, records: [], keys: [] }),
    );
  }

  /** Tells a log all that was committed and not yet told. */
  tell(log: SegmentLog, from = 0): number {
    for (const segment of this.committed.slice(from)) log.append(segment);
    return this.committed.length;
  }

  #write(segment: Segment): this {
    this.store.put(segment.position, storedBytes(segment));
    const verdict = judge(this.#walk, segment, clusterId);
    if (verdict === "corrupt") throw new Error("a leader does not write that");
    this.#walk = advance(this.#walk, segment, verdict);
    if (verdict === "valid") this.committed.push(segment);
    return this;
  }
}

/** What readers know of the past of a log that was never trimmed or archived. */
export function wholePast(): LogPast {
  const manifest = { ...foundingManifest([{ nodeId: "node-1", address: "x:1" }]), clusterId };
  return pastOf(manifest);
}

/** What readers know of the past who have just read a manifest. */
export function pastOf(manifest: ManifestView): LogPast {
  const first = { manifest, ageMs: 0 };
  return new LogPast({ first, ageMs: () => 0, read: () => Promise.resolve(first) });
}

/** The payloads of segments, as text. */
export function textsOf(segment: Segment): string[] {
  return decodeEntries(entryRunOf(segment)).map(({ payload }) => Buffer.from(payload).toString());
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

/** What a promise is rejected with. */
export async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** A promise and its resolution. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
