/**
 * The names of the objects in the bucket.
 *
 * Invariant: a number is written with exactly 20 digits, so that names sort as their numbers do
 * and a number has one name.
 */

import { assert } from "../core/assert.js";
import { nameAfter } from "../store/object-name.js";
import type { Listing, ObjectName } from "../core/upkeep/protocol.js";
import type { Position } from "../core/types.js";

/** What every segment's name begins with. */
export const segmentPrefix = "log/";

/** What every manifest's name begins with. */
export const manifestPrefix = "manifest/";

/** What every lease's name begins with. */
export const leasePrefix = "lease/";

const digits = 20;
const nonceDigits = 32;
const noncePattern = /^[0-9a-f]{32}$/;

/** The name of any object that upkeep lists or deletes. */
export function objectName(name: ObjectName): string {
  switch (name.type) {
    case "segment":
      return segmentName(name.position);
    case "manifest":
      return manifestName(name.number);
    case "archive":
    case "checkpoint":
    case "snapshot": {
      const { manifest, nonce } = name.id;
      assert(noncePattern.test(nonce), "a nonce is 32 hexadecimal digits");
      return `${numberedName(`${name.type}/`, manifest)}-${nonce}`;
    }
  }
}

/** What a name in a listing means; undefined if it means nothing known. */
export function parseObjectName(name: string): ObjectName | undefined {
  const position = parseSegmentName(name);
  if (position !== undefined) return { type: "segment", position };
  const number = parseManifestName(name);
  if (number !== undefined) return { type: "manifest", number };
  const nonce = name.slice(-nonceDigits);
  const numbered = name.slice(0, -nonceDigits - 1);
  if (name.at(-nonceDigits - 1) !== "-" || !noncePattern.test(nonce)) return undefined;
  for (const type of ["archive", "checkpoint", "snapshot"] as const) {
    const manifest = parseNumberedName(`${type}/`, numbered);
    if (manifest !== undefined) return { type, id: { manifest, nonce } };
  }
  return undefined;
}

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

/** The name of a lease: `lease/<number>`. */
export function leaseName(number: number): string {
  return numberedName(leasePrefix, number);
}

/** The number in a lease's name; undefined if it is no lease's name. */
export function parseLeaseName(name: string): number | undefined {
  return parseNumberedName(leasePrefix, name);
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

/** The bounds of a listing's first page. */
export function listingOf(listing: Listing): {
  readonly prefix: string;
  readonly startAt: string;
  readonly endBefore?: string;
} {
  switch (listing.type) {
    case "segment": {
      const { startAt, end } = listing;
      return { prefix: segmentPrefix, startAt: segmentName(startAt), endBefore: segmentName(end) };
    }
    case "manifest":
      return { prefix: manifestPrefix, startAt: manifestName(listing.startAt) };
    case "archive":
    case "checkpoint":
    case "snapshot": {
      const { type, after } = listing;
      const prefix = `${type}/`;
      const startAt = after === undefined ? prefix : nameAfter(objectName({ type, id: after }));
      return { prefix, startAt };
    }
  }
}
