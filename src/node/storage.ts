/**
 * What a node keeps in its store and knows of it: the requests, the log as far as it is held, what is
 * known of the past, and its upkeep.
 */

import { randomBytes } from "node:crypto";
import type { Logger } from "winston";
import { SuraftError } from "../errors.js";
import { partBytesDefault } from "../log/snapshot-writer.js";
import { LogPast } from "../log/log-past.js";
import { SegmentLog } from "../log/segment-log.js";
import { startOf } from "../log/log-start.js";
import { Retainer } from "./retainer.js";
import { retentionPolicy } from "./retention.js";
import { Snapshots } from "./snapshots.js";
import { StoreRequests } from "./store-requests.js";
import { UpkeepHost } from "./upkeep-host.js";
import { UpkeepRequests } from "./upkeep-requests.js";
import { upkeepSettings } from "./upkeep-settings.js";
import type { LedgerSnapshot } from "../core/ledger/snapshot.js";
import type { ManifestView } from "../core/manifest.js";
import type { CoreStart } from "../core/options.js";
import type { UpkeepLog } from "../core/upkeep/protocol.js";
import type { AgeClock } from "../log/age-clock.js";
import type { CountingStore } from "../store/counting-store.js";
import type { NodeConfig } from "./config.js";
import type { Node, PastStatus } from "./node.js";
import type { UpkeepListener } from "./upkeep-host.js";

export interface StorageOptions {
  readonly config: NodeConfig;
  readonly store: CountingStore;
  /** What `start.ageMs` was read from. */
  readonly clock: AgeClock;
  readonly start: CoreStart;
  readonly logger: Logger;
  /** The store began or ceased to answer; `cause` is for people. */
  readonly onHealth: (healthy: boolean, cause: string) => void;
  /** The log's past turned out to be damaged. */
  readonly onDamage: () => void;
  /** A bug: the process must end before it can do harm. */
  readonly onBroken: (error: unknown) => void;
}

function nonce(): string {
  return randomBytes(16).toString("hex");
}

export class Storage implements UpkeepListener {
  readonly requests: StoreRequests;
  readonly log: SegmentLog;
  readonly #options: StorageOptions;
  readonly #past: LogPast;
  #upkeep: UpkeepHost | undefined;
  #retainer: Retainer | undefined;
  #damage = "";

  constructor(options: StorageOptions) {
    const { config, store, clock, start, onHealth } = options;
    const { clusterId } = start.manifest;
    const { cacheBytesMax, storeRequestTimeoutMs: requestTimeoutMs } = config;
    this.#options = options;
    this.requests = new StoreRequests({
      store,
      clusterId,
      timeoutMs: requestTimeoutMs,
      clock,
      onManifest: (read) => this.#past.note(read),
      onHealth,
    });
    this.#past = new LogPast({
      first: start,
      ageMs: () => clock.ageMs,
      read: () => this.requests.manifest(),
    });
    const bounds = { cacheBytesMax, requestTimeoutMs };
    const past = this.#past;
    this.log = new SegmentLog({ store, clusterId, past, start: startOf(start), ...bounds });
  }

  /** The greatest manifest that is known. */
  get manifest(): ManifestView {
    return this.#past.manifest;
  }

  get past(): PastStatus {
    const { number, floor, checkpoint, archives } = this.manifest;
    return {
      manifestNumber: number,
      floorPosition: floor.tail,
      checkpointPosition: checkpoint?.walk.tail ?? 0,
      archiveCount: archives.length,
      damage: this.#damage,
    };
  }

  /** Sees to the past of the log that a core holds, and trims it, by a node's policy. */
  keepUp(log: UpkeepLog, node: Pick<Node, "openAppender">): void {
    const { config, store, clock, start, logger } = this.#options;
    const { clusterId } = start.manifest;
    this.#upkeep = new UpkeepHost({
      log,
      settings: upkeepSettings(config),
      nonce,
      clock,
      manifests: this.requests,
      requests: new UpkeepRequests({
        store,
        clusterId,
        history: this.log.history,
        timeoutMs: config.storeRequestTimeoutMs,
        onProblem: (problem) => logger.debug(`upkeep: ${problem}`),
      }),
      listener: this,
    });
    this.#retainer = new Retainer({
      policy: retentionPolicy(config),
      intervalMs: config.retentionIntervalMs,
      log: this.log,
      leads: () => log.view.role === "leader",
      keptFrom: async () => {
        if (!config.retentionToSnapshot) return Infinity;
        const { manifest } = await this.requests.manifest();
        return manifest.snapshots.at(-1)?.nextIndex ?? 1;
      },
      node,
      logger,
    });
  }

  /** The application's snapshots, of the log that a node holds. */
  snapshots(node: Pick<Node, "barrier" | "log">): Snapshots {
    const { config, store } = this.#options;
    return new Snapshots({
      store,
      bytesMax: config.snapshotBytesMax,
      partBytes: partBytesDefault,
      requestTimeoutMs: config.storeRequestTimeoutMs,
      nonce,
      readManifest: () => this.requests.manifest(),
      name: async (snapshot, signal) => {
        if (this.#upkeep === undefined) throw new SuraftError("unavailable", "the node starts");
        return await this.#upkeep.nameSnapshot(snapshot, signal);
      },
      node,
    });
  }

  /** Time passes; about as often as the core's ticks. */
  tick(): void {
    this.#upkeep?.tick();
  }

  /** What is under way ends, and nothing more begins. */
  close(): void {
    this.#upkeep?.close();
    this.#retainer?.close();
  }

  /** The log goes on without this node: it holds it anew, from a manifest's checkpoint. */
  restart(manifest: ManifestView, ledger: LedgerSnapshot): void {
    const from = startOf({ manifest, ledger });
    this.log.restart(from);
    const lost = `the log below index ${manifest.floor.nextIndex} was archived or trimmed meanwhile`;
    const { logger } = this.#options;
    logger.warn(`left behind: ${lost}; this node goes on from index ${from.walk.nextIndex}`);
  }

  damaged(reason: string): void {
    this.#damage = reason;
    this.#options.logger.error(`the log's past is damaged: ${reason}`);
    this.#options.onDamage();
  }

  deletionRefused(): void {
    this.#options.logger.warn(
      "this node may not delete in its store: what is not needed any more stays there, until a node " +
        "leads that may",
    );
  }

  broken(error: unknown): void {
    this.#options.onBroken(error);
  }
}
