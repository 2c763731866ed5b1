/**
 * Which names, bounds and ranges a store takes. Every backend checks here before any request.
 *
 * Invariant: a valid name is a safe relative path, a safe URL path once encoded, and ASCII, so that
 * byte order and JavaScript's string order are one.
 */

import { StoreError } from "./store.js";
import type { ByteRange, ListOptions } from "./store.js";

const nameBytesMax = 512;
const listLimitMax = 1000;

const namePattern = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const boundPattern = /^[A-Za-z0-9._/-]*$/;
const dotPartPattern = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Whether the port can name this object. A bucket may hold others; they are not ours. */
export function isObjectName(name: string): boolean {
  return name.length <= nameBytesMax && namePattern.test(name) && !dotPartPattern.test(name);
}

/** Throws a {@link StoreError} of kind `invalid` unless the name is one that the port allows. */
export function checkName(name: string): void {
  if (!isObjectName(name)) {
    throw new StoreError(
      "invalid",
      `${JSON.stringify(name)} is no object name: it must be "/"-separated parts of ` +
        `[A-Za-z0-9._-], none of them "." or "..", at most ${nameBytesMax} bytes in all`,
    );
  }
}

/** Throws a {@link StoreError} of kind `invalid` unless `0 <= start <= end`. */
export function checkRange(range: ByteRange): void {
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new StoreError("invalid", `[${start}, ${end}) is no byte range`);
  }
}

/** Throws a {@link StoreError} of kind `invalid` unless the listing can be asked for. */
export function checkList(options: ListOptions): void {
  const { limit } = options;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > listLimitMax) {
    throw new StoreError("invalid", `a page has 1 to ${listLimitMax} items, not ${limit}`);
  }
  for (const bound of [options.prefix, options.startAt ?? "", options.endBefore ?? ""]) {
    // One byte more than a name, so that nameAfter of the longest name is a bound.
    if (bound.length > nameBytesMax + 1 || !boundPattern.test(bound)) {
      throw new StoreError("invalid", `${JSON.stringify(bound)} is no bound of a listing`);
    }
  }
}

/**
 * The least string above a name that a name could be: where the page after it starts.
 * "-" is the least character of names.
 */
export function nameAfter(name: string): string {
  return `${name}-`;
}

/** Whether a listing asks for this name. */
export function isListed(name: string, options: ListOptions): boolean {
  return (
    name.startsWith(options.prefix) &&
    (options.startAt === undefined || name >= options.startAt) &&
    (options.endBefore === undefined || name < options.endBefore)
  );
}
