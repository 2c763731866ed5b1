/** Whether a segment tells by records and keys what its appends are, and nothing else. */

import type { EntryKey, LogRecord, Segment } from "../../../src/core/types.js";
import { appendsOf, type SimAppend } from "../content.js";
import type { TrueLedger } from "./true-ledger.js";
import { must } from "../violation.js";

/** What an append leaves beside its entries, in this order. */
function recordsOf(
  { options, entryCount }: SimAppend,
  entryOffset: number,
  ledger: TrueLedger,
): LogRecord[] {
  const records: LogRecord[] = [];
  const { producer, setFencingToken, control } = options ?? {};
  if (producer !== undefined) {
    const { producerId, sequence, checksum } = producer;
    const number = { producerId, sequence, checksum };
    records.push({ type: "produced", entryOffset, entryCount, ...number });
  }
  if (setFencingToken !== undefined) {
    records.push({ type: "fenced", entryOffset, token: setFencingToken });
  }
  if (control?.type === "open") records.push({ type: "opened", entryOffset });
  if (control?.type === "close") {
    const { producerId } = control;
    // Nothing is appended by it afterwards: its last number is still the last.
    const lastSequence = ledger.lastSequence(producerId);
    records.push({ type: "closed", entryOffset, producerId, lastSequence });
  }
  if (control?.type === "members") {
    records.push({ type: "members", entryOffset, list: control.list });
  }
  if (control?.type === "trim") {
    records.push({ type: "trimmed", entryOffset, firstIndex: control.firstIndex });
  }
  return records;
}

function sameRecord(one: LogRecord, other: LogRecord | undefined): boolean {
  if (other?.type !== one.type || other.entryOffset !== one.entryOffset) return false;
  for (const [name, value] of Object.entries(one)) {
    if (other[name as keyof LogRecord] !== value) return false;
  }
  return true;
}

/** The records and keys of a segment that holds these appends. */
export function contentOf(
  appends: readonly SimAppend[],
  ledger: TrueLedger,
): { readonly records: readonly LogRecord[]; readonly keys: readonly EntryKey[] } {
  const records: LogRecord[] = [];
  const keys: EntryKey[] = [];
  let start = 0;
  for (const append of appends) {
    records.push(...recordsOf(append, start, ledger));
    for (const { offset, key } of append.keys ?? []) keys.push({ offset: start + offset, key });
    start += append.entryCount;
  }
  return { records, keys };
}

/** Throws a Violation if it tells something else. */
export function checkRecords(
  segment: Segment & { readonly type: "entries" },
  ledger: TrueLedger,
): void {
  const { records, keys, position } = segment;
  const appends = appendsOf(segment);
  if (appends.every(isPlain)) {
    must(
      records.length === 0 && keys.length === 0,
      "records",
      () => `position ${position} tells more than its appends are`,
    );
    return;
  }
  const content = contentOf(appends, ledger);
  must(
    records.length === content.records.length &&
      content.records.every((record, at) => sameRecord(record, records[at])),
    "records",
    () => `position ${position} tells ${JSON.stringify(records)} of its appends`,
  );
  must(
    keys.length === content.keys.length &&
      content.keys.every(({ offset, key }, at) => {
        const told = keys[at];
        return told?.offset === offset && told.key === key;
      }),
    "records",
    () => `position ${position} tells other keys than its entries have`,
  );
}

function isPlain({ options, keys }: SimAppend): boolean {
  return options === undefined && keys === undefined;
}
