/**
 * What the clients append: entries that say which append they belong to, and whose every byte follows
 * from that. So a reader judges an entry by itself.
 */

import type { NewEntry } from "../../src/client/types.js";

/** An entry's place in what was appended. */
export interface EntryName {
  readonly op: number;
  readonly offset: number;
  /** How many entries the append has. */
  readonly count: number;
}

interface StoredEntry {
  readonly payload: Uint8Array;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
}

const headerKey = "append";
const namePattern = /^(\d+)\/(\d+)\/(\d+)\n/;
const nameCharactersMax = 64;

/** The entries of an append. Most are small; now and then one is large. */
export function entriesOf(op: number, count: number): readonly NewEntry[] {
  return Array.from({ length: count }, (_, offset) => entryOf({ op, offset, count }));
}

function entryOf(name: EntryName): NewEntry {
  const { op, offset, count } = name;
  const scattered = Math.imul((op * 31 + offset) * 31 + count, 0x9e3779b1) >>> 0;
  const fillerBytes = scattered % 331 === 0 ? 32 * 1024 : scattered % 200;
  const filler = String.fromCharCode(97 + (scattered % 26)).repeat(fillerBytes);
  return {
    payload: Buffer.from(`${op}/${offset}/${count}\n${filler}`),
    headers: [{ key: headerKey, value: Buffer.from(String(op)) }],
  };
}

/** Which entry it is; a sentence if it is none that was appended, byte for byte. */
export function recognize({ payload, headers }: StoredEntry): EntryName | string {
  const text = Buffer.from(payload.subarray(0, nameCharactersMax)).toString("latin1");
  const match = namePattern.exec(text);
  if (match === null) return `it begins with ${JSON.stringify(text)}`;
  const [op = 0, offset = 0, count = 0] = match.slice(1).map(Number);
  const name = { op, offset, count };
  const appended = entryOf(name);
  if (Buffer.compare(payload, appended.payload) !== 0) {
    return `append ${op} had other bytes at its offset ${offset}`;
  }
  const [header] = headers;
  const value = header === undefined ? "" : Buffer.from(header.value).toString();
  if (headers.length !== 1 || header?.key !== headerKey || value !== String(op)) {
    return `append ${op} had other headers at its offset ${offset}`;
  }
  return name;
}
