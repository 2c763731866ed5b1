/**
 * The names of the objects in the bucket.
 *
 * Invariant: a number is written with exactly 20 digits, so that names sort as their numbers do
 * and a number has one name.
 */

import { assert } from "../core/assert.js";
import type { Position } from "../core/types.js";

/** What every segment's name begins with. */
export const segmentPrefix = "log/";

/** What every manifest's name begins with. */
export const manifestPrefix = "manifest/";

const digits = 20;

/** The name of the segment at a position: `log/<position>`. */
export function segmentName(position: Position): string {
  return numberedName(segmentPrefix, position);
}

/** The position in a segment's name; undefined if it is no segment's name. */
export function parseSegmentName(name: string): Position | undefined {
  return parseNumberedName(segmentPrefix, name);
}

/** The name of a manifest: `manifest/<number>`. */
export function manifestName(number: number): string {
  return numberedName(manifestPrefix, number);
}

/** The number in a manifest's name; undefined if it is no manifest's name. */
export function parseManifestName(name: string): number | undefined {
  return parseNumberedName(manifestPrefix, name);
}

function numberedName(prefix: string, number: number): string {
  assert(Number.isSafeInteger(number) && number >= 0, "objects are numbered 0, 1, 2, ...");
  return prefix + String(number).padStart(digits, "0");
}

function parseNumberedName(prefix: string, name: string): number | undefined {
  if (name.length !== prefix.length + digits || !name.startsWith(prefix)) return undefined;
  const written = name.slice(prefix.length);
  if (!/^[0-9]+$/.test(written)) return undefined;
  const number = Number(written);
  return Number.isSafeInteger(number) ? number : undefined;
}
