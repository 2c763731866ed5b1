/**
 * The log as its store holds it, read with no node: the shared store is the truth. What decides is the
 * nodes' own core, as that of a node that is no member: it reads, and never stands or votes.
 *
 * Invariant: nothing is written.
 * Invariant: the log is walked only as far ahead of those who read it as they ask for.
 */

import { randomUUID } from "node:crypto";

import { assert, InvariantError } from "../core/assert.js";
import { Core } from "../core/core.js";
import { defaultPriority } from "../core/members.js";
import { SuraftError } from "../errors.js";
import { AgeClock } from "./age-clock.js";
import { readLedger } from "./checkpoint.js";
import { LogPast } from "./log-past.js";
import { readLogStart, startOf } from "./log-start.js";
import { manifestName, segmentName } from "./names.js";
import { SegmentLog } from "./segment-log.js";
import { corruptObject, storeFailure } from "./store-failure.js";
import { readManifestWithin } from "./store-manifest.js";
import { StoreLooks } from "./store-looks.js";
import { StoreWalkers } from "./store-walkers.js";
import type { CoreSettings, CoreStart } from "../core/options.js";
import type { Effect, Fault, Input } from "../core/protocol.js";
import type { ManifestOutcome, ManifestView } from "../core/manifest.js";
import type { Store } from "../store/store.js";
import type { LogReader } from "./log-reader.js";
import type { ManifestRead } from "./log-past.js";
import type { Proof } from "./store-walkers.js";

export interface StoreLogOptions {
  readonly store: Store;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** The last segments take at most this much memory. */
  readonly cacheBytesMax: number;
  /** A request that takes longer is made again. */
  readonly requestTimeoutMs: number;
  /** Where the store does not answer for so long, those who wait hear of it. */
  readonly timeoutMs: number;
  /** A test's own. */
  readonly clock?: AgeClock;
}

const tickMs = 25;
const never = 2 ** 40;

/** A reader stands in no election and writes nothing: only the last two mean something. */
const settings: CoreSettings = {
  electionTicksMin: never,
  electionTicksMax: never + 1,
  heartbeatTicks: never,
  storeTimeoutTicks: never,
  leaseTicks: 0,
  window: 1,
  segmentBytesMax: 1,
  segmentEntriesMax: 1,
  queueBytesMax: 1,
  repeatTicks: 8,
  readAhead: 64,
};

export class StoreLog {
  readonly #options: StoreLogOptions;
  readonly #clock: AgeClock;
  readonly #core: Core;
  readonly #past: LogPast;
  readonly #log: SegmentLog;
  readonly #looks: StoreLooks;
  readonly #walkers: StoreWalkers;
  readonly #inputs: Input[] = [];
  #stepping = false;
  #ticker: NodeJS.Timeout | undefined;
  #provenAtMs: number;

  /**
   * Reads the manifest, and the ledger of its checkpoint. Throws a SuraftError: `invalid` if the store
   * holds no cluster, `corrupt` naming the object, what the store's failure means; or the signal's
   * reason.
   */
  static async open(options: StoreLogOptions): Promise<StoreLog> {
    const { store, signal, clock = new AgeClock() } = options;
    const absent = new SuraftError("invalid", `there is no cluster in ${store.url}`);
    const read = (): Promise<ManifestView> => readManifestWithin(options, absent);
    const start = await readLogStart(store, clock, { read, signal });
    return new StoreLog(options, clock, start);
  }

