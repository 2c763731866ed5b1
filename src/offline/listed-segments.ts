/** Segments as the store lists them, many read at once. */

import { parseSegmentName, segmentPrefix } from "../log/names.js";
import { inOrder } from "./in-order.js";
import type { Position, Segment } from "../core/types.js";
import type { Findings } from "./findings.js";
import type { Looked, Source } from "./source.js";

/** What stood at a position when it was listed, and what a look at it showed. */
export interface ListedSegment {
  readonly position: Position;
  readonly looked: Looked<Segment>;
}

export interface ListedSegmentsOptions {
  readonly source: Source;
  readonly findings: Findings;
  readonly width: number;
  readonly bytesMax: number;
}

/** Those in a range of names, in order. Names that are no segments' are findings. */
export function listedSegments(
  { source, findings, width, bytesMax }: ListedSegmentsOptions,
  range: { readonly startAt: string; readonly endBefore?: string },
  look: (position: Position) => Promise<Looked<Segment>>,
): AsyncGenerator<ListedSegment, void> {
  const items = async function* (): AsyncGenerator<{ position: Position; size: number }, void> {
    for await (const { name, size } of source.list({ prefix: segmentPrefix, ...range })) {
      const position = parseSegmentName(name);
      if (position !== undefined) yield { position, size };
      else findings.add("unknownName", { object: name, reason: "it is no segment's name" });
    }
  };
  return inOrder(items(), {
    run: async ({ position }) => ({ position, looked: await look(position) }),
    sizeOf: ({ size }) => size,
    width,
    bytesMax,
  });
}
