/**
 * What an append comes to at the index that is about to be assigned to it (PROTOCOL.md section 8).
 *
 * Invariant: pure. A repeat is recognised before any condition is judged, and a refused append leaves
 * nothing: it uses up no number.
 */

import { noRecords } from "./types.js";
import type { OpenLedger } from "./open-ledger.js";
import type { Refusal } from "./protocol.js";
import type {
  Append,
  AppendOptions,
  Control,
  KeyCondition,
  LogRecord,
  ProducerNumber,
} from "./types.js";

export type AppendVerdict =
  /** It may stand at the index; it leaves these records, `entryOffset` entries into its segment. */
  | { readonly type: "passes"; readonly records: readonly LogRecord[] }
  /** Its producer's append of this number stands already, or is open. */
  | { readonly type: "repeat" }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** Where an append would stand. */
export interface AppendPlace {
  /** The index of its first entry. */
  readonly index: number;
  /** How many entries of its segment stand before it. */
  readonly entryOffset: number;
}

const repeat: AppendVerdict = { type: "repeat" };

/** Judges an append by what the log says up to its place. */
export function judgeAppend(append: Append, place: AppendPlace, ledger: OpenLedger): AppendVerdict {
  const { options } = append;
  if (options === undefined) return { type: "passes", records: noRecords };
  const { producer } = options;
  const number = producer === undefined ? "next" : judgeNumber(producer, ledger);
  if (number === "repeat") return repeat;
  if (number !== "next") return { type: "refused", refusal: number };
  const refusal =
    judgeConditions(options, place.index, ledger) ??
    (options.control && judgeControl(options.control, place.index, ledger));
  if (refusal !== undefined) return { type: "refused", refusal };
  return { type: "passes", records: recordsOf(append, options, place.entryOffset, ledger) };
}

function judgeNumber(number: ProducerNumber, ledger: OpenLedger): "next" | "repeat" | Refusal {
  const { producerId, sequence, checksum } = number;
  const producer = ledger.producer(producerId);
  if (producer === undefined) return unknownProducer(producerId, ledger);
  const { lastSequence, closed } = producer;
  if (sequence <= lastSequence) {
    const known = ledger.checksumOf(producerId, sequence);
    const isOther = known !== undefined && known !== checksum;
    return isOther ? { type: "sequenceReused", producerId, sequence } : "repeat";
  }
  if (closed) return { type: "producerClosed", producerId, lastSequence };
  if (sequence === lastSequence + 1) return "next";
  return { type: "sequenceGap", producerId, lastSequence };
}

/** Ids are given in order: a lower one was given, and its producer has expired. */
function unknownProducer(producerId: number, ledger: OpenLedger): Refusal {
  const isGiven = producerId < ledger.nextProducerId;
  return { type: isGiven ? "producerExpired" : "producerUnknown", producerId };
}

function judgeConditions(
  options: AppendOptions,
  nextIndex: number,
  ledger: OpenLedger,
): Refusal | undefined {
  const { fencingToken, expectedNextIndex, keyConditions = [] } = options;
  const { fence } = ledger;
  if (fencingToken !== undefined && fencingToken !== fence?.token) {
    return { type: "fenced", sinceIndex: fence?.sinceIndex ?? 0 };
  }
  if (expectedNextIndex !== undefined && expectedNextIndex !== nextIndex) {
    return { type: "indexMismatch", nextIndex };
  }
  for (const condition of keyConditions) {
    const refusal = judgeKey(condition, ledger);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function judgeKey({ key, sinceIndex }: KeyCondition, ledger: OpenLedger): Refusal | undefined {
  const found = ledger.findKey(key, sinceIndex);
  switch (found.type) {
    case "none":
      return undefined;
    case "last":
      return { type: "keyConflict", key, index: found.index };
    case "forgotten":
      return { type: "keyForgotten", key, reachIndex: found.reachIndex };
  }
}

function judgeControl(
  control: Control,
  nextIndex: number,
  ledger: OpenLedger,
): Refusal | undefined {
  switch (control.type) {
    case "open":
      return undefined;
    case "close": {
      const { producerId } = control;
      const isKnown = ledger.producer(producerId) !== undefined;
      return isKnown ? undefined : unknownProducer(producerId, ledger);
    }
    case "trim": {
      const { firstIndex, expectedFirstIndex = ledger.firstIndex } = control;
      if (expectedFirstIndex !== ledger.firstIndex) {
        return { type: "trimConflict", firstIndex: ledger.firstIndex };
      }
      return firstIndex > nextIndex ? { type: "trimBeyondTail", nextIndex } : undefined;
    }
    case "members": {
      const { membersVersion: version } = ledger;
      return control.list.version === version + 1
        ? undefined
        : { type: "membersConflict", version };
    }
  }
}

/** What an append that may stand leaves in the log beside its entries. */
function recordsOf(
  { entryCount }: Append,
  { producer, setFencingToken, control }: AppendOptions,
  entryOffset: number,
  ledger: OpenLedger,
): readonly LogRecord[] {
  const records: LogRecord[] = [];
  if (producer !== undefined) {
    records.push({ type: "produced", entryOffset, entryCount, ...producer });
  }
  if (setFencingToken !== undefined) {
    records.push({ type: "fenced", entryOffset, token: setFencingToken });
  }
  switch (control?.type) {
    case "open":
      records.push({ type: "opened", entryOffset });
      break;
    case "close": {
      const { producerId } = control;
      const ended = producer?.producerId === producerId ? producer.sequence : undefined;
      const lastSequence = ended ?? ledger.producer(producerId)?.lastSequence ?? 0;
      records.push({ type: "closed", entryOffset, producerId, lastSequence });
      break;
    }
    case "trim":
      records.push({ type: "trimmed", entryOffset, firstIndex: control.firstIndex });
      break;
    case "members":
      records.push({ type: "members", entryOffset, list: control.list });
      break;
    case undefined:
  }
  return records;
}
