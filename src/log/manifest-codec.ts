/**
 * Manifests to bytes and back: `suraft.storage.v1.Manifest`.
 *
 * Invariant: a manifest is believed only if its checksum matches, every byte of it is accounted for
 * and every rule of the schema holds. A field that this version does not know is one that a writer of
 * the next manifest would lose: whoever adds one raises `format_version`.
 * Invariant: the same manifest gives the same bytes.
 */

import { fromBinary } from "@bufbuild/protobuf";
import { ManifestSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import type { ArchiveRef, CheckpointRef, ManifestMember } from "../core/manifest.js";
import type { ManifestView, SnapshotRef } from "../core/manifest.js";
import { logStart } from "../core/walk.js";
import { readTimestamp } from "./common-codec.js";
import { Malformed, readObject } from "./fields.js";
import { MessageWriter } from "./message-writer.js";
import {
  nonceBytes,
  readNonce,
  readObjectRef,
  readWalk,
  writeObjectRef,
  writeTimestampField,
  writeWalk,
} from "./walk-codec.js";
import type { Fields } from "./fields.js";

/** The version of the rules that this suraft writes, and the newest that it knows. */
export const formatVersion = 1;

/** What the bytes of a manifest turned out to be. */
export type DecodedManifest =
  | { readonly type: "ok"; readonly manifest: ManifestView }
  /** Whole, but by rules that this version does not know. */
  | { readonly type: "newer"; readonly formatVersion: number }
  /** For people; the caller names the object. */
  | { readonly type: "corrupt"; readonly reason: string };

export function encodeManifest(manifest: ManifestView): Uint8Array {
  const writer = new MessageWriter();
  writer.number(1, manifest.number).text(2, manifest.clusterId);
  for (const { nodeId, address } of manifest.members) {
    writer.message(3, () => writer.text(1, nodeId).text(2, address));
  }
  writer.number(4, manifest.graceMs);
  writer.message(5, () => writeWalk(writer, manifest.floor));
  writer.number(6, manifest.firstIndex);
  writer.bytes(7, nonceBytes(manifest.nonce)).number(8, manifest.formatVersion);
  const { checkpoint } = manifest;
  if (checkpoint !== undefined) writer.message(9, () => writeCheckpoint(writer, checkpoint));
  for (const mark of manifest.marks) writer.message(10, () => writeWalk(writer, mark));
  for (const archive of manifest.archives) writer.message(11, () => writeArchive(writer, archive));
  for (const snapshot of manifest.snapshots) {
    writer.message(12, () => writeSnapshot(writer, snapshot));
  }
  return writer.seal().bytes;
}

/** Decodes the manifest with a number. Never throws, whatever the bytes are. */
export function decodeManifest(bytes: Uint8Array, expectedNumber: number): DecodedManifest {
  const decoded = readObject(bytes, "Manifest", (fields) => readManifest(fields, expectedNumber));
  if (decoded.type === "ok") return { type: "ok", manifest: decoded.value };
  const version = versionOf(bytes);
  if (version > formatVersion) return { type: "newer", formatVersion: version };
  return decoded;
}

/** The version of a manifest that cannot be read by this version's rules; 0 if it has none. */
function versionOf(bytes: Uint8Array): number {
  const skipAll = ({ cursor }: Fields): void => void (cursor.offset = cursor.end);
  if (readObject(bytes, "Manifest", skipAll).type === "corrupt") return 0;
  try {
    return fromBinary(ManifestSchema, bytes).formatVersion;
  } catch {
    return 0;
  }
}

function readManifest(fields: Fields, expectedNumber: number): ManifestView {
  const number = fields.number(1);
  if (number !== expectedNumber) {
    throw new Malformed(`the object says that its number is ${number}`);
  }
  const clusterId = fields.text(2, "cluster_id");
  const members = fields.repeated(3, "Member", readMember);
  const graceMs = fields.number(4);
  const floor = readWalk(fields.required(5, "floor"));
  const firstIndex = fields.number(6);
  const nonce = readNonce(fields, 7);
  const version = fields.uint32(8);
  const checkpointFields = fields.message(9, "Checkpoint");
  const checkpoint = checkpointFields === undefined ? undefined : readCheckpoint(checkpointFields);
  const marks = fields.repeated(10, "Walk", readWalk);
  const archives = fields.repeated(11, "ArchiveRef", readArchive);
  const snapshots = fields.repeated(12, "SnapshotRef", readSnapshot);
  const past = { floor, firstIndex, marks, checkpoint, archives, snapshots };
  const manifest = { number, clusterId, members, graceMs, ...past, nonce, formatVersion: version };
  const flaw = flawOf(manifest);
  if (flaw !== undefined) throw new Malformed(flaw);
  return manifest;
}

/** What is wrong with a manifest, if anything. */
function flawOf(manifest: ManifestView): string | undefined {
  const { members, floor, checkpoint, marks, archives } = manifest;
  const ids = members.map(({ nodeId }) => nodeId);
  if (members.length === 0) return "members are empty";
  if (new Set(ids).size < ids.length) return "a node_id stands twice among the members";
  if (manifest.formatVersion !== formatVersion) return "format_version is not set";
  if (manifest.graceMs < 1) return "grace_ms is not set";
  if (manifest.firstIndex < 1) return "first_index is not set";
  if (checkpoint === undefined && floor.tail > logStart.tail) return "a floor has no checkpoint";
  const tails = [floor, ...marks].map(({ tail }) => tail);
  if (!tails.every((tail, place) => place === 0 || tail > (tails[place - 1] ?? 0))) {
    return "the marks do not rise from the floor";
  }
  if ((tails.at(-1) ?? 0) > (checkpoint?.walk.tail ?? 0)) {
    return "the checkpoint is below a mark or the floor";
  }
  let end = 0;
  for (const { startPosition, endPosition } of archives) {
    if (startPosition < end || endPosition <= startPosition) return "archives overlap";
    end = endPosition;
  }
  if (end > floor.tail) return "an archive reaches above the floor";
  const indexes = manifest.snapshots.map(({ nextIndex }) => nextIndex);
  if (indexes.some((index, place) => index <= (indexes[place - 1] ?? 0))) {
    return "the snapshots' next indexes do not rise";
  }
  // A snapshot's objects may be named by any manifest up to theirs.
  const named = [...archives, ...(checkpoint ? [checkpoint.ledger] : [])];
  if (named.some(({ id }) => id.manifest > manifest.number)) {
    return "an object is named before the manifest that may name it";
  }
  return undefined;
}

function readMember(fields: Fields): ManifestMember {
  return { nodeId: fields.text(1, "node_id"), address: fields.text(2, "address") };
}

function writeCheckpoint(writer: MessageWriter, { walk, ledger }: CheckpointRef): void {
  writer.message(1, () => writeWalk(writer, walk));
  writer.message(2, () => writeObjectRef(writer, ledger));
}

function readCheckpoint(fields: Fields): CheckpointRef {
  const walk = readWalk(fields.required(1, "Walk"));
  const ledger = readObjectRef(fields.required(2, "ObjectRef"));
  fields.end();
  return { walk, ledger };
}

function writeArchive(writer: MessageWriter, archive: ArchiveRef): void {
  writer.message(1, () => writeObjectRef(writer, archive));
  writer.number(2, archive.startPosition).number(3, archive.endPosition);
  writer.number(4, archive.firstIndex).number(5, archive.nextIndex);
  writeTimestampField(writer, 6, archive.timestampMs);
  writer.number(7, archive.indexBytes);
}

function readArchive(fields: Fields): ArchiveRef {
  const object = readObjectRef(fields.required(1, "ObjectRef"));
  const startPosition = fields.number(2);
  const endPosition = fields.number(3);
  const firstIndex = fields.number(4);
  const nextIndex = fields.number(5);
  const timestampMs = readTimestamp(fields.required(6, "Timestamp"));
  const indexBytes = fields.number(7);
  if (firstIndex < 1 || nextIndex < firstIndex) throw new Malformed("an archive has no indexes");
  if (indexBytes < 1 || indexBytes > object.sizeBytes) {
    throw new Malformed("an archive's index is not within it");
  }
  const covers = { startPosition, endPosition, firstIndex, nextIndex, timestampMs, indexBytes };
  return { ...object, ...covers };
}

function writeSnapshot(writer: MessageWriter, snapshot: SnapshotRef): void {
  for (const part of snapshot.parts) writer.message(1, () => writeObjectRef(writer, part));
  writer.number(2, snapshot.nextIndex);
  writeTimestampField(writer, 3, snapshot.timestampMs);
  writer.fixed32(4, snapshot.checksum);
}

function readSnapshot(fields: Fields): SnapshotRef {
  const parts = fields.repeated(1, "ObjectRef", readObjectRef);
  const nextIndex = fields.number(2);
  const timestampMs = readTimestamp(fields.required(3, "Timestamp"));
  const checksum = fields.fixed32(4);
  if (nextIndex < 1) throw new Malformed("a snapshot has no next index");
  return { parts, nextIndex, timestampMs, checksum };
}
