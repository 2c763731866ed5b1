/**
 * Performs the core's store requests: each once, each with a deadline, each answered exactly once.
 */

import { SuraftError } from "../errors.js";
import { StoreError } from "../store/store.js";
import { readManifest } from "../log/manifest.js";
import { encodeLease, greatestLease } from "../log/leases.js";
import { leaseName, segmentName } from "../log/names.js";
import { decodeSegment, storedBytes } from "../log/segment-codec.js";
import type { LedgerOutcome, ManifestOutcome, ManifestView } from "../core/manifest.js";
import type { CreateOutcome, GetOutcome, LeasesOutcome } from "../core/protocol.js";
import type { Epoch, Position, Segment } from "../core/types.js";
import type { Store } from "../store/store.js";

export interface StoreRequestsOptions {
  readonly store: Store;
  readonly clusterId: string;
  readonly timeoutMs: number;
  /** The store began or ceased to answer; `cause` is for people. */
  readonly onHealth: (healthy: boolean, cause: string) => void;
}

/** `createMs` is an average in which about so many creates count. */
const createsRemembered = 8;

export class StoreRequests {
  readonly #options: StoreRequestsOptions;
  readonly counts = { creates: 0, gets: 0, lists: 0 };
  #healthy = true;
  #failures = 0;
  #createMs = 0;

  constructor(options: StoreRequestsOptions) {
    this.#options = options;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** How long a create takes of late, in milliseconds. */
  get createMs(): number {
    return this.#createMs;
  }

  async create(segment: Segment): Promise<CreateOutcome> {
    const { store, timeoutMs } = this.#options;
    this.counts.creates++;
    const startedMs = performance.now();
    const signal = AbortSignal.timeout(timeoutMs);
    const name = segmentName(segment.position);
    const result = await store.create(name, storedBytes(segment), { signal });
    this.#createMs += (performance.now() - startedMs - this.#createMs) / createsRemembered;
    const failed = result.type === "unknown" || result.type === "refused";
    this.#note(!failed, failed ? `create ${name}: ${result.cause}` : "");
    return result.type;
  }

  async get(position: Position): Promise<GetOutcome> {
    const { store, timeoutMs } = this.#options;
    this.counts.gets++;
    const name = segmentName(position);
    try {
      const result = await store.get(name, { signal: AbortSignal.timeout(timeoutMs) });
      this.#note(true, "");
      if (result.type === "absent") return result;
      const decoded = decodeSegment(result.bytes, position);
      if (decoded.type === "ok") return { type: "found", segment: decoded.segment };
      return { type: "corrupt", reason: `${name}: ${decoded.reason}` };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.kind === "corrupt") return { type: "corrupt", reason: error.message };
      this.#note(false, error.message);
      return { type: "unavailable" };
    }
  }

  async readManifest(): Promise<ManifestOutcome> {
    const { store, timeoutMs } = this.#options;
    this.counts.lists++;
    this.counts.gets++;
    try {
      const read = await readManifest(store, AbortSignal.timeout(timeoutMs));
      this.#note(true, "");
      if (read.type === "found") return { type: "found", manifest: read.manifest };
      return { type: "corrupt", reason: "the manifests have vanished from the store" };
    } catch (error) {
      if (error instanceof SuraftError && error.kind === "corrupt") {
        return { type: "corrupt", reason: error.message };
      }
      this.#note(false, error instanceof Error ? error.message : String(error));
      return { type: "unavailable" };
    }
  }

  async listLeases(after: number): Promise<LeasesOutcome> {
    const { store, timeoutMs } = this.#options;
    this.counts.lists++;
    try {
      const greatest = await greatestLease(store, after, AbortSignal.timeout(timeoutMs));
      this.#note(true, "");
      return { type: "listed", greatest };
    } catch (error) {
      this.#note(false, error instanceof Error ? error.message : String(error));
      return { type: "unavailable" };
    }
  }

  async createLease(number: number, epoch: Epoch): Promise<CreateOutcome> {
    const { store, clusterId, timeoutMs } = this.#options;
    this.counts.creates++;
    const bytes = encodeLease(clusterId, number, epoch);
    const signal = AbortSignal.timeout(timeoutMs);
    return (await store.create(leaseName(number), bytes, { signal })).type;
  }

  /** Old leases do no harm: where deleting is not allowed, they stay. */
  async deleteLease(number: number): Promise<void> {
    const { store, timeoutMs } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    await store.delete(leaseName(number), { signal }).catch(() => undefined);
  }

  /** No manifest of this version names one. */
  readLedger(manifest: ManifestView): Promise<LedgerOutcome> {
    const reason = `manifest ${manifest.number} has a checkpoint, which this version cannot read`;
    return Promise.resolve({ type: "corrupt", reason });
  }

  /** One failure is weather; a second in a row is news. */
  #note(answered: boolean, cause: string): void {
    this.#failures = answered ? 0 : this.#failures + 1;
    const healthy = this.#failures < 2;
    if (healthy === this.#healthy) return;
    this.#healthy = healthy;
    this.#options.onHealth(healthy, cause);
  }
}
