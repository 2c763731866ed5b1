/**
 * Ledgers to bytes and back: `suraft.storage.v1.Ledger`, the object of a checkpoint.
 *
 * Invariant: one ledger gives the same bytes, and only bytes that a ledger gives are believed.
 * Invariant: what is decoded keeps the bounds that every ledger keeps.
 */

import { ledgerBounds } from "../core/ledger/snapshot.js";
import { keyBytesMax } from "./entry-check.js";
import { tokenBytesMax } from "./record-codec.js";
import { Malformed, readObject } from "./fields.js";
import { encodeMembers, readList } from "./members-codec.js";
import { MessageWriter } from "./message-writer.js";
import type { Decoded, Fields } from "./fields.js";
import type {
  AnswerColumns,
  Fence,
  KeyColumns,
  LedgerSnapshot,
  ProducerColumns,
} from "../core/ledger/snapshot.js";

export function encodeLedger(
  clusterId: string,
  ledger: LedgerSnapshot,
): { readonly bytes: Uint8Array; readonly checksum: number } {
  const { fence, producers, answers, keys, members } = ledger;
  const writer = new MessageWriter();
  writer.text(1, clusterId);
  writer.number(2, ledger.firstIndex).number(3, ledger.nextProducerId);
  if (fence !== undefined) {
    writer.message(4, () => writer.text(1, fence.token).number(2, fence.sinceIndex));
  }
  writer.message(5, () => writeProducers(writer, producers));
  writer.message(6, () => writeAnswers(writer, answers));
  writer.message(7, () => writeKeys(writer, keys));
  if (members !== undefined) writer.bytes(8, encodeMembers(members));
  return writer.seal();
}

/**
 * Decodes a cluster's ledger, the one with the checksum if one is expected. Never throws, whatever
 * the bytes are.
 */
export function decodeLedger(
  bytes: Uint8Array,
  expectedClusterId: string,
  expectedChecksum?: number,
): Decoded<LedgerSnapshot> {
  return readObject(bytes, "Ledger", (fields, checksum) => {
    if (checksum !== (expectedChecksum ?? checksum)) {
      throw new Malformed("it is not the object that was named");
    }
    const clusterId = fields.text(1, "cluster_id");
    if (clusterId !== expectedClusterId) throw new Malformed(`it is of the cluster ${clusterId}`);
    const firstIndex = atLeastOne(fields.number(2), "first_index");
    const nextProducerId = atLeastOne(fields.number(3), "next_producer_id");
    const fenceFields = fields.message(4, "Fence");
    const fence = fenceFields === undefined ? undefined : readFence(fenceFields);
    const producers = readProducers(fields.required(5, "Producers"), nextProducerId);
    const answers = readAnswers(fields.required(6, "Answers"), nextProducerId);
    const keys = readKeys(fields.required(7, "Keys"));
    const membersFields = fields.message(8, "Members");
    const members = membersFields === undefined ? undefined : readList(membersFields);
    return { firstIndex, nextProducerId, fence, producers, answers, keys, members };
  });
}

function readFence(fields: Fields): Fence {
  const token = fields.text(1, "token");
  const sinceIndex = atLeastOne(fields.number(2), "a fence's since_index");
  fields.end();
  if (Buffer.byteLength(token) > tokenBytesMax) throw new Malformed("a token is too long");
  return { token, sinceIndex };
}

function writeProducers(writer: MessageWriter, producers: ProducerColumns): void {
  const closed: number[] = [];
  for (const [place, isClosed] of producers.closed.entries()) if (isClosed > 0) closed.push(place);
  writer.packed(1, producers.ids).packed(2, producers.lastSequences).packed(3, closed);
}

function readProducers(fields: Fields, nextProducerId: number): ProducerColumns {
  const ids = fields.packed(1);
  const lastSequences = fields.packed(2);
  const places = fields.packed(3);
  fields.end();
  checkLengths("producers", ledgerBounds.producersMax, [ids, lastSequences]);
  checkIds(ids, nextProducerId);
  if (new Set(ids).size < ids.length) throw new Malformed("a producer stands twice");
  const closed = new Uint8Array(ids.length);
  for (const [number, place] of places.entries()) {
    if (place >= ids.length || (number > 0 && place <= (places[number - 1] ?? 0))) {
      throw new Malformed("the places of closed producers do not rise");
    }
    closed[place] = 1;
  }
  return { ids, lastSequences, closed };
}

