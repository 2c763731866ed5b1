/**
 * Reads the log from the store as a stranger would: by the schema and src/log/README.md alone. It shares
 * no code with the nodes but the calls of the store and the checksum's arithmetic.
 *
 * Invariant: only what counts by those rules is given; whatever contradicts them is reported.
 */

import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { crc32c } from "@node-rs/crc32";
import {
  ManifestSchema,
  SegmentSchema,
  type Entries,
  type Epoch,
  type Segment,
} from "../../gen/suraft/storage/v1/storage_pb.js";
import type { Store } from "../../src/store/store.js";
import { recognize } from "./content.js";
import type { Report } from "./cursor.js";

/** An append where it stands in the log. */
export interface StoredAppend {
  readonly op: number;
  readonly firstIndex: number;
  /** Fewer than the append has, if it is torn. */
  readonly entries: number;
  readonly term: number;
  readonly timestampMs: number;
}

export interface WalkCounts {
  segments: number;
  claims: number;
  voids: number;
}

const width = 16;
const requestMsMax = 10_000;
const checksumBytes = 5;
const checksumTag = 0x7d;

interface Last {
  readonly position: bigint;
  readonly checksum: number;
}

export class StoreWalk {
  readonly counts: WalkCounts = { segments: 0, claims: 0, voids: 0 };
  readonly #store: Store;
  readonly #report: Report;
  #epoch: Epoch | undefined;
  #last: Last | undefined;
  #nextIndex = 1;

  constructor(store: Store, report: Report) {
    this.#store = store;
    this.#report = report;
  }

  /** The appends of the log, in order, up to the first position where nothing exists. */
  async *appends(): AsyncGenerator<StoredAppend, void> {
    const manifest = await this.#get(`manifest/${"0".padStart(20, "0")}`);
    if (manifest === undefined) {
      this.#report("no-manifest", "manifest 0 does not exist");
      return;
    }
    const { clusterId } = fromBinary(ManifestSchema, checked(manifest) ?? manifest);
    for await (const [position, bytes] of this.#objects()) {
      this.counts.segments += 1;
      const segment = this.#decode(position, bytes);
      if (segment === undefined) return;
      if (segment.clusterId === clusterId && this.#counts(segment)) {
        if (segment.content.case === "entries")
          yield* this.#entries(segment, segment.content.value);
      } else this.counts.voids += 1;
    }
  }

  async *#objects(): AsyncGenerator<readonly [number, Uint8Array], void> {
    const asked: Promise<Uint8Array | undefined>[] = [];
    let next = 0;
    for (let position = 0; ; position++) {
      while (asked.length < width) {
        const object = this.#get(`log/${String(next++).padStart(20, "0")}`);
        object.catch(() => undefined);
        asked.push(object);
      }
      const bytes = await asked.shift();
      if (bytes === undefined) return;
      yield [position, bytes];
    }
  }

  async #get(name: string): Promise<Uint8Array | undefined> {
    const result = await this.#store.get(name, { signal: AbortSignal.timeout(requestMsMax) });
    return result.type === "found" ? result.bytes : undefined;
  }

  #decode(position: number, bytes: Uint8Array): Segment | undefined {
    const body = checked(bytes);
    if (body === undefined) {
      this.#report("checksum", `the object at position ${position} does not match its checksum`);
      return undefined;
    }
    const segment = fromBinary(SegmentSchema, bytes);
    if (Number(segment.position) !== position) {
      this.#report("misplaced", `position ${position} holds the segment of ${segment.position}`);
      return undefined;
    }
    return segment;
  }

  /** Whether the segment counts. Then it is the last one that does. */
  #counts(segment: Segment): boolean {
    const { epoch, previous, content } = segment;
    if (content.case === "claim") {
      if ((epoch?.term ?? 0n) <= (this.#epoch?.term ?? 0n)) return false;
      this.#epoch = epoch;
      this.counts.claims += 1;
    } else if (!sameEpoch(epoch, this.#epoch) || !this.#follows(previous)) return false;
    this.#last = { position: segment.position, checksum: segment.crc32c };
    return true;
  }

  #follows(previous: Segment["previous"]): boolean {
    const { position, checksum } = this.#last ?? {};
    return previous?.position === position && previous?.crc32c === checksum;
  }

  *#entries(segment: Segment, entries: Entries): Generator<StoredAppend, void> {
    const at = `position ${segment.position}`;
    if (Number(entries.firstIndex) !== this.#nextIndex) {
      this.#report("log-gap", `${at} begins at ${entries.firstIndex}, not ${this.#nextIndex}`);
    }
    const { length } = entries.entries;
    if (entries.entryCount !== length || length + entries.records.length === 0) {
      const records = `${entries.records.length} records`;
      this.#report("entry-count", `${at} says ${entries.entryCount} of ${length}, ${records}`);
    }
    const term = Number(segment.epoch?.term ?? 0n);
    const time = entries.timestamp === undefined ? 0 : timestampMs(entries.timestamp);
    let open: StoredAppend | undefined;
    for (const entry of entries.entries) {
      const name = recognize(entry);
      if (typeof name === "string") {
        this.#report("other-bytes", `the entry at ${this.#nextIndex} in the store: ${name}`);
      } else if (open?.op === name.op && open.entries === name.offset) {
        open = { ...open, entries: open.entries + 1 };
      } else {
        if (open !== undefined) yield open;
        const firstIndex = this.#nextIndex;
        open = { op: name.op, firstIndex, entries: 1, term, timestampMs: time };
      }
      this.#nextIndex += 1;
    }
    if (open !== undefined) yield open;
  }
}

/** The bytes that the checksum covers, if it is right. */
function checked(bytes: Uint8Array): Uint8Array | undefined {
  const body = bytes.subarray(0, bytes.length - checksumBytes);
  const tail = Buffer.from(bytes.subarray(body.length));
  if (tail.length !== checksumBytes || tail[0] !== checksumTag) return undefined;
  return tail.readUInt32LE(1) === crc32c(body) ? body : undefined;
}

function sameEpoch(a: Epoch | undefined, b: Epoch | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.term === b.term && a.leaderId === b.leaderId && Buffer.compare(a.nonce, b.nonce) === 0;
}
