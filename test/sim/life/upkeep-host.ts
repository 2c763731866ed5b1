/** Performs upkeep's effects for one process, as the real host does. */

import type { GetOutcome } from "../../../src/core/protocol.js";
import type { Segment } from "../../../src/core/types.js";
import type { SnapshotRef } from "../../../src/core/manifest.js";
import type {
  SnapshotNamed,
  UpkeepEffect,
  UpkeepInput,
} from "../../../src/core/upkeep/protocol.js";
import { advance, judge, type WalkState } from "../../../src/core/walk.js";
import { clusterId } from "../content.js";
import type { SimStore } from "../sim-store.js";
import { Violation } from "../violation.js";
import type { ProcessClocks } from "./clocks.js";
import type { ArchiveValue } from "./manifest-checks.js";
import type { ListedPage, SimObjects, StoredObject } from "./objects.js";
import type { AnyUpkeep } from "./parts.js";
import type { ProcessStore } from "./process-store.js";
import type { UpkeepChecks } from "./upkeep-checks.js";

type Effect<Type extends UpkeepEffect["type"]> = Extract<UpkeepEffect, { type: Type }>;

export interface UpkeepHostOptions {
  readonly name: string;
  readonly node: number;
  readonly upkeep: AnyUpkeep;
  readonly clocks: ProcessClocks;
  readonly store: SimStore;
  readonly objects: SimObjects;
  readonly requests: ProcessStore;
  readonly checks: UpkeepChecks;
  /** The process knows what stands at every position below. */
  readonly knownEnd: () => number;
  /** Called before each effect: the process may die in the midst of them. */
  readonly lives: () => boolean;
  /** Whether the node has read a damaged object. */
  readonly mayBeDamaged: () => boolean;
  readonly trace: ((line: string) => void) | undefined;
}

export class UpkeepHost {
  readonly #options: UpkeepHostOptions;
  readonly #namings = new Map<number, (outcome: SnapshotNamed) => void>();

  constructor(options: UpkeepHostOptions) {
    this.#options = options;
  }

  give(input: UpkeepInput): void {
    const { upkeep, clocks, checks, lives, trace, name } = this.#options;
    if (input.type === "manifestResult" && input.outcome.type === "found") {
      checks.told(input.outcome.manifest, clocks.leastMs);
    }
    const { ageMs, leastMs } = clocks;
    for (const effect of upkeep.step(input, { ageMs, leastMs })) {
      if (!lives()) return;
      trace?.(`${name} => ${describe(effect)}`);
      this.#perform(effect);
    }
  }

  /** The answer may never come: the process may die. */
  nameSnapshot(snapshot: SnapshotRef, named: (outcome: SnapshotNamed) => void): void {
    const naming = this.#namings.size + 1;
    this.#namings.set(naming, named);
    this.give({ type: "nameSnapshot", naming, snapshot });
  }

