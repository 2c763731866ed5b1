/**
 * suraft.v1.SnapshotService over a node.
 *
 * Invariant: so many snapshots come in and go out at once that their memory is bounded; one that stands
 * still makes room for others after a while.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";

import {
  SnapshotService,
  type GetSnapshotRequest,
  type GetSnapshotResponseSchema,
  type PutSnapshotRequest,
  type PutSnapshotResponseSchema,
  type SnapshotSchema,
} from "../../gen/suraft/v1/snapshot_pb.js";
import { snapshotSizeBytes, type SnapshotRef } from "../core/manifest.js";
import { SuraftError } from "../errors.js";
import type { Node, NodeSnapshots, SnapshotUpload, StoredSnapshot } from "../node/node.js";
import type { Responses } from "../rpc/handlers.js";
import { implementService, type ServiceRegistration } from "../rpc/server.js";
import type { CallContext } from "../rpc/server-call.js";
import { defineService } from "../rpc/service-definition.js";
import { Places } from "./places.js";

export interface SnapshotServiceOptions {
  /** So many are taken at once. */
  readonly putsMax: number;
  /** So many are sent at once. */
  readonly getsMax: number;
  /** The most bytes in a message. */
  readonly chunkBytes: number;
  /** A stream that stands still for so long is ended. */
  readonly stallMs: number;
}

const optionsDefault: SnapshotServiceOptions = {
  putsMax: 4,
  getsMax: 16,
  chunkBytes: 256 * 1024,
  stallMs: 60_000,
};

/** The service, ready to be served. */
export function implementSnapshotService(
  { snapshots }: Node,
  options: Partial<SnapshotServiceOptions> = {},
): ServiceRegistration {
  const settings = { ...optionsDefault, ...options };
  const puts = new Places("snapshots are being taken", settings.putsMax);
  const gets = new Places("snapshots are being sent", settings.getsMax);
  return implementService(defineService(SnapshotService, {}), {
    putSnapshot: (requests, context) =>
      puts.within(() => putSnapshot(snapshots, requests, { context, settings })),
    getSnapshot: (request, responses, context) =>
      gets.within(() => getSnapshot(snapshots, request, { responses, context, settings })),
    listSnapshots: async (_, { signal }) => {
      const refs = await snapshots.list(signal);
      return { snapshots: refs.toReversed().map(snapshotMessage) };
    },
  });
}

interface PutCall {
  readonly context: CallContext;
  readonly settings: SnapshotServiceOptions;
}

async function putSnapshot(
  snapshots: NodeSnapshots,
  requests: AsyncIterableIterator<PutSnapshotRequest, undefined>,
  { context, settings }: PutCall,
): Promise<MessageInitShape<typeof PutSnapshotResponseSchema>> {
  const next = async (): Promise<PutSnapshotRequest["piece"]> => {
    const { done, value } = await moving(requests.next(), settings.stallMs);
    if (done !== true) return value.piece;
    throw new SuraftError("invalid", "the snapshot was cut off: the stream ended before its `end`");
  };
  const first = await next();
  if (first.case !== "begin") throw outOfOrder("a snapshot begins with `begin`", first.case);
  const nextIndex = indexOf(first.value.nextIndex);
  if (nextIndex === 0) throw new SuraftError("invalid", "next_index is 0; it must be at least 1");
  const upload = await snapshots.begin(nextIndex, context.signal);
  try {
    const { snapshot, repeat } = await receive(upload, next);
    return { snapshot: snapshotMessage(snapshot), repeat };
  } finally {
    await upload.abandon();
  }
}

/** Takes everything up to the end. */
async function receive(
  upload: SnapshotUpload,
  next: () => Promise<PutSnapshotRequest["piece"]>,
): Promise<StoredSnapshot> {
  for (;;) {
    const piece = await next();
    if (piece.case === "end") return await upload.finish(piece.value.checksum);
    if (piece.case !== "chunk") {
      throw outOfOrder("behind `begin` come chunks, and one `end`", piece.case);
    }
    await upload.write(piece.value);
  }
}

function outOfOrder(rule: string, came: string | undefined): SuraftError {
  return new SuraftError("invalid", `${rule}; what came is ${came ?? "none of them"}`);
}

interface GetCall {
  readonly responses: Responses<MessageInitShape<typeof GetSnapshotResponseSchema>>;
  readonly context: CallContext;
  readonly settings: SnapshotServiceOptions;
}

async function getSnapshot(
  snapshots: NodeSnapshots,
  request: GetSnapshotRequest,
  { responses, context, settings }: GetCall,
): Promise<void> {
  const { signal } = context;
  const nextIndex = indexOf(request.nextIndex);
  const snapshot = await snapshots.find(nextIndex === 0 ? undefined : nextIndex, signal);
  const sizeBytes = snapshotSizeBytes(snapshot);
  if (request.offset > BigInt(sizeBytes)) {
    const message = `offset ${request.offset} is beyond the snapshot's end at ${sizeBytes}`;
    throw new SuraftError("out_of_range", message, { details: { size_bytes: String(sizeBytes) } });
  }
  responses.write({ snapshot: snapshotMessage(snapshot) });
  const { chunkBytes, stallMs } = settings;
  const offset = Number(request.offset);
  for await (const bytes of snapshots.read(snapshot, { offset, signal })) {
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      await moving(responses.drained(2 * chunkBytes), stallMs);
      responses.write({ chunk: bytes.subarray(start, start + chunkBytes) });
    }
  }
}

/** What a client has to do, if it does it in time. */
async function moving<Result>(progress: Promise<Result>, stallMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    const message = `the stream stood still for ${stallMs} ms; begin again`;
    timer = setTimeout(() => reject(new SuraftError("overloaded", message)), stallMs);
  });
  try {
    return await Promise.race([progress, stalled]);
  } finally {
    clearTimeout(timer);
  }
}

function indexOf(value: bigint): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new SuraftError("invalid", `next_index is ${value}; it must be below 2^53`);
}

function snapshotMessage(snapshot: SnapshotRef): MessageInitShape<typeof SnapshotSchema> {
  const { nextIndex, checksum, timestampMs } = snapshot;
  return {
    nextIndex: BigInt(nextIndex),
    sizeBytes: BigInt(snapshotSizeBytes(snapshot)),
    checksum,
    timestamp: timestampFromMs(timestampMs),
  };
}
