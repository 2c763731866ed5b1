/** What stands in the store: segments, manifests, names; and the entries of an append. */

import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";

import { ForwardedAppendSchema } from "../../../gen/suraft/node/v1/node_pb.js";
import { ManifestSchema, SegmentSchema } from "../../../gen/suraft/storage/v1/storage_pb.js";
import { AppendRequestSchema } from "../../../gen/suraft/v1/log_pb.js";
import type { Segment } from "../../../src/core/types.js";
import type { ArchiveIndex } from "../../../src/log/archive-codec.js";
import type { ByteRange } from "../../../src/store/store.js";
import { logStart } from "../../../src/core/walk.js";
import { decodeArchiveIndex, decodeChunk, indexRange } from "../../../src/log/archive-codec.js";
import { appendRequestFields, forwardedAppendFields } from "../../../src/log/append-options.js";
import { scanAppend } from "../../../src/log/append-scan.js";
import { crc32c } from "../../../src/log/crc32c.js";
import {
  contentBytes,
  decodeEntries,
  dropEntries,
  takeEntries,
  type EntryRun,
} from "../../../src/log/entry-run.js";
import {
  decodeManifest,
  encodeManifest,
  type DecodedManifest,
} from "../../../src/log/manifest-codec.js";
import { decodeLedger, encodeLedger } from "../../../src/log/ledger-codec.js";
import { parseManifestName, parseSegmentName, segmentName } from "../../../src/log/names.js";
import {
  decodeSegment,
  entryRunOf,
  sealSegment,
  storedBytes,
} from "../../../src/log/segment-codec.js";
import { isObjectName, nameAfter } from "../../../src/store/object-name.js";
import {
  appendRequest,
  arbitraryClaim,
  arbitraryEntries,
  arbitraryEntriesDraft,
  plain,
  wideBounds,
} from "../../log/entries.js";
import { arbitraryMessage } from "../messages.js";
import { hold, textTarget, wireTarget, type Judged, type Target } from "../target.js";
import { archiveOf, sampleLog } from "../../log/archives.js";
import { arbitraryLedger } from "../../log/ledgers.js";
import { arbitraryManifest } from "../../log/manifests.js";
import { withChecksum } from "../../log/with-checksum.js";
import { clusterId } from "../../log/written-log.js";

/** The same message with the checksum that its bytes have. */
function mend(bytes: Uint8Array): Uint8Array {
  return withChecksum(bytes.subarray(0, Math.max(0, bytes.length - 5)));
}

function sameEntries(run: EntryRun, entries: Parameters<typeof plain>[0]): void {
  const decoded = plain(decodeEntries(run));
  hold(JSON.stringify(decoded) === JSON.stringify(plain(entries)), "protobuf-es reads the same");
  const half = Math.floor(run.entryCount / 2);
  const front = takeEntries(run, { entriesMax: half, bytesMax: Infinity });
  const back = dropEntries(run, half);
  hold(front.entryCount === half, "a run is cut where it was asked to be");
  hold(
    front.bytes.length + back.bytes.length === run.bytes.length &&
      contentBytes(front) + contentBytes(back) === contentBytes(run),
    "a cut run is whole",
  );
}

function judgeSegment(bytes: Uint8Array): Judged {
  let decoded = decodeSegment(bytes, 8);
  const said =
    decoded.type === "corrupt" ? /that its position is (\d+)$/.exec(decoded.reason) : null;
  if (said !== null) decoded = decodeSegment(bytes, Number(said[1]));
  if (decoded.type === "corrupt") {
    hold(decoded.reason.length > 0 && decoded.reason.length < 300, "a reason is short");
    return { accepted: false };
  }
  const { segment } = decoded;
  hold(Buffer.compare(storedBytes(segment), bytes) === 0, "a segment keeps its bytes");
  checkAsStranger(segment, bytes);
  const { body: _body, ...output } = segment;
  return { accepted: true, output };
}

