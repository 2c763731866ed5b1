/**
 * Performs the core's store requests: each once, each with a deadline, each answered exactly once.
 */

import { SuraftError } from "../errors.js";
import { readLedger } from "../log/checkpoint.js";
import { readManifest } from "../log/manifest.js";
import { encodeLease, greatestLease } from "../log/leases.js";
import { leaseName, manifestName, segmentName } from "../log/names.js";
import { decodeSegment, storedBytes } from "../log/segment-codec.js";
import { corruptObject } from "../log/store-failure.js";
import { reasonText } from "../store/abort.js";
import { StoreError } from "../store/store.js";
import type { LedgerOutcome, ManifestOutcome, ManifestView } from "../core/manifest.js";
import type { CreateOutcome, GetOutcome, LeasesOutcome } from "../core/protocol.js";
import type { Epoch, Position, Segment } from "../core/types.js";
import type { ManifestRead } from "../log/log-past.js";
import type { Store } from "../store/store.js";
import type { AgeClock } from "../log/age-clock.js";

export interface StoreRequestsOptions {
  readonly store: Store;
  readonly clusterId: string;
  readonly timeoutMs: number;
  readonly clock: AgeClock;
  /** A manifest read has found something. */
  readonly onManifest: (read: ManifestRead) => void;
  /** The store began or ceased to answer; `cause` is for people. */
  readonly onHealth: (healthy: boolean, cause: string) => void;
}

/** `createMs` is an average in which about so many creates count. */
const createsRemembered = 8;

export class StoreRequests {
  readonly #options: StoreRequestsOptions;
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

  /** Makes a manifest read. Throws a SuraftError. */
  async manifest(): Promise<ManifestRead> {
    const { store, timeoutMs, clock, onManifest } = this.#options;
    const { ageMs } = clock;
    // A listing and a get.
    const signal = AbortSignal.timeout(2 * timeoutMs);
    const found = await readManifest(store, signal).catch((error: unknown) => {
      if (!(error instanceof SuraftError) && !signal.aborted) throw error;
      const cause = reasonText(error);
      if (error instanceof SuraftError && error.kind === "corrupt") throw error;
      this.#note(false, cause);
      throw new SuraftError("unavailable", `the manifest cannot be read: ${cause}`);
    });
    this.#note(true, "");
    if (found.type === "absent") {
      throw corruptObject(manifestName(0), "the manifests have vanished from the store");
    }
    const read = { manifest: found.manifest, ageMs };
    onManifest(read);
    return read;
  }

  async readManifest(): Promise<ManifestOutcome> {
    try {
      const { manifest } = await this.manifest();
      return { type: "found", manifest };
    } catch (error) {
      if (!(error instanceof SuraftError)) throw error;
      if (error.kind !== "corrupt") return { type: "unavailable" };
      return { type: "corrupt", reason: error.message };
    }
  }

  async listLeases(after: number): Promise<LeasesOutcome> {
    const { store, timeoutMs } = this.#options;
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

  async readLedger({ clusterId, checkpoint }: ManifestView): Promise<LedgerOutcome> {
    if (checkpoint === undefined) return { type: "absent" };
    const { store, timeoutMs } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    const outcome = await readLedger(store, clusterId, checkpoint.ledger, { signal });
    const answered = outcome.type !== "unavailable";
    this.#note(answered, answered ? "" : "a checkpoint cannot be read");
    return outcome;
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
