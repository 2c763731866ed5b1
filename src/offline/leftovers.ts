/**
 * Segments below the floor: not deleted yet, or ghosts of creates that landed late (PROTOCOL.md
 * section 9). None of them is ever read; but what stands there besides an archive must not contradict it.
 *
 * Which other object a ghost may be: any that was ever sent for the position. So only one that the epoch
 * of the archived segment sent there too, with other bytes, contradicts it (section 2).
 */

import { sameEpoch, sameSegment } from "../core/types.js";
import { segmentName } from "../log/names.js";
import {
  listedSegments,
  type ListedSegment,
  type ListedSegmentsOptions,
} from "./listed-segments.js";
import type { Position, Segment } from "../core/types.js";

export class Leftovers {
  readonly #options: ListedSegmentsOptions;
  #end: Position = 0;
  #read: AsyncGenerator<ListedSegment, void> | undefined;
  #next: ListedSegment | undefined;

  constructor(options: ListedSegmentsOptions) {
    this.#options = options;
  }

  /** The floor is here: what was not looked at below it is looked at from now on. */
  async begin(floor: Position): Promise<void> {
    await this.close();
    if (floor <= this.#end) return;
    const { source } = this.#options;
    const range = { startAt: segmentName(this.#end), endBefore: segmentName(floor) };
    this.#read = listedSegments(this.#options, range, (position) => source.leftoverAt(position));
    this.#next = (await this.#read.next()).value ?? undefined;
    this.#end = floor;
  }

  /**
   * Looks at what is left below a position. `archived`: what an archive holds there, where that is known.
   */
  async compareTo(position: Position, archived: readonly Segment[] | undefined): Promise<void> {
    if (this.#next === undefined || this.#next.position >= position) return;
    const known = new Map(archived?.map((segment) => [segment.position, segment]));
    while (this.#next !== undefined && this.#next.position < position) {
      this.#judge(this.#next, known.get(this.#next.position));
      this.#next = (await this.#read?.next())?.value ?? undefined;
    }
  }

  async close(): Promise<void> {
    await this.#read?.return();
    this.#read = undefined;
    this.#next = undefined;
  }

  #judge({ position, looked }: ListedSegment, archived: Segment | undefined): void {
    const { findings } = this.#options;
    const object = segmentName(position);
    if (looked.type === "absent") return;
    if (looked.type === "damaged") {
      const reason = `archived or trimmed, and damaged: ${looked.reason}`;
      findings.add("ghost", { object, position, reason });
      return;
    }
    const segment = looked.value;
    if (archived === undefined || sameSegment(segment, archived)) {
      findings.add("ghost", {
        object,
        position,
        reason: "archived or trimmed, and not deleted yet",
      });
    } else if (sameEpoch(segment.epoch, archived.epoch) && isOfOneCluster(segment, archived)) {
      const reason = "the archive holds other bytes of the same epoch for its position";
      findings.add("contradiction", { object, reason });
    } else {
      const reason = "a ghost: not what the archive holds";
      findings.add("ghost", { object, position, reason });
    }
  }
}

function isOfOneCluster(a: Segment, b: Segment): boolean {
  return a.clusterId === b.clusterId;
}
