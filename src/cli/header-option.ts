/** Headers on the command line: `key=value`, where the key has no `=`. */

import { InvalidArgumentError } from "commander";
import type { Header, ReadFilter } from "../client/types.js";

export type HeaderFilter = NonNullable<ReadFilter["headers"]>[number];

function keyOf(text: string, keyLength: number, form: string): string {
  const key = text.slice(0, Math.max(0, keyLength));
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes < 1 || keyBytes > 256) {
    throw new InvalidArgumentError(`Write ${form}, the key 1 to 256 bytes long.`);
  }
  return key;
}

/** Parses a header that an entry gets, and adds it to those before. */
export function headerOption(text: string, before: readonly Header[]): readonly Header[] {
  const split = text.indexOf("=");
  const key = keyOf(text, split, "key=value");
  return [...before, { key, value: Buffer.from(text.slice(split + 1)) }];
}

/** Parses a header that an entry must have, with any value or with one. */
export function headerFilterOption(
  text: string,
  before: readonly HeaderFilter[],
): readonly HeaderFilter[] {
  const split = text.indexOf("=");
  const key = keyOf(text, split < 0 ? text.length : split, "key or key=value");
  return [...before, split < 0 ? { key } : { key, value: text.slice(split + 1) }];
}