  #perform(effect: UpkeepEffect): void {
    const { requests, mayBeDamaged, name } = this.#options;
    switch (effect.type) {
      case "readManifest":
        return requests.readManifest((outcome) =>
          this.give({ type: "manifestResult", request: effect.request, outcome }),
        );
      case "createManifest":
        return this.#createManifest(effect);
      case "createLedger":
        return this.#createLedger(effect);
      case "createArchive":
        return this.#createArchive(effect);
      case "list":
        return this.#list(effect);
      case "delete":
        return this.#delete(effect);
      case "damaged":
        if (mayBeDamaged()) return;
        throw new Violation("false-damage", `${name}: ${effect.reason}`);
      case "snapshotNamed":
        return this.#namings.get(effect.naming)?.(effect.outcome);
    }
  }

  #createManifest({ request, manifest }: Effect<"createManifest">): void {
    const { node, objects, requests, checks, knownEnd } = this.#options;
    checks.writes(manifest, knownEnd());
    const name = { type: "manifest", number: manifest.number } as const;
    requests.within(
      "unknown",
      (answer: Parameters<SimObjects["create"]>[3]) => objects.create(node, name, manifest, answer),
      (outcome) => this.give({ type: "manifestCreated", request, outcome }),
    );
  }

  #createLedger({ request, id, ledger }: Effect<"createLedger">): void {
    const name = { type: "checkpoint", id } as const;
    this.createObject(name, ledger, (made) => {
      const ref = { id, sizeBytes: 1, checksum: 1 };
      const outcome = made
        ? ({ type: "created", ledger: ref } as const)
        : ({ type: "failed" } as const);
      this.give({ type: "ledgerResult", request, outcome });
    });
  }

  /** What was not created, for all the answer says, is read back. */
  createObject(
    name: Parameters<SimObjects["create"]>[1],
    value: unknown,
    done: (made: boolean) => void,
  ): void {
    const { node, objects, requests } = this.#options;
    requests.within(
      "unknown",
      (answer: Parameters<SimObjects["create"]>[3]) => objects.create(node, name, value, answer),
      (created) => {
        if (created === "created") return done(true);
        if (created === "refused") return done(false);
        requests.within(
          "unavailable",
          (answer: (got: StoredObject | "absent" | "unavailable") => void) =>
            objects.get(node, name, answer),
          (got) => done(typeof got === "object" && got.value === value),
        );
      },
    );
  }

  #createArchive(effect: Effect<"createArchive">): void {
    const { node, store, requests } = this.#options;
    const { from, to } = effect;
    const outcomes = new Map<number, GetOutcome>();
    for (let position = from.tail; position < to.tail; position++) {
      requests.within<GetOutcome>(
        { type: "unavailable" },
        (answer) => store.get(node, position, answer),
        (outcome) => {
          outcomes.set(position, outcome);
          if (outcomes.size === to.tail - from.tail) this.#writeArchive(effect, outcomes);
        },
      );
    }
  }

  #writeArchive(
    { request, id, from, to, bytesMax }: Effect<"createArchive">,
    outcomes: ReadonlyMap<number, GetOutcome>,
  ): void {
    const segments: Segment[] = [];
    let end: WalkState = from;
    const fail = (outcome: { type: "failed" } | { type: "corrupt"; reason: string }): void =>
      this.give({ type: "archiveResult", request, outcome });
    for (let position = from.tail; position < to.tail; position++) {
      const got = outcomes.get(position);
      if (got?.type === "corrupt") return fail(got);
      if (got?.type !== "found") return fail({ type: "failed" });
      const verdict = judge(end, got.segment, clusterId);
      if (verdict === "corrupt") return fail({ type: "corrupt", reason: "a contradiction" });
      segments.push(got.segment);
      end = advance(end, got.segment, verdict);
      if (end.sizeBytes - from.sizeBytes >= bytesMax) break;
    }
    const value: ArchiveValue = { segments };
    this.createObject({ type: "archive", id }, value, (made) => {
      if (!made) return fail({ type: "failed" });
      const archive = {
        id,
        sizeBytes: end.sizeBytes - from.sizeBytes,
        checksum: 1,
        startPosition: from.tail,
        endPosition: end.tail,
        firstIndex: from.nextIndex,
        nextIndex: end.nextIndex,
        timestampMs: end.timestampMs,
        indexBytes: 0,
      };
      this.give({ type: "archiveResult", request, outcome: { type: "created", archive, end } });
    });
  }

  #list({ request, listing }: Effect<"list">): void {
    const { node, objects, requests } = this.#options;
    requests.within(
      "unavailable",
      (answer: (page: ListedPage | "unavailable") => void) => objects.list(node, listing, answer),
      (page) => {
        if (page === "unavailable") {
          return this.give({ type: "listResult", request, outcome: { type: page } });
        }
        const names = page.items.map(({ name }) => name);
        const outcome = { type: "listed", names, more: page.more } as const;
        this.give({ type: "listResult", request, outcome });
      },
    );
  }

  #delete({ request, name }: Effect<"delete">): void {
    const { node, objects, requests, checks, clocks } = this.#options;
    checks.deletes(name, clocks.leastMs);
    requests.within(
      "unknown",
      (answer: Parameters<SimObjects["delete"]>[2]) => objects.delete(node, name, answer),
      (outcome) => this.give({ type: "deleteResult", request, outcome }),
    );
  }
}

function describe(effect: UpkeepEffect): string {
  switch (effect.type) {
    case "createManifest": {
      const { number, floor, checkpoint, firstIndex, archives } = effect.manifest;
      return (
        `${effect.type} ${number} floor @${floor.tail} checkpoint @${checkpoint?.walk.tail ?? "-"} ` +
        `from index ${firstIndex}, ${archives.length} archives`
      );
    }
    case "createLedger":
      return `createLedger ${effect.id.manifest}-${effect.id.nonce.slice(0, 4)}`;
    case "createArchive":
      return `createArchive ${effect.id.manifest}-${effect.id.nonce.slice(0, 4)} @${effect.from.tail}-@${effect.to.tail}`;
    case "list":
      return `list ${JSON.stringify(effect.listing)}`;
    case "delete":
      return `delete ${JSON.stringify(effect.name)}`;
    default:
      return effect.type;
  }
}