  private constructor(options: StoreLogOptions, clock: AgeClock, start: CoreStart) {
    const { store, signal, cacheBytesMax, requestTimeoutMs: timeoutMs } = options;
    const { clusterId, members } = start.manifest;
    this.#options = options;
    this.#clock = clock;
    this.#past = new LogPast({
      first: start,
      ageMs: () => clock.ageMs,
      read: () => this.#readManifest(),
    });
    const past = this.#past;
    const kept = { cacheBytesMax, requestTimeoutMs: timeoutMs };
    this.#log = new SegmentLog({ store, clusterId, past, start: startOf(start), ...kept });
    this.#looks = new StoreLooks({ store, timeoutMs, signal, onAnswer: () => this.#feedAnswers() });
    this.#walkers = new StoreWalkers(options.timeoutMs);
    this.#provenAtMs = start.ageMs;
    this.#core = new Core({
      nodeId: `reader-${randomUUID()}`,
      incarnation: randomUUID(),
      clusterId,
      members: members.map((member) => ({ ...member, voter: true, priority: defaultPriority })),
      settings,
      start,
      random: () => 0,
      nonce: writesNothing,
      seal: writesNothing,
    });
  }

  /** The log as far as it was walked. */
  get log(): LogReader {
    return this.#log;
  }

  /** How long ago, in milliseconds, the tail was proven last. */
  get tailAgeMs(): number {
    return this.#clock.ageMs - this.#provenAtMs;
  }

  /** Begins a read: what was committed by now is what it must see. Any number may wait for it. */
  begin(): Proof {
    const proof = this.#walkers.begin();
    this.#feed({ type: "read", readId: proof.readId });
    return proof;
  }

  /**
   * Walks a piece further. Resolves once the read is proven, or some was walked: the log may have grown.
   * Rejects with a SuraftError: `corrupt` naming the object, or what the store's failure means; or with
   * the signal's reason. A retry is safe, but for `corrupt`.
   */
  async walkOn(proof: Proof, signal: AbortSignal): Promise<void> {
    if (proof.isProven) return;
    const walked = this.#walkers.wait(proof, [signal, this.#options.signal]);
    this.#ticker ??= setInterval(() => this.#tick(), tickMs);
    this.#feedAnswers();
    await walked;
  }

  #tick(): void {
    if (this.#walkers.isEmpty) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    } else {
      this.#feed({ type: "tick" });
    }
  }

  /** Answers are taken in only while somebody wants the log to be walked. */
  #feedAnswers(): void {
    while (!this.#walkers.isEmpty) {
      const answer = this.#looks.take();
      if (answer === undefined) return;
      const { request, outcome, cause, bytes } = answer;
      if (cause === undefined) this.#walkers.storeAnswered();
      else if (outcome.type === "unavailable") this.#walkers.storeFailed(storeFailure(cause));
      this.#feed({ type: "getResult", request, outcome });
      this.#walkers.walked(bytes);
    }
  }

  /** Takes an input; if one is in hand, after it. */
  #feed(input: Input): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#core.step(next, this.#clock.ageMs)) this.#perform(effect);
      }
    } catch (error) {
      // A bug: whoever reads is told.
      this.#walkers.fail(error);
    } finally {
      this.#stepping = false;
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "get":
        return this.#looks.ask(effect.request, effect.position);
      case "readManifest":
        return void this.#manifest(effect.request);
      case "readLedger":
        return void this.#ledger(effect.request, effect.manifest);
      case "committed":
        return this.#log.append(effect.segment);
      case "leftBehind":
        return this.#log.restart(startOf(effect));
      case "readReady":
        this.#provenAtMs = this.#clock.ageMs;
        return this.#walkers.proven(effect.readIds);
      case "view":
        if (effect.view.fault !== undefined) this.#walkers.fail(faultError(effect.view.fault));
        return;
      case "readFailed":
      case "members":
        return;
      default:
        writesNothing();
    }
  }

  async #manifest(request: number): Promise<void> {
    let outcome: ManifestOutcome;
    try {
      outcome = { type: "found", manifest: (await this.#readManifest()).manifest };
    } catch (error) {
      if (!(error instanceof SuraftError)) return this.#walkers.fail(error);
      const isCorrupt = error.kind === "corrupt";
      if (!isCorrupt) this.#walkers.storeFailed(error);
      outcome = isCorrupt ? { type: "corrupt", reason: error.message } : { type: "unavailable" };
    }
    this.#feed({ type: "manifestResult", request, outcome });
  }

  async #ledger(request: number, { clusterId, checkpoint }: ManifestView): Promise<void> {
    assert(checkpoint !== undefined, "what is begun anew has a checkpoint");
    const { store, requestTimeoutMs } = this.#options;
    const signal = AbortSignal.timeout(requestTimeoutMs);
    const outcome = await readLedger(store, clusterId, checkpoint.ledger, { signal });
    this.#feed({ type: "ledgerResult", request, outcome });
  }

  async #readManifest(): Promise<ManifestRead> {
    const { ageMs } = this.#clock;
    const absent = corruptObject(manifestName(0), "the manifests have vanished from the store");
    const read = { manifest: await readManifestWithin(this.#options, absent), ageMs };
    this.#past.note(read);
    return read;
  }
}

function writesNothing(): never {
  throw new InvariantError("a reader writes nothing and talks to nobody");
}

function faultError({ message, position }: Fault): SuraftError {
  const details = position === undefined ? {} : { details: { object: segmentName(position) } };
  return new SuraftError("corrupt", message, details);
}
