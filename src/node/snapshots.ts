/**
 * Snapshots of the application's state machine, as a node takes, lists and gives them.
 *
 * Any node takes one: it stores the bytes itself and has its own upkeep name them, which is safe by the
 * manifest's rules alone. So a snapshot passes through one node, not two, and needs no leader.
 *
 * Invariant: a snapshot is answered for only once a manifest read has shown it.
 * Invariant: its objects are deleted here only if no manifest that names them was ever sent.
 */

import { SuraftError } from "../errors.js";
import { outOfRange } from "../log/log-reader.js";
import { ObjectGetter } from "../log/object-getter.js";
import { PartAbsent, readSnapshot } from "../log/snapshot-reader.js";
import { SnapshotWriter } from "../log/snapshot-writer.js";
import { corruptObject } from "../log/store-failure.js";
import { orAborted } from "../store/abort.js";
import { FreshReads } from "./fresh-reads.js";
import { snapshotSizeBytes } from "../core/manifest.js";
import type { ManifestView, SnapshotRef } from "../core/manifest.js";
import type { SnapshotNamed } from "../core/upkeep/protocol.js";
import type { ManifestRead } from "../log/log-past.js";
import type { Store } from "../store/store.js";
import type { Node, NodeSnapshots, SnapshotUpload, StoredSnapshot } from "./node.js";

export interface SnapshotsOptions {
  readonly store: Store;
  readonly bytesMax: number;
  readonly partBytes: number;
  readonly requestTimeoutMs: number;
  readonly nonce: () => string;
  /** Makes a manifest read. Throws a SuraftError. */
  readonly readManifest: () => Promise<ManifestRead>;
  /** Has a snapshot named by a manifest. Rejects with a SuraftError, or with the signal's reason. */
  readonly name: (snapshot: SnapshotRef, signal: AbortSignal) => Promise<SnapshotNamed>;
  readonly node: Pick<Node, "barrier"> & { readonly log: LogBounds };
}

interface LogBounds {
  readonly firstIndex: number;
  readonly nextIndex: number;
}

/**
 * A snapshot may come in while so many manifests are written. Its objects, if nobody names them, stay
 * until as many were.
 */
const manifestsMeanwhile = 256;

export class Snapshots implements NodeSnapshots {
  readonly #options: SnapshotsOptions;
  readonly #getter: ObjectGetter;
  readonly #manifests: FreshReads<ManifestRead>;

  constructor(options: SnapshotsOptions) {
    const { store, requestTimeoutMs: timeoutMs, readManifest } = options;
    this.#options = options;
    this.#getter = new ObjectGetter({ store, timeoutMs });
    this.#manifests = new FreshReads(readManifest);
  }

