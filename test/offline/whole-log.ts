/** Logs with everything around them, as upkeep leaves it: manifests, checkpoints, archives. */

import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { encodeLedger } from "../../src/log/ledger-codec.js";
import { foundingManifest } from "../../src/log/manifest.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { manifestName, objectName } from "../../src/log/names.js";
import { verifyLog } from "../../src/offline/verify.js";
import { logStart } from "../../src/core/walk.js";
import type { CheckpointRef, ManifestView } from "../../src/core/manifest.js";
import type { WalkState } from "../../src/core/walk.js";
import type { VerifyReport } from "../../src/offline/verify-report.js";
import type { MemoryObjects } from "../../src/store/memory-store.js";
import { archiveLog, statesOf } from "../log/archives.js";
import type { ArchivedOptions } from "../log/archives.js";
import { clusterId, WrittenLog } from "../log/written-log.js";

const members = [{ nodeId: "node-1", address: "x:1" }];

/** Claims, entries, voids and records; 60 positions or so. */
export function busyLog(): WrittenLog {
  const written = new WrittenLog();
  for (let round = 0; round < 6; round++) {
    written.claim();
    for (let at = 0; at < 6; at++) {
      written.write(`entry ${round}.${at} a`, `entry ${round}.${at} b`);
      if (at % 3 === 1) written.void();
    }
    written.record();
  }
  return written;
}

/** Stores the founding manifest. */
export function found(written: WrittenLog, graceMs?: number): ManifestView {
  const manifest = { ...foundingManifest(members, graceMs), clusterId };
  put(written, manifest);
  return manifest;
}

export function put(written: WrittenLog, manifest: ManifestView): void {
  const { objects } = written.store;
  objects.create(manifestName(manifest.number), encodeManifest(manifest));
}

/** Stores what a checkpoint at a position says, by the manifest with a number. */
export function checkpointAt(written: WrittenLog, position: number, manifest = 1): CheckpointRef {
  const ledger = new Ledger(ledgerBounds);
  for (const segment of written.entries) if (segment.position < position) ledger.apply(segment);
  const { bytes, checksum } = encodeLedger(clusterId, ledger.snapshot());
  const id = { manifest, nonce: position.toString(16).padStart(32, "c") };
  written.store.objects.create(objectName({ type: "checkpoint", id }), bytes);
  const walk = stateAt(written, position);
  return { walk, ledger: { id, sizeBytes: bytes.length, checksum } };
}

export function stateAt(written: WrittenLog, position: number): WalkState {
  const state = statesOf(written.committed, logStart, written.walk.tail)[position];
  if (state === undefined) throw new Error("no such position");
  return state;
}

/** Archives a log as upkeep does, with a checkpoint at its end, and stores the manifests. */
export function archived(written: WrittenLog, options: ArchivedOptions): ManifestView {
  found(written);
  const manifest = archiveLog(written, options);
  const checkpoint = checkpointAt(written, written.walk.tail, manifest.number);
  const stored = { ...manifest, checkpoint };
  put(written, stored);
  return stored;
}

export function verify(written: WrittenLog): Promise<VerifyReport> {
  return verifyLog(written.store, { signal: new AbortController().signal, width: 5 });
}

/** Findings in short: kind, object, and the entries that are lost. */
export function told({ findings }: VerifyReport, kinds?: "damage"): string[] {
  return findings
    .filter(({ isDamage }) => kinds === undefined || isDamage)
    .map(({ kind, object, lost }) => {
      const entries = lost === undefined ? "" : ` ${lost.startIndex}-${lost.endIndex ?? "?"}`;
      return `${kind} ${shortOf(object)}${entries}`;
    });
}

/** A name without leading zeros and nonces. */
function shortOf(object: string): string {
  return object.replace(/\/0*(\d)/, "/$1").replace(/-[0-9a-f]{32}$/, "");
}

/** Puts other bytes in the place of an object. */
export function replace(objects: MemoryObjects, name: string, bytes: Uint8Array): void {
  objects.delete(name);
  objects.create(name, bytes);
}

/** Changes one bit in the middle of an object. */
export function flipBit(objects: MemoryObjects, name: string): void {
  const result = objects.get(name, undefined);
  if (result.type === "absent") throw new Error(`${name} is not there`);
  const bytes = Uint8Array.from(result.bytes);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  replace(objects, name, bytes);
}
