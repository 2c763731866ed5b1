/**
 * What is found in a log that is looked through from end to end.
 *
 * Invariant: however much is found, a bounded number of findings is kept; the others are counted.
 * Invariant: what is told of neighbouring positions in the same words is one finding.
 */

import type { Position } from "../core/types.js";

/**
 * Damage: what was committed is lost or contradicts the rules.
 * - `damaged`: an object that cannot be believed;
 * - `missing`: an object that must exist, and does not;
 * - `contradiction`: whole objects that do not go together.
 */
export type DamageKind = "damaged" | "missing" | "contradiction";

/**
 * What the protocol leaves behind and allows:
 * - `void`: a segment that does not count; `foreign`: one of another cluster;
 * - `gap`: nothing at the tail, and something behind it, which does not count;
 * - `ghost`: a segment below the floor, which is to be deleted, or landed late;
 * - `orphan`: an object that the greatest manifest does not name; `oldManifest`: one that does not count;
 * - `unknownName`: an object that suraft does not know.
 */
export type HarmlessKind =
  "void" | "foreign" | "gap" | "ghost" | "orphan" | "oldManifest" | "unknownName";

export type FindingKind = DamageKind | HarmlessKind;

/** Entries `[startIndex, endIndex)`. */
export interface IndexRange {
  readonly startIndex: number;
  /** Undefined where nobody can tell. */
  readonly endIndex: number | undefined;
}

export interface Finding {
  readonly kind: FindingKind;
  readonly isDamage: boolean;
  /** The object's name; of a run of segments the first one's. */
  readonly object: string;
  /** The last object's name, where there is a run of segments. */
  readonly lastObject?: string;
  /** For people. */
  readonly reason: string;
  /** The entries that cannot be read because of it, where there are any. */
  readonly lost?: IndexRange;
}

export interface FoundAt {
  readonly object: string;
  readonly reason: string;
  /** Where the object is a segment. */
  readonly position?: Position;
  readonly lost?: IndexRange;
}

const damageKinds: ReadonlySet<FindingKind> = new Set(["damaged", "missing", "contradiction"]);

/** A run of positions that the next one may make longer. */
interface Run {
  readonly finding: Finding;
  readonly row: number;
  lastPosition: Position;
}

export class Findings {
  readonly #keptMax: number;
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<FindingKind, number>();
  readonly #runs = new Map<string, Run>();
  readonly #keptCounts = { damage: 0, harmless: 0 };
  #omitted = 0;

  /** `keptMax`: so many harmless ones are kept, and so many of damage. */
  constructor(keptMax: number) {
    this.#keptMax = keptMax;
  }

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  /** How many were found and not kept. */
  get omitted(): number {
    return this.#omitted;
  }

  get isDamaged(): boolean {
    return [...damageKinds].some((kind) => this.count(kind) > 0);
  }

  /** Objects of the kind. */
  count(kind: FindingKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  add(kind: FindingKind, at: FoundAt): void {
    const { object, reason, position, lost } = at;
    this.#counts.set(kind, this.count(kind) + 1);
    if (this.#isNext(kind, at)) return;
    const isDamage = damageKinds.has(kind);
    const side = isDamage ? "damage" : "harmless";
    if (this.#keptCounts[side] >= this.#keptMax) {
      this.#omitted++;
      return;
    }
    this.#keptCounts[side]++;
    const finding = { kind, isDamage, object, reason, ...(lost === undefined ? {} : { lost }) };
    const row = this.#kept.push(finding) - 1;
    if (position !== undefined) {
      this.#runs.set(`${kind} ${reason}`, { finding, row, lastPosition: position });
      if (this.#runs.size > this.#keptMax) this.#runs.clear();
    }
  }

  /** Whether it only makes a run longer. Damage that lost entries is told one by one. */
  #isNext(kind: FindingKind, { object, reason, position, lost }: FoundAt): boolean {
    const run = this.#runs.get(`${kind} ${reason}`);
    if (run === undefined || lost !== undefined || position !== run.lastPosition + 1) return false;
    run.lastPosition = position;
    this.#kept[run.row] = { ...run.finding, lastObject: object };
    return true;
  }
}
