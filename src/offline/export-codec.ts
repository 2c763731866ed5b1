/**
 * The parts of an export to bytes and back: `suraft.storage.v1.ExportPart` and ImportMark, each behind its
 * length.
 *
 * Invariant: a part is believed only if its checksum matches and every byte of it is accounted for.
 */

import { Malformed, readObject } from "../log/fields.js";
import { MessageWriter } from "../log/message-writer.js";
import { readEntries } from "../log/segment-decode.js";
import { nonceBytes, readNonce, writeTimestampField } from "../log/walk-codec.js";
import { FieldWriter, varintSize } from "../log/wire.js";
import type { Decoded, Fields } from "../log/fields.js";
import type { EntryRun } from "../log/entry-run.js";
import type { EntryKey } from "../core/types.js";

/** The version of the file's rules. */
export const exportVersion = 1;

/** Entries that stand together in the file, as they did in a segment. */
export interface ExportedRun {
  readonly firstIndex: number;
  readonly timestampMs: number;
  /** Encoded, tags included. */
  readonly run: EntryRun;
  readonly keys: readonly EntryKey[];
}

export interface ExportTrailer {
  readonly nextIndex: number;
  readonly runCount: number;
  readonly entriesChecksum: number;
}

export type ExportPart =
  | { readonly type: "header"; readonly firstIndex: number }
  | ({ readonly type: "entries" } & ExportedRun)
  | ({ readonly type: "trailer" } & ExportTrailer);

/** Says that a store is being imported into, so that a failed import can go on. */
export interface ImportMark {
  readonly clusterId: string;
  readonly nonce: string;
}

/** A part, behind its length. */
export function encodePart(part: ExportPart): Uint8Array {
  const { bytes } = writePart(new MessageWriter(sizeOf(part)), part).seal();
  const writer = new FieldWriter(varintSize(bytes.length) + bytes.length);
  writer.varint(bytes.length);
  writer.raw(bytes);
  return writer.finish();
}

function sizeOf(part: ExportPart): number {
  return part.type === "entries" ? part.run.bytes.length + 64 : 64;
}

function writePart(writer: MessageWriter, part: ExportPart): MessageWriter {
  switch (part.type) {
    case "header":
      return writer.message(1, () => writer.number(1, exportVersion).number(2, part.firstIndex));
    case "entries": {
      const { run, firstIndex, timestampMs, keys } = part;
      return writer.message(2, () => {
        writer.raw(run.bytes).number(2, firstIndex).number(3, run.entryCount);
        writeTimestampField(writer, 4, timestampMs);
        writer.number(6, keys.length > 0 ? 1 : 0);
      });
    }
    case "trailer": {
      const { nextIndex, runCount, entriesChecksum } = part;
      return writer.message(3, () => {
        writer.number(1, nextIndex).number(2, runCount).fixed32(3, entriesChecksum);
      });
    }
  }
}

/** Decodes a part, without its length. Never throws, whatever the bytes are. */
export function decodePart(bytes: Uint8Array): Decoded<ExportPart> {
  return readObject(bytes, "ExportPart", (fields): ExportPart => {
    const header = fields.message(1, "ExportHeader");
    if (header !== undefined) return readHeader(header);
    const entries = fields.message(2, "Entries");
    if (entries !== undefined) return readRun(entries);
    return readTrailer(fields.required(3, "ExportTrailer"));
  });
}

function readHeader(fields: Fields): ExportPart {
  const version = fields.uint32(1);
  const firstIndex = fields.number(2);
  fields.end();
  if (version !== exportVersion) {
    throw new Malformed(`it has format version ${version}, and this suraft knows ${exportVersion}`);
  }
  if (firstIndex < 1) throw new Malformed("it has no first index");
  return { type: "header", firstIndex };
}

function readRun(fields: Fields): ExportPart {
  const { firstIndex, entryCount, timestampMs, records, keys, body } = readEntries(fields);
  if (records.length > 0) throw new Malformed("it has records");
  const { bytes, runStart, runEnd } = body;
  const run = { bytes: bytes.subarray(runStart, runEnd), entryCount };
  return { type: "entries", firstIndex, timestampMs, run, keys };
}

function readTrailer(fields: Fields): ExportPart {
  const nextIndex = fields.number(1);
  const runCount = fields.number(2);
  const entriesChecksum = fields.fixed32(3);
  fields.end();
  return { type: "trailer", nextIndex, runCount, entriesChecksum };
}

export function encodeMark({ clusterId, nonce }: ImportMark): Uint8Array {
  return new MessageWriter().text(1, clusterId).bytes(2, nonceBytes(nonce)).seal().bytes;
}

export function decodeMark(bytes: Uint8Array): Decoded<ImportMark> {
  return readObject(bytes, "ImportMark", (fields) => {
    return { clusterId: fields.text(1, "cluster_id"), nonce: readNonce(fields, 2) };
  });
}
