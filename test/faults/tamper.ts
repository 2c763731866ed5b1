/** Harm to the log that no fault may do, done on purpose: the judges must find each. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { crc32c } from "@node-rs/crc32";
import { SegmentSchema, type Segment } from "../../gen/suraft/storage/v1/storage_pb.js";
import { openStore } from "../../src/store/open-store.js";
import type { Store } from "../../src/store/store.js";
import type { Recorder } from "./recorder.js";

export type TamperName = "delete" | "rewrite" | "forge";

/** Done to the store at the URL, or to the history. */
export type Tamper = (storeUrl: string, recorder: Recorder) => Promise<void>;

const pageSize = 1000;
const checksumBytes = 5;

/** Deletes a segment of entries from the middle of the log. */
async function deleteSegment(store: Store): Promise<void> {
  const { name } = await middleSegment(store);
  await store.delete(name, { signal: AbortSignal.timeout(10_000) });
}

/** Puts a segment with other entries, but a good checksum, into the place of the log's last one. */
async function rewriteSegment(store: Store): Promise<void> {
  const { name, segment } = await middleSegment(store, "last");
  if (segment.content.case !== "entries") return;
  for (const entry of segment.content.value.entries) {
    entry.payload = Uint8Array.from(entry.payload);
    const [last = 0] = entry.payload.subarray(-1);
    entry.payload[entry.payload.length - 1] = last ^ 1;
  }
  const bytes = Buffer.from(toBinary(SegmentSchema, segment));
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, -checksumBytes)), bytes.length - 4);
  const signal = AbortSignal.timeout(10_000);
  await store.delete(name, { signal });
  await store.create(name, bytes, { signal });
}

/** A client that was told of an append that no node ever took. */
function forge(_url: string, recorder: Recorder): Promise<void> {
  const op = recorder.append({ process: "forged.1", entries: 1 });
  recorder.appended(op, { firstIndex: 1, lastIndex: 1, term: 1, timestampMs: 0, repeat: false });
  return Promise.resolve();
}

interface Found {
  readonly name: string;
  readonly segment: Segment;
}

async function middleSegment(store: Store, which: "middle" | "last" = "middle"): Promise<Found> {
  const names: string[] = [];
  const signal = AbortSignal.timeout(30_000);
  for (let more = true, startAt = "log/"; more;) {
    const page = await store.list({ prefix: "log/", startAt, limit: pageSize, signal });
    names.push(...page.items.map(({ name }) => name));
    more = page.more;
    startAt = `${names.at(-1) ?? ""}0`;
  }
  const first = which === "last" ? names.length - 1 : names.length >> 1;
  for (let place = first; place >= 0; place--) {
    const name = names[place] ?? "";
    const object = await store.get(name, { signal });
    if (object.type !== "found") continue;
    const segment = fromBinary(SegmentSchema, object.bytes);
    if (segment.content.case === "entries") return { name, segment };
  }
  throw new Error("the log holds no entries");
}

function upon(change: (store: Store) => Promise<void>): Tamper {
  return async (url) => {
    const store = openStore(url);
    try {
      await change(store);
    } finally {
      await store.close();
    }
  };
}

export const tampers: Readonly<Record<TamperName, Tamper>> = {
  delete: upon(deleteSegment),
  rewrite: upon(rewriteSegment),
  forge,
};
