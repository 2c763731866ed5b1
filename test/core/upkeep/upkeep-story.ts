/** Upkeep whose host is a test: effects wait to be answered in their order. */

import { expect } from "chai";
import { Upkeep } from "../../../src/core/upkeep/upkeep.js";
import type { ManifestView } from "../../../src/core/manifest.js";
import type {
  ObjectName,
  UpkeepEffect,
  UpkeepInput,
  UpkeepLog,
} from "../../../src/core/upkeep/protocol.js";
import type { WalkState } from "../../../src/core/walk.js";
import { upkeepLog, upkeepSettings, walkState } from "../samples.js";

export const graceMs = 1_000;

export function at(tail: number): WalkState {
  return walkState({ tail, nextIndex: tail, sizeBytes: 100 * tail });
}

export type EffectOf<Type extends UpkeepEffect["type"]> = Extract<UpkeepEffect, { type: Type }>;

export class Host {
  log: UpkeepLog = upkeepLog(at(0));
  nowMs = 0;
  readonly effects: UpkeepEffect[] = [];
  readonly #upkeep: Upkeep;
  #nonces = 0;

  constructor() {
    const current = (): UpkeepLog => this.log;
    const log = {
      get walk() {
        return current().walk;
      },
      get view() {
        return current().view;
      },
      get ledger() {
        return current().ledger;
      },
    };
    const nonce = (): string => `nonce-${this.#nonces++}`;
    this.#upkeep = new Upkeep({ settings: upkeepSettings, log, nonce });
  }

  give(input: UpkeepInput): void {
    const clock = { ageMs: this.nowMs, leastMs: this.nowMs };
    this.effects.push(...this.#upkeep.step(input, clock));
  }

  tick(afterMs = 0): void {
    this.nowMs += afterMs;
    this.give({ type: "tick" });
  }

  /** The next effect, which has to be of the type. */
  next<Type extends UpkeepEffect["type"]>(type: Type): EffectOf<Type> {
    const effect = this.effects.shift();
    if (effect?.type !== type) throw new Error(`${type} is next, not ${effect?.type ?? "nothing"}`);
    return effect as EffectOf<Type>;
  }

  /** A manifest read is under way: it finds this. */
  reads(found: ManifestView): void {
    const { request } = this.next("readManifest");
    this.give({ type: "manifestResult", request, outcome: { type: "found", manifest: found } });
  }

  creates(outcome: "created" | "exists" | "unknown"): ManifestView {
    const { request, manifest: written } = this.next("createManifest");
    this.give({ type: "manifestCreated", request, outcome });
    return written;
  }

  makesLedger(): void {
    const { request, id } = this.next("createLedger");
    const ledger = { id, sizeBytes: 5, checksum: 6 };
    this.give({ type: "ledgerResult", request, outcome: { type: "created", ledger } });
  }

  lists(type: string, names: readonly ObjectName[], more = false): void {
    const { request, listing } = this.next("list");
    expect(listing.type).to.equal(type);
    this.give({ type: "listResult", request, outcome: { type: "listed", names, more } });
  }

  deletes(): ObjectName {
    const { request, name } = this.next("delete");
    this.give({ type: "deleteResult", request, outcome: "deleted" });
    return name;
  }

  /** Five listings that show nothing. */
  listsNothing(types: readonly string[]): void {
    for (const type of types) this.lists(type, []);
  }
}
