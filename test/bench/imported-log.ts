/** Logs of equal segments, made by importing an export that is made up. */

import { crc32c } from "../../src/log/crc32c.js";
import { MessageWriter } from "../../src/log/message-writer.js";
import { encodePart } from "../../src/offline/export-codec.js";
import { ExportFile } from "../../src/offline/export-file.js";
import { importLog } from "../../src/offline/import-log.js";
import type { Store } from "../../src/store/store.js";

export interface ImportedLog {
  readonly segments: number;
  readonly entriesPerSegment: number;
  readonly payloadBytes: number;
}

/** Makes the log, and a cluster of one node at the address. */
export async function makeImportedLog(
  store: Store,
  log: ImportedLog,
  { address, ...grace }: { readonly address: string; readonly graceMs?: number },
): Promise<void> {
  const { signal } = new AbortController();
  const members = [{ nodeId: "n1", address }];
  await importLog(store, new ExportFile("the log", file(log)), { signal, members, ...grace });
}

async function* file(log: ImportedLog): AsyncGenerator<Uint8Array, void> {
  await Promise.resolve();
  const { segments, entriesPerSegment: entryCount, payloadBytes } = log;
  const writer = new MessageWriter();
  const payload = new Uint8Array(payloadBytes).fill(7);
  for (let at = 0; at < entryCount; at++) writer.message(1, (entry) => entry.bytes(1, payload));
  const run = { bytes: writer.written(), entryCount };
  yield encodePart({ type: "header", firstIndex: 1 });
  let entriesChecksum = 0;
  for (let at = 0; at < segments; at++) {
    const firstIndex = 1 + at * entryCount;
    entriesChecksum = crc32c(run.bytes, entriesChecksum);
    yield encodePart({ type: "entries", firstIndex, timestampMs: at, run, keys: [] });
  }
  const nextIndex = 1 + segments * entryCount;
  yield encodePart({ type: "trailer", nextIndex, runCount: segments, entriesChecksum });
}
