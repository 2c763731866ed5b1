/**
 * Feeds upkeep and performs its effects. It decides nothing about the protocol.
 *
 * Invariant: inputs are taken one at a time, each one's effects begun in order before the next.
 */

import { Upkeep } from "../core/upkeep/upkeep.js";
import { SuraftError } from "../errors.js";
import { untilAborted } from "../store/abort.js";
import type { SnapshotRef } from "../core/manifest.js";
import type {
  SnapshotNamed,
  UpkeepEffect,
  UpkeepInput,
  UpkeepLog,
  UpkeepSettings,
} from "../core/upkeep/protocol.js";
import type { AgeClock } from "../log/age-clock.js";
import type { StoreRequests } from "./store-requests.js";
import type { UpkeepRequests } from "./upkeep-requests.js";

/** What upkeep tells the node that it belongs to. */
export interface UpkeepListener {
  /** The log's past is damaged: DATA_LOSS. Upkeep archives no more, and deletes nothing because of it. */
  damaged(reason: string): void;
  /** The account may not delete: said once. */
  deletionRefused(): void;
  /** A bug: the process must end before it can do harm. */
  broken(error: unknown): void;
}

export interface UpkeepHostOptions {
  readonly log: UpkeepLog;
  readonly settings: UpkeepSettings;
  readonly nonce: () => string;
  readonly clock: AgeClock;
  /** Makes manifest reads, and tells whoever uses them. */
  readonly manifests: StoreRequests;
  readonly requests: UpkeepRequests;
  readonly listener: UpkeepListener;
}

interface Naming {
  readonly resolve: (outcome: SnapshotNamed) => void;
  readonly reject: (error: SuraftError) => void;
}

function stopping(): SuraftError {
  return new SuraftError("unavailable", "the node is stopping");
}

export class UpkeepHost {
  readonly #options: UpkeepHostOptions;
  readonly #upkeep: Upkeep;
  readonly #inputs: UpkeepInput[] = [];
  #stepping = false;
  #closed = false;
  #refusalTold = false;
  readonly #namings = new Map<number, Naming>();
  #nextNaming = 1;

  constructor(options: UpkeepHostOptions) {
    const { log, settings, nonce } = options;
    this.#options = options;
    this.#upkeep = new Upkeep({ log, settings, nonce });
  }

  /** Time passes; about as often as the core's ticks. */
  tick(): void {
    this.#feed({ type: "tick" });
  }

  /**
   * Has a snapshot named, whose objects stand. Rejects with the signal's reason, or with a SuraftError
   * as the node stops: it may be named then or not.
   */
  nameSnapshot(snapshot: SnapshotRef, signal: AbortSignal): Promise<SnapshotNamed> {
    const naming = this.#nextNaming++;
    const named = new Promise<SnapshotNamed>((resolve, reject) => {
      if (this.#closed) return reject(stopping());
      this.#namings.set(naming, { resolve, reject });
      this.#feed({ type: "nameSnapshot", naming, snapshot });
    });
    return untilAborted([signal], named, () => {
      this.#namings.delete(naming);
      this.#feed({ type: "forgetSnapshot", naming });
      throw signal.reason;
    });
  }

  /** What is under way ends, and nothing more begins. */
  close(): void {
    this.#closed = true;
    this.#options.requests.close();
    for (const { reject } of this.#namings.values()) reject(stopping());
    this.#namings.clear();
  }

  #feed(input: UpkeepInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    const { clock, listener } = this.#options;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        if (this.#closed) continue;
        const { ageMs, leastMs } = clock;
        for (const effect of this.#upkeep.step(next, { ageMs, leastMs })) this.#begin(effect);
      }
    } catch (error) {
      listener.broken(error);
    } finally {
      this.#stepping = false;
    }
  }

  #begin(effect: UpkeepEffect): void {
    this.#perform(effect).then(
      (input) => {
        if (input !== undefined) this.#feed(input);
      },
      (error: unknown) => {
        if (!this.#closed) this.#options.listener.broken(error);
      },
    );
  }

  async #perform(effect: UpkeepEffect): Promise<UpkeepInput | undefined> {
    const { requests, manifests, listener } = this.#options;
    switch (effect.type) {
      case "readManifest": {
        const outcome = await manifests.readManifest();
        return { type: "manifestResult", request: effect.request, outcome };
      }
      case "createManifest": {
        const outcome = await requests.createManifest(effect.manifest);
        return { type: "manifestCreated", request: effect.request, outcome };
      }
      case "createLedger": {
        const outcome = await requests.createLedger(effect);
        return { type: "ledgerResult", request: effect.request, outcome };
      }
      case "createArchive": {
        const outcome = await requests.createArchive(effect);
        return { type: "archiveResult", request: effect.request, outcome };
      }
      case "list": {
        const outcome = await requests.list(effect.listing);
        return { type: "listResult", request: effect.request, outcome };
      }
      case "delete": {
        const outcome = await requests.delete(effect.name);
        if (outcome === "refused") this.#tellRefusal();
        return { type: "deleteResult", request: effect.request, outcome };
      }
      case "damaged":
        listener.damaged(effect.reason);
        return undefined;
      case "snapshotNamed":
        this.#namings.get(effect.naming)?.resolve(effect.outcome);
        this.#namings.delete(effect.naming);
        return undefined;
    }
  }

  #tellRefusal(): void {
    if (this.#refusalTold) return;
    this.#refusalTold = true;
    this.#options.listener.deletionRefused();
  }
}