function writeAnswers(writer: MessageWriter, answers: AnswerColumns): void {
  writer.packed(1, answers.producerIds).packed(2, answers.sequences);
  writer.packed(3, deltas(answers.firstIndexes)).packed(4, answers.entryCounts);
  writer.packed(5, deltas(answers.terms)).packed(6, deltas(answers.timestampsMs));
  writer.packedFixed32(7, answers.checksums);
}

function readAnswers(fields: Fields, nextProducerId: number): AnswerColumns {
  const producerIds = fields.packed(1);
  const sequences = fields.packed(2);
  const firstIndexes = sums(fields.packed(3));
  const counts = fields.packed(4);
  const terms = sums(fields.packed(5));
  const timestampsMs = sums(fields.packed(6));
  const checksums = fields.packedFixed32(7);
  fields.end();
  checkLengths("answers", ledgerBounds.answersMax, [
    producerIds,
    sequences,
    firstIndexes,
    counts,
    terms,
    timestampsMs,
    checksums,
  ]);
  checkIds(producerIds, nextProducerId);
  const entryCounts = Uint32Array.from(counts);
  for (const [place, count] of counts.entries()) {
    atLeastOne(sequences[place], "an answer's sequence");
    atLeastOne(firstIndexes[place], "an answer's first_index");
    atLeastOne(terms[place], "an answer's term");
    if (entryCounts[place] !== count) throw new Malformed("an answer has too many entries");
  }
  return { producerIds, sequences, firstIndexes, entryCounts, terms, timestampsMs, checksums };
}

function writeKeys(writer: MessageWriter, { keys, lastIndexes, reachIndex }: KeyColumns): void {
  for (const key of keys) writer.text(1, key);
  writer.packed(2, deltas(lastIndexes)).number(3, reachIndex);
}

function readKeys(fields: Fields): KeyColumns {
  const keys = fields.texts(1, "a key");
  const lastIndexes = sums(fields.packed(2));
  const reachIndex = fields.number(3);
  fields.end();
  checkLengths("keys", ledgerBounds.keysMax, [keys, lastIndexes]);
  if (new Set(keys).size < keys.length) throw new Malformed("a key stands twice");
  let length = 0;
  for (const [place, key] of keys.entries()) {
    if (Buffer.byteLength(key) > keyBytesMax) throw new Malformed("a key is too long");
    atLeastOne(lastIndexes[place], "a key's last_index");
    length += key.length;
  }
  if (length > ledgerBounds.keyLengthMax) throw new Malformed("the keys are too long");
  return { keys, lastIndexes, reachIndex };
}

/** Differences of a column that does not decrease, from 0 on. */
function deltas(column: Float64Array): Float64Array {
  return column.map((value, place) => value - (column[place - 1] ?? 0));
}

function sums(column: Float64Array): Float64Array {
  let sum = 0;
  for (const [place, delta] of column.entries()) {
    sum += delta;
    column[place] = sum;
  }
  if (sum > Number.MAX_SAFE_INTEGER) throw new Malformed("a column ends at 2^53 or more");
  return column;
}

function checkLengths(
  name: string,
  lengthMax: number,
  columns: readonly { readonly length: number }[],
): void {
  const [length = 0] = columns.map((column) => column.length);
  if (columns.some((column) => column.length !== length)) {
    throw new Malformed(`the columns of ${name} differ in length`);
  }
  if (length > lengthMax) throw new Malformed(`there are ${length} ${name}, ${lengthMax} at most`);
}

function checkIds(ids: Float64Array, nextProducerId: number): void {
  for (const id of ids) {
    if (id < 1 || id >= nextProducerId) throw new Malformed(`there is no producer ${id}`);
  }
}

function atLeastOne(value: number | undefined, name: string): number {
  if (value === undefined || value < 1) throw new Malformed(`${name} is not set`);
  return value;
}
