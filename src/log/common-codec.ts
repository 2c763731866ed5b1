/**
 * What stored messages have in common: epochs, predecessors and timestamps, as bytes and back.
 *
 * Invariant: what is written here is read here as the same value, and the same value gives the same
 * bytes.
 */

import type { Epoch, Position, Predecessor } from "../core/types.js";
import { Malformed } from "./fields.js";
import { bytesFieldSize, varintFieldSize } from "./wire.js";
import type { Fields } from "./fields.js";
import type { FieldWriter } from "./wire.js";

const nonceBytes = 16;

export function sizeOfEpoch(epoch: Epoch, leader: Uint8Array): number {
  return varintFieldSize(epoch.term) + bytesFieldSize(leader.length) + bytesFieldSize(nonceBytes);
}

export function writeEpoch(writer: FieldWriter, epoch: Epoch, leader: Uint8Array): void {
  writer.varintField(1, epoch.term);
  writer.bytesField(2, leader);
  writer.bytesField(3, Buffer.from(epoch.nonce, "hex"));
}

export function readEpoch(fields: Fields): Epoch {
  const term = fields.number(1);
  const leaderId = fields.text(2, "leader_id");
  const nonce = fields.bytes(3);
  fields.end();
  if (term < 1) throw new Malformed("an epoch has no term");
  if (nonce.length !== 16) throw new Malformed(`an epoch's nonce has ${nonce.length} bytes`);
  return { term, leaderId, nonce: Buffer.from(nonce).toString("hex") };
}

export function sizeOfPredecessor(previous: Predecessor): number {
  return varintFieldSize(previous.position) + (previous.checksum === 0 ? 0 : 5);
}

export function writePredecessor(writer: FieldWriter, previous: Predecessor): void {
  writer.varintField(1, previous.position);
  if (previous.checksum !== 0) writer.fixed32Field(2, previous.checksum);
}

export function readPredecessor(fields: Fields, position: Position): Predecessor {
  const predecessor = { position: fields.number(1), checksum: fields.fixed32(2) };
  fields.end();
  if (predecessor.position < position) return predecessor;
  throw new Malformed(`position ${predecessor.position} does not precede ${position}`);
}

function secondsOf(timestampMs: number): number {
  return Math.floor(timestampMs / 1000);
}

function nanosOf(timestampMs: number): number {
  return (timestampMs % 1000) * 1_000_000;
}

export function sizeOfTimestamp(timestampMs: number): number {
  return varintFieldSize(secondsOf(timestampMs)) + varintFieldSize(nanosOf(timestampMs));
}

export function writeTimestamp(writer: FieldWriter, timestampMs: number): void {
  writer.varintField(1, secondsOf(timestampMs));
  writer.varintField(2, nanosOf(timestampMs));
}

export function readTimestamp(fields: Fields): number {
  const seconds = fields.number(1);
  const nanos = fields.number(2);
  fields.end();
  const timestampMs = seconds * 1000 + nanos / 1_000_000;
  const isWhole = nanos < 1_000_000_000 && nanos % 1_000_000 === 0;
  // Not by the sum alone: some nanoseconds vanish in a number of so many milliseconds.
  if (!isWhole || !Number.isSafeInteger(timestampMs)) {
    throw new Malformed("a timestamp is no number of milliseconds");
  }
  return timestampMs;
}
