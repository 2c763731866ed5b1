/**
 * Upkeep over objects in memory: the real state machine, host, codecs and log, a clock that is set by
 * hand, and a store that dies at a given request.
 */

import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { createLogger, transports, type Logger } from "winston";

import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { AgeClock } from "../../src/log/age-clock.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { manifestName } from "../../src/log/names.js";
import { checkNodeConfig } from "../../src/node/config-check.js";
import { readCoreStart } from "../../src/node/core-start.js";
import { Storage } from "../../src/node/storage.js";
import { CountingStore } from "../../src/store/counting-store.js";
import { MemoryStore } from "../../src/store/memory-store.js";
import { StoreError } from "../../src/store/store.js";
import { clusterId, WrittenLog } from "../log/written-log.js";
import type { ManifestView } from "../../src/core/manifest.js";
import type { CoreStart } from "../../src/core/options.js";
import type { RequestCounts } from "../../src/store/counting-store.js";
import type { MemoryObjects } from "../../src/store/memory-store.js";
import type { CreateResult, DeleteResult, GetResult, ListResult } from "../../src/store/store.js";
import type { ListOptions, RequestOptions } from "../../src/store/store.js";

export const graceMs = 10_000;

/** When a store dies: before a request takes effect, or after it, its answer lost either way. */
export interface Death {
  /** Counts creates and deletes from 1. */
  readonly atChange: number;
  readonly tookEffect: boolean;
}

const gone = "the process has died";

/** A process's way to the objects, until it dies. */
class MortalStore extends MemoryStore {
  changes = 0;
  isDead = false;
  readonly #death: Death | undefined;
  readonly #allowed: (name: string) => boolean;

  constructor(
    objects: MemoryObjects,
    death?: Death,
    allowed: (name: string) => boolean = () => true,
  ) {
    super("memory:", objects);
    this.#death = death;
    this.#allowed = allowed;
  }

  override async create(name: string, bytes: Uint8Array, options: RequestOptions) {
    const act = (): Promise<CreateResult> => super.create(name, bytes, options);
    return await this.#change(act, { type: "unknown", cause: gone });
  }

  override async delete(name: string, options: RequestOptions) {
    const act = (): Promise<DeleteResult> => super.delete(name, options);
    if (!this.#allowed(name)) return { type: "refused", cause: "no permission" } as const;
    return await this.#change(act, { type: "unknown", cause: gone });
  }

  override async get(name: string, options: RequestOptions): Promise<GetResult> {
    this.#live();
    return await super.get(name, options);
  }

  override async list(options: ListOptions): Promise<ListResult> {
    this.#live();
    return await super.list(options);
  }

  async #change<Result>(act: () => Promise<Result>, lost: Result): Promise<Result> {
    if (this.isDead) return lost;
    this.changes++;
    if (this.changes !== this.#death?.atChange) return await act();
    if (this.#death.tookEffect) await act();
    this.isDead = true;
    return lost;
  }

  #live(): void {
    if (this.isDead) throw new StoreError("unavailable", gone);
  }
}

/** Begins a log in a store, with its founding manifest. */
export function foundedLog(): WrittenLog {
  const written = new WrittenLog();
  const manifest = foundingManifest([{ nodeId: "node-1", address: "x:1" }], graceMs);
  const bytes = encodeManifest({ ...manifest, clusterId });
  written.store.objects.create(manifestName(0), bytes);
  return written;
}

export interface UpkeepProcessOptions {
  readonly death?: Death;
  /** Which names the account may delete. */
  readonly mayDelete?: (name: string) => boolean;
  /** When the process begins. */
  readonly nowMs?: number;
}

/** A process that leads, holds the whole log, and keeps it up. */
export class UpkeepProcess {
  readonly store: MortalStore;
  readonly storage: Storage;
  /** What it has logged. */
  readonly lines: string[] = [];
  #nowMs: number;
  readonly #counting: CountingStore;
  readonly #written: WrittenLog;
  readonly #ledger: Ledger;
  #told: number;

