/**
 * Messages that manifests and archives share, to bytes and back: a state of the walk, and the names
 * of objects.
 */

import { assert } from "../core/assert.js";
import type { ObjectId, ObjectRef } from "../core/manifest.js";
import type { WalkState } from "../core/walk.js";
import { readEpoch, readPredecessor, readTimestamp } from "./common-codec.js";
import { Malformed } from "./fields.js";
import type { Fields } from "./fields.js";
import type { MessageWriter } from "./message-writer.js";

const noncePattern = /^[0-9a-f]{32}$/;

export function writeWalk(writer: MessageWriter, walk: WalkState): void {
  const { tail, epoch, window, last, nextIndex, timestampMs, sizeBytes } = walk;
  assert((epoch?.term ?? 0) === walk.term, "a walk's term is its epoch's");
  assert((epoch === undefined) === (last === undefined), "the first valid segment opens an epoch");
  writer.number(1, tail);
  if (epoch !== undefined) {
    const { term, leaderId, nonce } = epoch;
    writer.message(2, () => writer.number(1, term).text(2, leaderId).bytes(3, nonceBytes(nonce)));
  }
  writer.number(3, window);
  if (last !== undefined) {
    writer.message(4, () => writer.number(1, last.position).fixed32(2, last.checksum));
  }
  writer.number(5, nextIndex);
  writeTimestampField(writer, 6, timestampMs);
  writer.number(7, sizeBytes);
}

export function readWalk(fields: Fields): WalkState {
  const tail = fields.number(1);
  const epochFields = fields.message(2, "Epoch");
  const epoch = epochFields === undefined ? undefined : readEpoch(epochFields);
  const window = fields.uint32(3);
  const lastFields = fields.message(4, "Predecessor");
  const last = lastFields === undefined ? undefined : readPredecessor(lastFields, tail);
  const nextIndex = fields.number(5);
  const timestampMs = readTimestamp(fields.required(6, "Timestamp"));
  const sizeBytes = fields.number(7);
  fields.end();
  if ((epoch === undefined) !== (last === undefined)) {
    throw new Malformed("a walk has an epoch and no last segment, or the reverse");
  }
  if (window < 1) throw new Malformed("a walk has no window");
  if (nextIndex < 1) throw new Malformed("a walk has no next index");
  const term = epoch?.term ?? 0;
  return { tail, epoch, term, window, last, nextIndex, timestampMs, sizeBytes };
}

export function writeTimestampField(writer: MessageWriter, field: number, timeMs: number): void {
  const nanos = (timeMs % 1000) * 1_000_000;
  writer.message(field, () => writer.number(1, Math.floor(timeMs / 1000)).number(2, nanos));
}

export function writeObjectRef(
  writer: MessageWriter,
  { id, sizeBytes, checksum }: ObjectRef,
): void {
  writer.number(1, id.manifest).bytes(2, nonceBytes(id.nonce));
  writer.number(3, sizeBytes).fixed32(4, checksum);
}

export function readObjectRef(fields: Fields): ObjectRef {
  const manifest = fields.number(1);
  const nonce = readNonce(fields, 2);
  const sizeBytes = fields.number(3);
  const checksum = fields.fixed32(4);
  fields.end();
  if (manifest < 1) throw new Malformed("the founding manifest names no object");
  if (sizeBytes < 1) throw new Malformed("an object that is named is empty");
  return { id: { manifest, nonce } satisfies ObjectId, sizeBytes, checksum };
}

/** A nonce's 16 bytes. */
export function nonceBytes(nonce: string): Uint8Array {
  assert(noncePattern.test(nonce), "a nonce is 32 hexadecimal digits");
  return Buffer.from(nonce, "hex");
}

/** A nonce, as 32 hexadecimal digits. */
export function readNonce(fields: Fields, field: number): string {
  const nonce = fields.bytes(field);
  if (nonce.length !== 16) throw new Malformed(`a nonce has ${nonce.length} bytes`);
  return Buffer.from(nonce).toString("hex");
}
