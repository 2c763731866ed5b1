/** Files of exported entries, and logs with anything in them. */

import fc from "fast-check";

import { SuraftError } from "../../../src/errors.js";
import { crc32c } from "../../../src/log/crc32c.js";
import { segmentName } from "../../../src/log/names.js";
import { storedBytes } from "../../../src/log/segment-codec.js";
import {
  decodeMark,
  decodePart,
  encodeMark,
  encodePart,
} from "../../../src/offline/export-codec.js";
import { ExportFile } from "../../../src/offline/export-file.js";
import { verifyLog } from "../../../src/offline/verify.js";
import { arbitraryEntries, arbitraryEpoch, runOf } from "../../log/entries.js";
import { withChecksum } from "../../log/with-checksum.js";
import { busyLog, found } from "../../offline/whole-log.js";
import { hold, liveTarget, wireTarget, type Target } from "../target.js";
import type { ExportPart } from "../../../src/offline/export-codec.js";

const signal = new AbortController().signal;

function mend(bytes: Uint8Array): Uint8Array {
  return withChecksum(bytes.subarray(0, Math.max(0, bytes.length - 5)));
}

/** A part without its length. */
function partBytes(part: ExportPart): Uint8Array {
  const bytes = encodePart(part);
  const lengthEnd = bytes.findIndex((byte) => byte < 128) + 1;
  return bytes.subarray(lengthEnd);
}

function entriesPart(
  entries: Parameters<typeof runOf>[0],
  firstIndex: number,
): ExportPart & { readonly type: "entries" } {
  const { keys = [], ...run } = runOf(entries);
  return { type: "entries", firstIndex, timestampMs: 1000, run, keys };
}

const arbitraryPart: fc.Arbitrary<ExportPart> = fc.oneof(
  arbitraryEntries.map((entries) => entriesPart(entries, 1 + entries.length)),
  fc.nat().map((nat): ExportPart => ({ type: "header", firstIndex: nat + 1 })),
  fc
    .record({ nextIndex: fc.maxSafeNat(), runCount: fc.nat(), entriesChecksum: fc.nat() })
    .map((trailer): ExportPart => ({ type: "trailer", ...trailer })),
);

const arbitraryFile = fc
  .record({ firstIndex: fc.nat(), runs: fc.array(arbitraryEntries, { maxLength: 4 }) })
  .map(({ firstIndex: first, runs }) => {
    const parts: Uint8Array[] = [encodePart({ type: "header", firstIndex: first + 1 })];
    let nextIndex = first + 1;
    let entriesChecksum = 0;
    for (const entries of runs) {
      const part = entriesPart(entries, nextIndex);
      parts.push(encodePart(part));
      nextIndex += part.run.entryCount;
      entriesChecksum = crc32c(part.run.bytes, entriesChecksum);
    }
    const runCount = runs.length;
    parts.push(encodePart({ type: "trailer", nextIndex, runCount, entriesChecksum }));
    return Buffer.concat(parts);
  });

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += 64) yield bytes.subarray(at, at + 64);
}

/** Reads a file to its end; undefined if it is refused. */
async function readFile(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const file = new ExportFile("the file", pieces(bytes));
  try {
    await file.open();
    const parts = [encodePart({ type: "header", firstIndex: file.firstIndex })];
    let runCount = 0;
    let entriesChecksum = 0;
    for await (const run of file.runs()) {
      runCount++;
      entriesChecksum = crc32c(run.run.bytes, entriesChecksum);
      parts.push(encodePart({ type: "entries", ...run }));
    }
    const { nextIndex } = file;
    parts.push(encodePart({ type: "trailer", nextIndex, runCount, entriesChecksum }));
    return Buffer.concat(parts);
  } catch (error) {
    if (!(error instanceof SuraftError)) throw error;
    hold(["corrupt", "invalid"].includes(error.kind), "a file is whole, or it is not");
    return undefined;
  }
}

/** A segment's bytes at a position of a small log. */
async function verifyWith(position: number, bytes: Uint8Array) {
  const written = busyLog();
  found(written);
  written.store.put(position, bytes);
  const report = await verifyLog(written.store, { signal });
  const { counts, readableEntries, tailPosition } = report;
  hold(tailPosition === written.walk.tail, "it comes to the end");
  hold(counts.found.damaged <= 1, "one object is one damage");
  // What follows it names it by its checksum: whatever was put there, something does not go together.
  hold(report.isDamaged || Buffer.compare(bytes, sampleBytes) === 0, "no other bytes pass");
  const isUnreadable = counts.found.damaged === 1;
  hold(!isUnreadable || readableEntries >= 72 - 2, "damage costs its own entries and no more");
  return { accepted: !report.isDamaged };
}

const samplePosition = 12;

const sampleBytes = sampleOf(busyLog());

function sampleOf({ committed }: ReturnType<typeof busyLog>): Uint8Array {
  const segment = committed.find(({ position }) => position === samplePosition);
  if (segment === undefined) throw new Error(`nothing counts at ${segmentName(samplePosition)}`);
  return storedBytes(segment);
}

export const offlineTargets: readonly Target[] = [
  wireTarget({
    name: "offline/export-part",
    valid: arbitraryPart.map(partBytes),
    mend,
    judge: (bytes) => {
      const decoded = decodePart(bytes);
      if (decoded.type === "corrupt") return { accepted: false };
      hold(Buffer.compare(partBytes(decoded.value), bytes) === 0, "it comes back");
      return { accepted: true };
    },
  }),
  wireTarget({
    name: "offline/import-mark",
    valid: arbitraryEpoch.map(({ nonce, leaderId }) => encodeMark({ clusterId: leaderId, nonce })),
    mend,
    judge: (bytes) => {
      const decoded = decodeMark(bytes);
      if (decoded.type === "corrupt") return { accepted: false };
      hold(Buffer.compare(encodeMark(decoded.value), bytes) === 0, "it comes back");
      return { accepted: true, output: decoded.value };
    },
  }),
  liveTarget({
    name: "offline/export-file",
    valid: arbitraryFile,
    open: () => ({
      judge: async (bytes) => {
        const again = await readFile(bytes);
        hold(again === undefined || Buffer.compare(again, bytes) === 0, "the same file again");
        return { accepted: again !== undefined };
      },
    }),
  }),
  liveTarget({
    name: "offline/verify",
    valid: fc.constant(sampleBytes),
    mend,
    open: () => ({ judge: (bytes) => verifyWith(samplePosition, bytes) }),
  }),
];
