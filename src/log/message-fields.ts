/**
 * Small messages by tables of their fields, read strictly: each field is known, of its type, and set
 * once unless it repeats. Problems are the cursor's, in words for people.
 */

import { isUtf8 } from "node:buffer";

import { utf8, wireType } from "./wire.js";
import type { Cursor } from "./wire.js";

/** One field of a message. */
export interface MessageField<Draft> {
  readonly name: string;
  readonly type: number;
  /** May be set more than once. */
  readonly repeats?: true;
  /** Takes the value, the cursor being behind the tag. False: the cursor's problem says why not. */
  readonly read: (cursor: Cursor, draft: Draft) => boolean;
}

/** A message's fields by their numbers, each below 32. */
export interface MessageFields<Draft> {
  /** What to call it behind "of"; empty for the whole message. */
  readonly name: string;
  readonly fields: Readonly<Record<number, MessageField<Draft>>>;
}

/** Which fields were set: a bit for each number. */
export type SeenFields = number;

/**
 * Takes the field whose tag was read. Returns what is seen then, or undefined, the cursor's problem
 * then saying why.
 */
export function takeField<Draft>(
  cursor: Cursor,
  tag: number,
  message: MessageFields<Draft>,
  into: { readonly draft: Draft; readonly seen: SeenFields },
): SeenFields | undefined {
  if (tag < 0) return undefined;
  const number = Math.floor(tag / 8);
  const field = message.fields[number];
  const of = message.name === "" ? "" : ` of ${message.name}`;
  if (field === undefined) {
    cursor.fail(`field ${number}${of} is unknown`);
  } else if (tag % 8 !== field.type) {
    cursor.fail(`${field.name}${of} has wire type ${tag % 8} where ${field.type} belongs`);
  } else if (field.repeats === undefined && (into.seen & (1 << number)) !== 0) {
    cursor.fail(`${field.name}${of} is set twice`);
  } else if (field.read(cursor, into.draft)) {
    return into.seen | (1 << number);
  }
  return undefined;
}

/** Takes a message within the message, the cursor being at its length. */
export function takeMessage<Draft>(
  cursor: Cursor,
  message: MessageFields<Draft>,
  draft: Draft,
): boolean {
  const length = cursor.length();
  if (length < 0) return false;
  const outerEnd = cursor.end;
  cursor.end = cursor.offset + length;
  let seen: SeenFields | undefined = 0;
  while (seen !== undefined && !cursor.atEnd) {
    seen = takeField(cursor, cursor.varint(), message, { draft, seen });
  }
  cursor.end = outerEnd;
  return seen !== undefined;
}

/** A number of at least `min`. */
export function numberField<Draft>(
  name: string,
  min: number,
  put: (draft: Draft, value: number) => void,
): MessageField<Draft> {
  const read = (cursor: Cursor, draft: Draft): boolean => {
    const value = cursor.varint();
    if (value >= min) put(draft, value);
    else if (value >= 0) cursor.fail(`${name} is ${value}; it must be at least ${min}`);
    return value >= min;
  };
  return { name, type: wireType.varint, read };
}

/** Text of 1 to `bytesMax` bytes. */
export function textField<Draft>(
  name: string,
  bytesMax: number,
  put: (draft: Draft, value: string) => void,
): MessageField<Draft> {
  const read = (cursor: Cursor, draft: Draft): boolean => {
    const bytes = cursor.view();
    if (bytes === undefined) return false;
    if (bytes.length < 1 || bytes.length > bytesMax) {
      cursor.fail(`${name} has ${bytes.length} bytes; it must have 1 to ${bytesMax}`);
    } else if (!isUtf8(bytes)) {
      cursor.fail(`${name} is not UTF-8`);
    } else {
      put(draft, utf8(bytes));
      return true;
    }
    return false;
  };
  return { name, type: wireType.bytes, read };
}
