/**
 * Checks the segments from the floor to the tail.
 *
 * A gap ends the log, whatever stands behind it: a leader writes several positions at once, and what it
 * had under way when it ended may be there or not. A gap is damage only where something proves that an
 * object stood there:
 * - a manifest tells of the walk above it;
 * - an entries segment at `q` of an epoch with window `K`: its leader knew every position up to `q - K`,
 *   and every one below its own claim (PROTOCOL.md 4.2, 4.3).
 *
 * Invariant: absence counts as damage only by a get sent after the proof was seen, and if it is accepted.
 */

import { segmentName } from "../log/names.js";
import { BelowFloor } from "../log/segment-fetcher.js";
import { sameEpoch } from "../core/types.js";
import { listedSegments, type ListedSegment } from "./listed-segments.js";
import type { ClaimSegment, Position, Segment } from "../core/types.js";
import type { Looked } from "./source.js";
import { arrive } from "./verify-context.js";
import type { VerifyContext } from "./verify-context.js";

/** Where the segments end; or the floor went up meanwhile, and the walk is below it. */
export type SegmentsEnd = "tail" | "belowFloor";

const claimsMax = 1000;

export class SegmentCheck {
  readonly #context: VerifyContext;
  /** What is appended from here on while the check runs needs not be looked at. */
  readonly #target: Position;
  /** Every position below exists, or existed. */
  #proven: Position = 0;
  /** Claims behind a gap. */
  #claims: ClaimSegment[] = [];

  constructor(context: VerifyContext, target: Position) {
    this.#context = context;
    this.#target = target;
  }

  /** From the walk's tail, which is at the floor or above it. */
  async run(): Promise<SegmentsEnd> {
    try {
      while (await this.#scan());
      return "tail";
    } catch (error) {
      if (error instanceof BelowFloor) return "belowFloor";
      throw error;
    }
  }

  /** True if there is more to scan. */
  async #scan(): Promise<boolean> {
    const { walk, findings } = this.#context;
    const listedFrom = walk.tail;
    const toldEnd = this.#context.told.end;
    let behind = 0;
    for await (const { position, looked } of this.#reads(listedFrom)) {
      if (behind === 0 && (await this.#come(position, toldEnd))) {
        await this.#take(looked);
        continue;
      }
      behind++;
      this.#prove(position, looked);
      if (this.#proven > walk.tail) return true;
    }
    if (behind > 0) {
      const reason = `nothing stands here; what stands behind it (${behind}) does not count`;
      findings.add("gap", { object: segmentName(walk.tail), reason });
      return false;
    }
    return await this.#isMoreBehind(toldEnd);
  }

  #reads(from: Position): AsyncGenerator<ListedSegment, void> {
    const range = { startAt: segmentName(from) };
    const { source } = this.#context;
    return listedSegments(this.#context, range, (position) => source.segmentAt(position));
  }

  /** Walks up to a position that was listed. False at a gap. */
  async #come(position: Position, toldEnd: Position): Promise<boolean> {
    const { walk } = this.#context;
    while (walk.tail < position) if (!(await this.#cross(position, toldEnd))) return false;
    return true;
  }

  /** Takes what stands at the tail, or loses it. False if nothing stands there and nothing ever may have. */
  async #cross(next: Position, toldEnd: Position): Promise<boolean> {
    const { source, walk, told } = this.#context;
    const { tail } = walk;
    // Created since it was not listed, maybe.
    const looked = await source.segmentAt(tail);
    const isToldOf = tail < toldEnd;
    if (looked.type === "absent" && !isToldOf && tail >= this.#proven) return false;
    if (looked.type === "absent" && isToldOf) {
      // Known to have stood there before it was not listed.
      const end = told.above(tail)?.walk.tail ?? next;
      await this.#lose("missing", "it is not there", Math.min(next, end));
    } else {
      await this.#take(looked);
    }
    return true;
  }

  async #take(looked: Looked<Segment>): Promise<void> {
    const { walk } = this.#context;
    switch (looked.type) {
      case "found":
        await this.#arrive();
        walk.take(looked.value);
        this.#context.progressed(looked.value.sizeBytes);
        return;
      case "damaged":
        return await this.#lose("damaged", looked.reason);
      case "absent":
        return await this.#lose("missing", "it is not there");
    }
  }

  async #lose(kind: "damaged" | "missing", reason: string, to?: Position): Promise<void> {
    const { walk } = this.#context;
    await this.#arrive();
    const end = to === undefined ? {} : { to };
    walk.lose({ kind, object: segmentName(walk.tail), reason, ...end });
  }

  async #arrive(): Promise<void> {
    const { walk, told } = this.#context;
    if (told.at(walk.tail).length > 0) await arrive(this.#context);
  }

  /** What an object behind a gap proves of the positions before it. */
  #prove(position: Position, looked: Looked<Segment>): void {
    const { walk, clusterId } = this.#context;
    if (looked.type !== "found" || looked.value.clusterId !== clusterId) return;
    const segment = looked.value;
    const { epoch, window } = walk.walk;
    if (segment.type === "claim") {
      if (this.#claims.length < claimsMax) this.#claims.push(segment);
      return;
    }
    const claim = this.#claims.find((other) => sameEpoch(other.epoch, segment.epoch));
    const isCurrent = sameEpoch(segment.epoch, epoch);
    const known = claim?.window ?? (isCurrent ? window : undefined);
    if (known === undefined) return;
    this.#proven = Math.max(this.#proven, position - known + 1, claim?.position ?? 0);
  }

  /** Nothing more is listed. */
  async #isMoreBehind(toldEnd: Position): Promise<boolean> {
    const { walk, source } = this.#context;
    if (walk.tail < toldEnd) return await this.#cross(toldEnd, toldEnd);
    await this.#arrive();
    const looked = await source.segmentAt(walk.tail);
    return looked.type !== "absent" && walk.tail < this.#target;
  }
}
