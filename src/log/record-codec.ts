/**
 * Records to bytes and back: `suraft.storage.v1.Record`, written by hand like the segment around it.
 *
 * Invariant: canonical. What is decoded is encoded to the same bytes.
 */

import { assert } from "../core/assert.js";
import { noRecords } from "../core/types.js";
import type { LogRecord } from "../core/types.js";
import { Malformed } from "./fields.js";
import { flawOfMembers, membersSize, readMembers, writeMembers } from "./members-codec.js";
import { bytesFieldSize, varintFieldSize } from "./wire.js";
import type { Fields } from "./fields.js";
import type { FieldWriter } from "./wire.js";

/** A fencing token has 1 to so many bytes of UTF-8. */
export const tokenBytesMax = 128;

/** The numbers of the kinds in `Record.kind`. */
const kindFields = {
  produced: 2,
  opened: 3,
  closed: 4,
  fenced: 5,
  trimmed: 6,
  members: 7,
} as const;

/** How many bytes the field of a record takes. */
export function recordFieldSize(record: LogRecord): number {
  return bytesFieldSize(contentSize(record));
}

function contentSize(record: LogRecord): number {
  return varintFieldSize(record.entryOffset) + bytesFieldSize(kindSize(record));
}

function kindSize(record: LogRecord): number {
  switch (record.type) {
    case "produced": {
      const { producerId, sequence, entryCount, checksum } = record;
      const numbers =
        varintFieldSize(producerId) + varintFieldSize(sequence) + varintFieldSize(entryCount);
      return numbers + (checksum === 0 ? 0 : 5);
    }
    case "opened":
      return 0;
    case "closed":
      return varintFieldSize(record.producerId) + varintFieldSize(record.lastSequence);
    case "fenced":
      return bytesFieldSize(Buffer.byteLength(record.token));
    case "trimmed":
      return varintFieldSize(record.firstIndex);
    case "members":
      return membersSize(record.list);
  }
}

/** Writes a record as one field. */
export function writeRecord(writer: FieldWriter, field: number, record: LogRecord): void {
  writer.bytesHeader(field, contentSize(record));
  writer.varintField(1, record.entryOffset);
  writer.bytesHeader(kindFields[record.type], kindSize(record));
  switch (record.type) {
    case "produced":
      writer.varintField(1, record.producerId);
      writer.varintField(2, record.sequence);
      writer.varintField(3, record.entryCount);
      if (record.checksum !== 0) writer.fixed32Field(4, record.checksum);
      return;
    case "opened":
      return;
    case "closed":
      writer.varintField(1, record.producerId);
      return writer.varintField(2, record.lastSequence);
    case "fenced":
      return writer.bytesField(1, Buffer.from(record.token));
    case "trimmed":
      return writer.varintField(1, record.firstIndex);
    case "members":
      return writeMembers(writer, record.list);
  }
}

/** The records of a segment with so many entries. Throws {@link Malformed}. */
export function readRecords(
  fields: Fields,
  field: number,
  entryCount: number,
): readonly LogRecord[] {
  let before: LogRecord | undefined;
  const records = fields.repeated(field, "Record", (message) => {
    const record = readRecord(message);
    const flaw = flawOf(record, before, entryCount);
    if (flaw !== undefined) throw new Malformed(flaw);
    before = record;
    return record;
  });
  return records.length === 0 ? noRecords : records;
}

function readRecord(fields: Fields): LogRecord {
  const entryOffset = fields.uint32(1);
  const record = readKind(fields, entryOffset);
  if (record === undefined) throw new Malformed("a record tells nothing");
  return record;
}

function readKind(fields: Fields, entryOffset: number): LogRecord | undefined {
  const produced = fields.message(kindFields.produced, "Produced");
  if (produced !== undefined) return { type: "produced", entryOffset, ...readProduced(produced) };
  const opened = fields.message(kindFields.opened, "Opened");
  if (opened !== undefined) return ended(opened, { type: "opened", entryOffset });
  const closed = fields.message(kindFields.closed, "Closed");
  if (closed !== undefined) {
    const [producerId, lastSequence] = [closed.number(1), closed.number(2)];
    return ended(closed, { type: "closed", entryOffset, producerId, lastSequence });
  }
  const fenced = fields.message(kindFields.fenced, "Fenced");
  if (fenced !== undefined) {
    return ended(fenced, { type: "fenced", entryOffset, token: fenced.text(1, "token") });
  }
  const trimmed = fields.message(kindFields.trimmed, "Trimmed");
  if (trimmed !== undefined) {
    return ended(trimmed, { type: "trimmed", entryOffset, firstIndex: trimmed.number(1) });
  }
  const members = fields.message(kindFields.members, "Members");
  if (members === undefined) return undefined;
  return ended(members, { type: "members", entryOffset, list: readMembers(members) });
}

function readProduced(fields: Fields) {
  const producerId = fields.number(1);
  const sequence = fields.number(2);
  const entryCount = fields.uint32(3);
  const checksum = fields.fixed32(4);
  fields.end();
  return { producerId, sequence, entryCount, checksum };
}

function ended(fields: Fields, record: LogRecord): LogRecord {
  fields.end();
  return record;
}

/** Asserts that a draft's records keep the rules that readers hold them to. */
export function checkRecords(records: readonly LogRecord[], entryCount: number): void {
  let before: LogRecord | undefined;
  for (const record of records) {
    const flaw = flawOf(record, before, entryCount);
    assert(flaw === undefined, flaw ?? "");
    before = record;
  }
}

/** What is wrong with a record behind another one, if anything. */
function flawOf(
  record: LogRecord,
  before: LogRecord | undefined,
  entryCount: number,
): string | undefined {
  const { entryOffset } = record;
  if (entryOffset < (before?.entryOffset ?? 0)) return "a record stands before an earlier one";
  if (entryOffset > entryCount) return "a record stands behind the segment's entries";
  switch (record.type) {
    case "produced":
      if (!isNumber(record.producerId)) return "a producer has no id";
      if (!isNumber(record.sequence)) return "a producer's append has no number";
      if (entryOffset + record.entryCount <= entryCount) return undefined;
      return "a producer's append has more entries than the segment";
    case "opened":
      return undefined;
    case "closed":
      return isNumber(record.producerId) ? undefined : "a producer has no id";
    case "fenced": {
      const bytes = Buffer.byteLength(record.token);
      if (bytes >= 1 && bytes <= tokenBytesMax) return undefined;
      return `a fencing token has ${bytes} bytes; it must have 1 to ${tokenBytesMax}`;
    }
    case "trimmed":
      return isNumber(record.firstIndex) ? undefined : "a trimmed log has no first index";
    case "members":
      return flawOfMembers(record.list);
  }
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