  private constructor(written: WrittenLog, world: World) {
    const { mortal, store, start, clock, nowMs } = world;
    this.#written = written;
    this.store = mortal;
    this.#counting = store;
    this.#nowMs = nowMs;
    this.storage = new Storage({
      store,
      clock,
      start,
      config,
      logger: loggerTo(this.lines),
      onHealth: () => undefined,
      onDamage: () => undefined,
      onBroken: (error) => {
        throw error;
      },
    });
    const { ledger } = start;
    this.#ledger =
      ledger === undefined ? new Ledger(ledgerBounds) : Ledger.restore(ledger, ledgerBounds);
    const from = this.storage.log.walk.tail;
    this.#told = written.committed.findIndex(({ position }) => position >= from);
    if (this.#told < 0) this.#told = written.committed.length;
  }

  /** Starts on what stands in the log's store, as a node does. */
  static async start(
    written: WrittenLog,
    options: UpkeepProcessOptions = {},
  ): Promise<UpkeepProcess> {
    const { death, mayDelete = () => true, nowMs = 0 } = options;
    const mortal = new MortalStore(written.store.objects, death, mayDelete);
    const store = new CountingStore(mortal);
    let process: UpkeepProcess | undefined;
    const clock = new AgeClock([() => process?.nowMs ?? nowMs]);
    const { signal } = new AbortController();
    const start = await readCoreStart(store, clock, { members: [], signal });
    process = new UpkeepProcess(written, { mortal, store, clock, start, nowMs });
    process.#keepUp();
    return process;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get manifest(): ManifestView {
    return this.storage.manifest;
  }

  /** What was asked of the store. */
  get counts(): RequestCounts {
    return this.#counting.counts;
  }

  /**
   * Lets time pass until upkeep has asked for nothing for three graces, or its store has died. The
   * process has stopped then if it died.
   */
  async rest(): Promise<void> {
    for (let quietSinceMs = this.#nowMs; this.#nowMs - quietSinceMs < 3 * graceMs;) {
      const before = JSON.stringify(this.counts);
      await this.pass(100);
      if (this.store.isDead) return this.stop();
      if (JSON.stringify(this.counts) !== before) quietSinceMs = this.#nowMs;
    }
  }

  /** Time passes, and what is under way ends: requests take no time. */
  async pass(ms: number): Promise<void> {
    if (this.store.isDead) return;
    this.#tell();
    this.#nowMs += ms;
    this.storage.tick();
    for (let before = ""; before !== JSON.stringify(this.counts);) {
      before = JSON.stringify(this.counts);
      for (let turns = 0; turns < 4; turns++) await turn();
    }
  }

  stop(): void {
    this.storage.close();
  }

  #keepUp(): void {
    const { log } = this.storage;
    this.#tell();
    const held = {
      get walk() {
        return log.walk;
      },
      view: { role: "leader" } as const,
      ledger: this.#ledger,
    };
    const openAppender = (): never => {
      throw new Error("nothing is trimmed without a policy");
    };
    this.storage.keepUp(held, { openAppender });
  }

  #tell(): void {
    for (const segment of this.#written.committed.slice(this.#told)) {
      this.storage.log.append(segment);
      if (segment.type === "entries") this.#ledger.apply(segment);
      this.#told++;
    }
  }
}

interface World {
  readonly mortal: MortalStore;
  readonly store: CountingStore;
  readonly clock: AgeClock;
  readonly start: CoreStart;
  readonly nowMs: number;
}

function loggerTo(lines: string[]): Logger {
  const write = (line: Buffer, _encoding: string, done: () => void): void => {
    lines.push(line.toString());
    done();
  };
  return createLogger({ transports: [new transports.Stream({ stream: new Writable({ write }) })] });
}

const checked = checkNodeConfig({
  nodeId: { value: "node-1", source: "test" },
  store: { value: "memory:", source: "test" },
  checkpointSegments: { value: 16, source: "test" },
  archiveSegments: { value: 24, source: "test" },
  archiveBytesMax: { value: 64 * 1024, source: "test" },
});
if (checked.type === "invalid") throw new Error(checked.problems.join());
const { config } = checked;
