/** The real snapshots of a node and the real upkeep that names them, over a store in memory. */

import { randomBytes } from "node:crypto";

import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { logStart } from "../../src/core/walk.js";
import { AgeClock } from "../../src/log/age-clock.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { manifestName } from "../../src/log/names.js";
import { SegmentLog } from "../../src/log/segment-log.js";
import { Snapshots, type SnapshotsOptions } from "../../src/node/snapshots.js";
import { StoreRequests } from "../../src/node/store-requests.js";
import { UpkeepHost } from "../../src/node/upkeep-host.js";
import { UpkeepRequests } from "../../src/node/upkeep-requests.js";
import { upkeepSettings } from "../core/samples.js";
import { pastOf, WatchedStore } from "../log/written-log.js";

const graceMs = 10_000;
const timeoutMs = 1_000;

export interface MemorySnapshotsOptions {
  readonly partBytes?: number;
  readonly bytesMax?: number;
  readonly store?: WatchedStore;
}

export class MemorySnapshots extends Snapshots {
  readonly store: WatchedStore;
  readonly upkeep: UpkeepHost;

  constructor(node: SnapshotsOptions["node"], options: MemorySnapshotsOptions = {}) {
    const { partBytes = 1024, bytesMax = 1024 * 1024, store = new WatchedStore() } = options;
    const manifest = foundingManifest([{ nodeId: "n1", address: "127.0.0.1:7101" }], graceMs);
    store.objects.create(manifestName(0), encodeManifest(manifest));
    const { clusterId } = manifest;
    const clock = new AgeClock();
    const nonce = (): string => randomBytes(16).toString("hex");
    const none = (): void => undefined;
    const shared = { store, clusterId, timeoutMs };
    const manifests = new StoreRequests({ ...shared, clock, onManifest: none, onHealth: none });
    const log = new SegmentLog({ store, clusterId, past: pastOf(manifest), cacheBytesMax: 1 });
    const upkeep = new UpkeepHost({
      log: {
        walk: logStart,
        view: { role: "follower" },
        ledger: new Ledger(ledgerBounds),
      },
      settings: upkeepSettings,
      nonce,
      clock,
      manifests,
      requests: new UpkeepRequests({ ...shared, history: log.history, onProblem: none }),
      listener: {
        damaged: none,
        deletionRefused: none,
        broken: (error) => {
          throw error;
        },
      },
    });
    super({
      store,
      bytesMax,
      partBytes,
      requestTimeoutMs: timeoutMs,
      nonce,
      readManifest: () => manifests.manifest(),
      name: (snapshot, signal) => upkeep.nameSnapshot(snapshot, signal),
      node,
    });
    this.store = store;
    this.upkeep = upkeep;
  }

  /** The names of all objects of snapshots. */
  get names(): readonly string[] {
    const { signal } = new AbortController();
    const page = this.store.objects.list({ prefix: "snapshot/", limit: 1000, signal });
    return page.items.map(({ name }) => name);
  }
}