/** What we read is what a stranger reads with nothing but the schema. */
function checkAsStranger(segment: Segment, bytes: Uint8Array): void {
  const read = fromBinary(SegmentSchema, bytes);
  hold(read.$unknown === undefined, "nothing unknown is in a segment");
  hold(read.clusterId === segment.clusterId, "cluster_id");
  hold(read.position === BigInt(segment.position), "position");
  hold(read.epoch?.term === BigInt(segment.epoch.term), "term");
  hold(read.crc32c === segment.checksum, "crc32c");
  const { content } = read;
  if (segment.type === "claim") {
    hold(content.case === "claim" && content.value.window === segment.window, "window");
    return;
  }
  hold(content.case === "entries", "content");
  const { entries, firstIndex, entryCount, timestamp } = content.value;
  hold(firstIndex === BigInt(segment.firstIndex) && entryCount === segment.entryCount, "counts");
  const { seconds = 0n, nanos = 0 } = timestamp ?? {};
  const nanoseconds = seconds * 1_000_000_000n + BigInt(nanos);
  hold(nanoseconds === BigInt(segment.timestampMs) * 1_000_000n, "a timestamp in milliseconds");
  sameEntries(entryRunOf(segment), entries);
}

function judgeManifest(bytes: Uint8Array): Judged {
  let decoded: DecodedManifest = decodeManifest(bytes, 0);
  const said = decoded.type === "corrupt" ? /that its number is (\d+)$/.exec(decoded.reason) : null;
  if (Number.isSafeInteger(Number(said?.[1]))) decoded = decodeManifest(bytes, Number(said?.[1]));
  if (decoded.type !== "ok") return { accepted: false };
  const { manifest } = decoded;
  hold(isSame(encodeManifest(manifest), bytes), "a manifest has one encoding");
  hold(fromBinary(ManifestSchema, bytes).number === BigInt(manifest.number), "number");
  return { accepted: true, output: manifest };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function judgeLedger(bytes: Uint8Array): Judged {
  const decoded = decodeLedger(bytes, clusterId);
  if (decoded.type === "corrupt") return { accepted: false };
  hold(isSame(encodeLedger(clusterId, decoded.value).bytes, bytes), "a ledger has one encoding");
  return { accepted: true, output: decoded.value };
}

const archive = archiveOf(sampleLog.committed, { from: logStart, to: sampleLog.walk.tail });
const indexBytes = archive.bytes.subarray(...rangeOf(indexRange(archive.ref)));

function rangeOf({ start, end }: ByteRange): [number, number] {
  return [start, end];
}

function judgeIndex(bytes: Uint8Array): Judged {
  const decoded = decodeArchiveIndex(bytes, archive.ref, clusterId);
  return decoded.type === "ok" ? { accepted: true, output: decoded.value } : { accepted: false };
}

/** A chunk is none but where it belongs. */
function judgeChunk(bytes: Uint8Array): Judged {
  const checksum = crc32c(bytes);
  const fitting = decodedIndex().rows.filter((row) => {
    const decoded = decodeChunk(bytes, { ...row, checksum }, clusterId);
    return decoded.type === "ok";
  });
  for (const row of fitting) {
    hold(isSame(bytes, archive.bytes.subarray(row.start, row.end)), "only this chunk fits here");
  }
  return { accepted: fitting.length > 0 };
}

function decodedIndex(): ArchiveIndex {
  const decoded = decodeArchiveIndex(indexBytes, archive.ref, clusterId);
  if (decoded.type === "corrupt") throw new Error(decoded.reason);
  return decoded.value;
}

type RequestSchema = typeof AppendRequestSchema | typeof ForwardedAppendSchema;
type RequestFields = Parameters<typeof scanAppend>[2];

function judgeScan(schema: RequestSchema, fields: RequestFields) {
  return (bytes: Uint8Array): Judged => {
    const scan = scanAppend(bytes, wideBounds, fields);
    switch (scan.type) {
      case "invalid":
        hold(scan.reason.length > 0 && scan.reason.length < 400, "a reason is short");
        return { accepted: false };
      case "closedStream":
        return { accepted: true };
      case "append": {
        const { run, options } = scan.append;
        // What is taken is what protobuf-es reads, with nothing that the schema does not have.
        const read = fromBinary(schema, bytes);
        hold(read.$unknown === undefined, "nothing unknown is taken");
        sameEntries(run, read.entries);
        hold(
          options?.expectedNextIndex === numberOf(read.expectedNextIndex),
          "expected_next_index",
        );
        hold(options?.fencingToken === read.fencingToken, "fencing_token");
        return { accepted: true, output: { run: run.bytes, options } };
      }
    }
  };
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function judgeName(name: string): Judged {
  const position = parseSegmentName(name);
  if (position !== undefined) hold(segmentName(position) === name, "a number has one name");
  const number = parseManifestName(name);
  hold(position === undefined || number === undefined, "a name is of one kind");
  const valid = isObjectName(name);
  if (position !== undefined || number !== undefined) hold(valid, "numbered names can be stored");
  if (valid) {
    hold(Buffer.from(name).length === name.length, "names are ASCII");
    hold(new URL(`http://h/${name}`).pathname === `/${name}`, "a name is a URL's path as it is");
    hold(nameAfter(name) > name, "a page goes on behind its last name");
  }
  return { accepted: valid };
}

const arbitrarySegment = fc
  .oneof(arbitraryClaim, arbitraryEntriesDraft)
  .map((draft) => storedBytes(sealSegment("1c1bd7a6-8bd9-4f3c-8a53-9d1f0d9f6b0e", draft)));

const numbered = fc
  .tuple(fc.constantFrom("log/", "manifest/"), fc.maxSafeNat())
  .map(([prefix, number]) => prefix + String(number).padStart(20, "0"));

export const logTargets: readonly Target[] = [
  wireTarget({ name: "log/segment", valid: arbitrarySegment, mend, judge: judgeSegment }),
  wireTarget({
    name: "log/manifest",
    valid: arbitraryManifest.map(encodeManifest),
    mend,
    // A member is two bytes at least, and two texts.
    outputPerByte: 40,
    judge: judgeManifest,
  }),
  wireTarget({
    name: "log/ledger",
    valid: arbitraryLedger.map((ledger) => encodeLedger(clusterId, ledger).bytes),
    mend,
    // A row of one column is a byte, and a number of eight.
    outputPerByte: 64,
    judge: judgeLedger,
  }),
  wireTarget({
    name: "log/archive-index",
    valid: fc.constant(indexBytes),
    mend,
    judge: judgeIndex,
  }),
  wireTarget({
    name: "log/archive-chunk",
    valid: fc
      .constantFrom(...decodedIndex().rows)
      .map(({ start, end }) => archive.bytes.subarray(start, end)),
    judge: judgeChunk,
  }),
  wireTarget({
    name: "log/append",
    valid: fc.oneof(arbitraryEntries.map(appendRequest), arbitraryMessage(AppendRequestSchema)),
    judge: judgeScan(AppendRequestSchema, appendRequestFields),
  }),
  wireTarget({
    name: "log/forwarded-append",
    valid: fc.oneof(arbitraryEntries.map(appendRequest), arbitraryMessage(ForwardedAppendSchema)),
    judge: judgeScan(ForwardedAppendSchema, forwardedAppendFields),
  }),
  textTarget({
    name: "log/object-name",
    valid: fc.oneof(
      numbered,
      fc.stringMatching(/^[A-Za-z0-9._-]{1,9}(\/[A-Za-z0-9._-]{1,9}){0,3}$/),
    ),
    tokens: ["/", ".", "..", "%2e", "\0", "0", "9", "log/", "manifest/", "é", "\\"],
    judge: judgeName,
  }),
];