  async list(signal: AbortSignal): Promise<readonly SnapshotRef[]> {
    return (await this.#manifest(signal)).snapshots;
  }

  async begin(nextIndex: number, signal: AbortSignal): Promise<SnapshotUpload> {
    const { node, store, bytesMax, partBytes, requestTimeoutMs, nonce } = this.#options;
    // The application may know more of the log than this node.
    if (nextIndex > node.log.nextIndex) await node.barrier(signal);
    const { firstIndex } = node.log;
    if (nextIndex > node.log.nextIndex || nextIndex < firstIndex) {
      throw outOfRange(nextIndex, node.log);
    }
    const { number, snapshots } = await this.#manifest(signal);
    const newest = snapshots.at(-1);
    if (newest !== undefined && newest.nextIndex > nextIndex) throw covered(newest);
    const controller = new AbortController();
    const writer = new SnapshotWriter({
      store,
      nextId: () => ({ manifest: number + manifestsMeanwhile, nonce: nonce() }),
      bytesMax,
      partBytes,
      requestTimeoutMs,
      signal: AbortSignal.any([signal, controller.signal]),
    });
    return new Upload({ nextIndex, writer, controller, signal, name: this.#options.name });
  }

  async find(nextIndex: number | undefined, signal: AbortSignal): Promise<SnapshotRef> {
    const snapshots = await this.list(signal);
    const found =
      nextIndex === undefined
        ? snapshots.at(-1)
        : snapshots.find((snapshot) => snapshot.nextIndex === nextIndex);
    if (found === undefined) throw unknownSnapshot(nextIndex, snapshots);
    return found;
  }

  async *read(
    snapshot: SnapshotRef,
    options: { readonly offset: number; readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* readSnapshot(this.#getter, snapshot, options);
    } catch (error) {
      if (!(error instanceof PartAbsent)) throw error;
      const snapshots = await this.list(options.signal);
      if (snapshots.some(({ nextIndex }) => nextIndex === snapshot.nextIndex)) {
        throw corruptObject(error.object, "it is named by the manifest, and does not exist");
      }
      throw unknownSnapshot(snapshot.nextIndex, snapshots);
    }
  }

  async #manifest(signal: AbortSignal): Promise<ManifestView> {
    const read = await orAborted(this.#manifests.read(), signal);
    return read.manifest;
  }
}

interface UploadOptions {
  readonly nextIndex: number;
  readonly writer: SnapshotWriter;
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  readonly name: SnapshotsOptions["name"];
}

class Upload implements SnapshotUpload {
  readonly #options: UploadOptions;
  /** A manifest names it, or may do so yet. */
  #mayBeNamed = false;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#options.writer.write(bytes);
  }

  async finish(expected: number): Promise<StoredSnapshot> {
    const { writer, nextIndex, name, signal } = this.#options;
    const { checksum, sizeBytes } = writer;
    if (checksum !== expected) {
      const message = `the snapshot's checksum is not ${expected}: the ${sizeBytes} bytes that came have ${checksum}`;
      throw new SuraftError("invalid", message, { details: { checksum: String(checksum) } });
    }
    const { parts } = await writer.finish();
    const snapshot = { parts, nextIndex, timestampMs: Date.now(), checksum };
    this.#mayBeNamed = true;
    const outcome = await name(snapshot, signal);
    if (outcome.type === "named") return { snapshot, repeat: false };
    this.#mayBeNamed = !outcome.unsent;
    const { reason } = outcome;
    switch (reason.type) {
      case "covered":
        if (!sameContent(reason.newest, snapshot)) throw covered(reason.newest);
        return { snapshot: reason.newest, repeat: true };
      case "late": {
        const message = "the log was kept up so often meanwhile that the snapshot is too late";
        throw new SuraftError("unavailable", message);
      }
      case "damaged":
        throw new SuraftError("corrupt", reason.reason, { details: { object: "manifest/" } });
    }
  }

  async abandon(): Promise<void> {
    if (this.#mayBeNamed) return;
    this.#options.controller.abort(new SuraftError("cancelled", "the snapshot was given up"));
    await this.#options.writer.abandon();
  }
}

function sameContent(one: SnapshotRef, other: SnapshotRef): boolean {
  return (
    one.nextIndex === other.nextIndex &&
    one.checksum === other.checksum &&
    snapshotSizeBytes(one) === snapshotSizeBytes(other)
  );
}

function covered({ nextIndex }: SnapshotRef): SuraftError {
  return new SuraftError(
    "conflict",
    `the newest snapshot covers the log up to index ${nextIndex}`,
    {
      details: { condition: "newest_snapshot", newest_next_index: String(nextIndex) },
    },
  );
}

function unknownSnapshot(
  nextIndex: number | undefined,
  snapshots: readonly SnapshotRef[],
): SuraftError {
  const indexes = snapshots.map((snapshot) => snapshot.nextIndex).join(", ");
  const asked =
    nextIndex === undefined ? "there is no snapshot" : `there is no snapshot at index ${nextIndex}`;
  const message = indexes === "" ? asked : `${asked}; there are ${indexes}`;
  return new SuraftError("out_of_range", message, { details: { snapshots: indexes } });
}
