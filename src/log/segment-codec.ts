/**
 * Segments to bytes: `suraft.storage.v1.Segment`, written by hand.
 *
 * Invariant: the same draft gives the same bytes (PROTOCOL.md section 2: one epoch sends one content
 * per position, ever). They are the canonical encoding: fields in the order of their numbers, zeros
 * left out; only the trailing checksum is always there.
 * Invariant: an entry's bytes are copied once, from the client's message into the object.
 */

import { assert } from "../core/assert.js";
import type { Append, EntriesDraft, Segment, SegmentDraft } from "../core/types.js";
import {
  sizeOfEpoch,
  sizeOfPredecessor,
  sizeOfTimestamp,
  writeEpoch,
  writePredecessor,
  writeTimestamp,
} from "./common-codec.js";
import { crc32c } from "./crc32c.js";
import { checkRecords, recordFieldSize, writeRecord } from "./record-codec.js";
import { checksumField, trailerBytes } from "./fields.js";
import { SegmentBody } from "./segment-body.js";
import { bytesFieldSize, FieldWriter, varintFieldSize } from "./wire.js";
import type { EntryAppend } from "./segment-body.js";
import type { EntryRun } from "./entry-run.js";

export { entryRunOf, storedBytes } from "./segment-body.js";
export type { EntryAppend } from "./segment-body.js";
export { decodeSegment } from "./segment-decode.js";
export type { DecodedSegment } from "./segment-decode.js";

/** Gives a draft its bytes and its checksum. Its appends must be {@link EntryAppend}s. */
export function sealSegment(clusterId: string, draft: SegmentDraft): Segment {
  checkDraft(draft);
  const { position, epoch } = draft;
  const cluster = Buffer.from(clusterId);
  const leader = Buffer.from(epoch.leaderId);
  const epochSize = sizeOfEpoch(epoch, leader);
  const contentSize = sizeOfContent(draft);
  const writer = new FieldWriter(
    bytesFieldSize(cluster.length) +
      varintFieldSize(position) +
      bytesFieldSize(epochSize) +
      (draft.type === "claim" ? 0 : bytesFieldSize(sizeOfPredecessor(draft.previous))) +
      bytesFieldSize(contentSize) +
      trailerBytes,
  );
  writer.bytesField(1, cluster);
  writer.varintField(2, position);
  writer.bytesHeader(3, epochSize);
  writeEpoch(writer, epoch, leader);
  if (draft.type === "claim") {
    writer.bytesHeader(5, contentSize);
    writer.varintField(1, draft.window);
    const sealed = finish(writer, 0, 0);
    return { type: "claim", position, epoch, clusterId, window: draft.window, ...sealed };
  }
  const { previous, firstIndex, entryCount, timestampMs, records, keys } = draft;
  writer.bytesHeader(4, sizeOfPredecessor(previous));
  writePredecessor(writer, previous);
  writer.bytesHeader(6, contentSize);
  const runStart = writer.offset;
  for (const append of draft.appends) writer.raw(runOf(append).bytes);
  const runEnd = writer.offset;
  writer.varintField(2, firstIndex);
  writer.varintField(3, entryCount);
  writer.bytesHeader(4, sizeOfTimestamp(timestampMs));
  writeTimestamp(writer, timestampMs);
  for (const record of records) writeRecord(writer, 5, record);
  writer.varintField(6, keys.length > 0 ? 1 : 0);
  const content = { previous, firstIndex, entryCount, timestampMs, records, keys };
  const sealed = finish(writer, runStart, runEnd);
  return { type: "entries", position, epoch, clusterId, ...content, ...sealed };
}

/** Appends the checksum. */
function finish(
  writer: FieldWriter,
  runStart: number,
  runEnd: number,
): Pick<Segment, "checksum" | "sizeBytes" | "body"> {
  const checksum = crc32c(writer.bytes.subarray(0, writer.offset));
  writer.fixed32Field(checksumField, checksum);
  const bytes = writer.finish();
  return { checksum, sizeBytes: bytes.length, body: new SegmentBody(bytes, runStart, runEnd) };
}

function checkDraft(draft: SegmentDraft): void {
  const { position, epoch } = draft;
  assert(isCount(position), "a segment has a position");
  assert(isCount(epoch.term) && epoch.term >= 1, "a leader's term is 1 or more");
  assert(/^[0-9a-f]{32}$/.test(epoch.nonce), "a nonce is 32 hexadecimal digits");
  if (draft.type === "claim") {
    assert(isUint32(draft.window) && draft.window >= 1, "a window is 1 or more");
    return;
  }
  const { previous, firstIndex, timestampMs } = draft;
  assert(isCount(previous.position) && previous.position < position, "a predecessor precedes");
  assert(isUint32(previous.checksum), "a checksum has 32 bits");
  assert(isCount(firstIndex) && firstIndex >= 1, "entries are numbered from 1");
  assert(isCount(timestampMs), "a timestamp is in milliseconds since 1970");
  checkCounts(draft);
  checkRecords(draft.records, draft.entryCount);
}

function checkCounts(draft: EntriesDraft): void {
  const { entryCount, appends, records } = draft;
  const inAppends = appends.reduce((total, append) => total + append.entryCount, 0);
  assert(isUint32(entryCount), "a segment's entries are counted");
  assert(entryCount >= 1 || records.length >= 1, "a segment of entries has entries or records");
  assert(inAppends === entryCount, "a segment has the entries of its appends");
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isUint32(value: number): boolean {
  return isCount(value) && value < 2 ** 32;
}

function runOf(append: Append): EntryRun {
  assert("run" in append, "an append that is sealed knows its entries");
  const { run } = append as EntryAppend;
  assert(run.entryCount === append.entryCount, "an append has the entries of its run");
  return run;
}

function sizeOfContent(draft: SegmentDraft): number {
  if (draft.type === "claim") return varintFieldSize(draft.window);
  const { appends, firstIndex, entryCount, timestampMs, records, keys } = draft;
  const runBytes = appends.reduce((total, append) => total + runOf(append).bytes.length, 0);
  return (
    runBytes +
    varintFieldSize(firstIndex) +
    varintFieldSize(entryCount) +
    bytesFieldSize(sizeOfTimestamp(timestampMs)) +
    records.reduce((total, record) => total + recordFieldSize(record), 0) +
    varintFieldSize(keys.length > 0 ? 1 : 0)
  );
}
