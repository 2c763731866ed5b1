/**
 * Writes a snapshot of the application's state machine: its bytes in objects of one size, the last one
 * smaller.
 *
 * Why in parts: a create is one request, so a snapshot in one object would have to be held in memory
 * whole, would take longer than any request may, and would be sent again from its beginning.
 *
 * Invariant: at most `partsAtOnce` + 1 parts are in memory, however fast the bytes come.
 * Invariant: nothing is returned unless every part was answered "created", or read back whole.
 */

import { SuraftError } from "../errors.js";
import { withDeadline } from "../store/abort.js";
import { settle } from "../store/settle.js";
import { crc32c } from "./crc32c.js";
import { objectName } from "./names.js";
import { storeFailure } from "./store-failure.js";
import type { ObjectId, ObjectRef } from "../core/manifest.js";
import type { Store } from "../store/store.js";

export const partBytesDefault = 8 * 1024 * 1024;

const partsAtOnce = 2;

/** A part begins with room for so much, and doubles it: most snapshots are small. */
const firstBytes = 64 * 1024;

/** A part that the store has not taken for so long is given up. */
const partTimeoutMs = 60_000;

/** A create has a millisecond more for each so many bytes. */
const bytesPerMs = 1024;

/** How long the parts of a snapshot that was given up are deleted for; what is left is swept. */
const abandonTimeoutMs = 5_000;

export interface SnapshotWriterOptions {
  readonly store: Store;
  /** Names a part that was not named before. */
  readonly nextId: () => ObjectId;
  readonly bytesMax: number;
  readonly partBytes: number;
  /** A create that takes longer is made again. */
  readonly requestTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** A snapshot's bytes, stored. */
export interface WrittenSnapshot {
  readonly parts: readonly ObjectRef[];
  readonly checksum: number;
}

export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  readonly #parts: Promise<ObjectRef>[] = [];
  readonly #names: string[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #part = Buffer.alloc(0);
  #partLength = 0;
  #sizeBytes = 0;
  #checksum = 0;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** CRC32C of what was written. */
  get checksum(): number {
    return this.#checksum;
  }

  /** Takes the next bytes, once there is room. Throws a SuraftError, or the signal's reason. */
  async write(bytes: Uint8Array): Promise<void> {
    const { bytesMax, partBytes } = this.#options;
    if (this.#sizeBytes + bytes.length > bytesMax) {
      const message = `the snapshot is greater than ${bytesMax} bytes, the most that this node takes`;
      throw new SuraftError("invalid", message, { details: { bytes_max: String(bytesMax) } });
    }
    this.#sizeBytes += bytes.length;
    this.#checksum = crc32c(bytes, this.#checksum);
    for (let offset = 0; offset < bytes.length;) {
      const rest = bytes.subarray(offset, offset + partBytes - this.#partLength);
      this.#hold(rest);
      offset += rest.length;
      if (this.#partLength === partBytes) await this.#send();
    }
  }

  /** There is no more: resolves once everything is stored. Throws as `write` does. */
  async finish(): Promise<WrittenSnapshot> {
    if (this.#partLength > 0) await this.#send();
    return { parts: await Promise.all(this.#parts), checksum: this.#checksum };
  }

  /** It will never be named: its parts are deleted, as far as the store lets us. Never rejects. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#parts);
    const { store } = this.#options;
    const signal = AbortSignal.timeout(abandonTimeoutMs);
    await Promise.allSettled(this.#names.map((name) => store.delete(name, { signal })));
  }

  /** Copies the bytes: many small pieces must not cost more than they hold. */
  #hold(bytes: Uint8Array): void {
    const length = this.#partLength + bytes.length;
    if (length > this.#part.length) {
      const room = Math.max(firstBytes, 2 * this.#part.length, length);
      const grown = Buffer.allocUnsafe(Math.min(room, this.#options.partBytes));
      this.#part.copy(grown, 0, 0, this.#partLength);
      this.#part = grown;
    }
    this.#part.set(bytes, this.#partLength);
    this.#partLength = length;
  }

  async #send(): Promise<void> {
    const bytes = this.#part.subarray(0, this.#partLength);
    this.#part = Buffer.alloc(0);
    this.#partLength = 0;
    while (this.#underWay.size >= partsAtOnce) await Promise.race(this.#underWay);
    const sent = this.#create(this.#options.nextId(), bytes);
    this.#parts.push(sent);
    this.#underWay.add(sent);
    sent.then(
      () => this.#underWay.delete(sent),
      // It stays: whoever waits for room hears of it.
      () => undefined,
    );
  }

  async #create(id: ObjectId, bytes: Uint8Array): Promise<ObjectRef> {
    const { store, requestTimeoutMs, signal } = this.#options;
    const name = objectName({ type: "snapshot", id });
    this.#names.push(name);
    const requestMsMax = requestTimeoutMs + bytes.length / bytesPerMs;
    const settled = await withDeadline(signal, partTimeoutMs, (deadline) =>
      settle(store, name, bytes, { signal: deadline, requestMsMax }),
    ).catch((error: unknown) => {
      throw storeFailure(error, name);
    });
    if (settled.type === "mine") return { id, sizeBytes: bytes.length, checksum: crc32c(bytes) };
    signal.throwIfAborted();
    const cause = "cause" in settled ? settled.cause : "another object has its name";
    throw new SuraftError("unavailable", `the store has not taken ${name}: ${cause}`);
  }
}
