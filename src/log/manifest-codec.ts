/**
 * Manifests to bytes and back: `suraft.storage.v1.Manifest`.
 *
 * Invariant: a manifest is believed only if its checksum matches and every rule of the schema holds.
 * Fields that this version does not know are allowed: what a reader must know in order to read the
 * log raises `format_version`.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ManifestSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import { assert } from "../core/assert.js";
import { crc32c } from "./crc32c.js";
import { checksumField, trailerBytes } from "./fields.js";
import { FieldWriter, readFixed32, tagOf, wireType } from "./wire.js";
import type { Manifest as StoredManifest } from "../../gen/suraft/storage/v1/storage_pb.js";

/** The version of the rules that this suraft writes, and the newest that it knows. */
export const formatVersion = 1;

export interface ManifestMember {
  readonly nodeId: string;
  /** `host:port`. */
  readonly address: string;
}

/** What is known about the log's past. */
export interface Manifest {
  readonly number: number;
  readonly clusterId: string;
  readonly members: readonly ManifestMember[];
  readonly floorPosition: number;
  readonly floorTerm: number;
  readonly floorNextIndex: number;
  /** The writer's: 32 hexadecimal digits. */
  readonly nonce: string;
  readonly formatVersion: number;
}

/** What the bytes of a manifest turned out to be. */
export type DecodedManifest =
  | { readonly type: "ok"; readonly manifest: Manifest }
  /** Whole, but by rules that this version does not know. */
  | { readonly type: "newer"; readonly formatVersion: number }
  /** For people; the caller names the object. */
  | { readonly type: "corrupt"; readonly reason: string };

/** The same manifest gives the same bytes. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  assert(/^[0-9a-f]{32}$/.test(manifest.nonce), "a nonce is 32 hexadecimal digits");
  const message = create(ManifestSchema, {
    number: BigInt(manifest.number),
    clusterId: manifest.clusterId,
    members: manifest.members.map(({ nodeId, address }) => ({ nodeId, address })),
    floorPosition: BigInt(manifest.floorPosition),
    floorTerm: BigInt(manifest.floorTerm),
    floorNextIndex: BigInt(manifest.floorNextIndex),
    nonce: Buffer.from(manifest.nonce, "hex"),
    formatVersion: manifest.formatVersion,
  });
  const fields = toBinary(ManifestSchema, message);
  const writer = new FieldWriter(fields.length + trailerBytes);
  writer.raw(fields);
  writer.fixed32Field(checksumField, crc32c(fields));
  return writer.finish();
}

/** Decodes the manifest with a number. Never throws, whatever the bytes are. */
export function decodeManifest(bytes: Uint8Array, expectedNumber: number): DecodedManifest {
  const end = bytes.length - trailerBytes;
  if (end < 0 || bytes[end] !== tagOf(checksumField, wireType.fixed32)) {
    return { type: "corrupt", reason: "the object does not end in a checksum" };
  }
  const fields = bytes.subarray(0, end);
  if (crc32c(fields) !== readFixed32(bytes, end + 1)) {
    return { type: "corrupt", reason: "the object's checksum does not match its bytes" };
  }
  const message = parse(fields);
  if (message === undefined) return { type: "corrupt", reason: "the object is no manifest" };
  if (message.formatVersion > formatVersion) {
    return { type: "newer", formatVersion: message.formatVersion };
  }
  const manifest = fromMessage(message);
  const reason = flawOf(manifest, expectedNumber);
  return reason === undefined ? { type: "ok", manifest } : { type: "corrupt", reason };
}

function parse(fields: Uint8Array): StoredManifest | undefined {
  try {
    return fromBinary(ManifestSchema, fields);
  } catch {
    return undefined;
  }
}

function fromMessage(message: StoredManifest): Manifest {
  return {
    number: Number(message.number),
    clusterId: message.clusterId,
    members: message.members.map(({ nodeId, address }) => ({ nodeId, address })),
    floorPosition: Number(message.floorPosition),
    floorTerm: Number(message.floorTerm),
    floorNextIndex: Number(message.floorNextIndex),
    nonce: Buffer.from(message.nonce).toString("hex"),
    formatVersion: message.formatVersion,
  };
}

/** What is wrong with a manifest, if anything. */
function flawOf(manifest: Manifest, expectedNumber: number): string | undefined {
  const { number, clusterId, members, floorPosition, floorTerm, floorNextIndex } = manifest;
  if (number !== expectedNumber) return `the object says that its number is ${number}`;
  if (clusterId === "") return "cluster_id is empty";
  if (manifest.nonce.length !== 32) return "the nonce does not have 16 bytes";
  if (manifest.formatVersion < 1) return "format_version is not set";
  if (![floorPosition, floorTerm, floorNextIndex].every(Number.isSafeInteger)) {
    return "a number is 2^53 or more";
  }
  if (floorNextIndex < 1) return "floor_next_index is not set";
  if (members.length === 0) return "members are empty";
  if (members.some(({ nodeId }) => nodeId === "")) return "a member has no node_id";
  if (new Set(members.map(({ nodeId }) => nodeId)).size < members.length) {
    return "a node_id stands twice among the members";
  }
  return undefined;
}
