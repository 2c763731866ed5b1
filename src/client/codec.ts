/** Between the client's values and the messages on the wire. */

import {
  durationMs,
  timestampFromMs,
  timestampMs,
  type Duration,
  type Timestamp,
} from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Role, type NodeStatus } from "../../gen/suraft/v1/cluster_pb.js";
import {
  Consistency,
  Outcome,
  type AppendResponse,
  type EntryBatch,
  type EntrySchema,
  type GetOutcomeResponse,
  type GetTailResponse,
  type Progress as WireProgress,
  type ReadRequest,
  type ReadRequestSchema,
} from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../errors.js";
import { decodeMember } from "./member-codec.js";
import type {
  AppendDemands,
  Appended,
  AppendOutcome,
  NewEntry,
  NodeRole,
  NodeView,
  ProducerSequence,
  Progress,
  ReadBatch,
  ReadOptions,
  ReadStart,
  Tail,
} from "./types.js";

function timeOf(timestamp: Timestamp | undefined): number {
  return timestamp === undefined ? 0 : timestampMs(timestamp);
}

function spanOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : durationMs(duration);
}

/** An index, count or other number that a caller gave. Throws `invalid`. */
function whole(name: string, value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new SuraftError("invalid", `${name} must be a whole number of at least 0`);
  }
  return BigInt(value);
}

/** A producer's number on the wire. */
export interface WireProducer {
  readonly producerId: bigint;
  readonly sequence: bigint;
}

/** An AppendRequest or an AppendSessionRequest. */
export interface WireAppend {
  readonly entries: MessageInitShape<typeof EntrySchema>[];
  readonly producer?: WireProducer;
  readonly expectedNextIndex?: bigint;
  readonly fencingToken?: string;
  readonly setFencingToken?: string;
  readonly keyConditions?: { readonly key: string; readonly sinceIndex: bigint }[];
}

/** An append as it is sent. Throws `invalid` for numbers that are none. */
export function encodeAppend(
  entries: readonly NewEntry[],
  demands: AppendDemands,
  producer?: ProducerSequence,
): WireAppend {
  const { expectedNextIndex, fencingToken, setFencingToken, keyConditions } = demands;
  return {
    entries: entries.map(encodeEntry),
    ...(producer === undefined ? {} : { producer: encodeProducer(producer) }),
    ...(expectedNextIndex === undefined
      ? {}
      : { expectedNextIndex: whole("the expected index", expectedNextIndex) }),
    ...(fencingToken === undefined ? {} : { fencingToken }),
    ...(setFencingToken === undefined ? {} : { setFencingToken }),
    ...(keyConditions === undefined
      ? {}
      : {
          keyConditions: keyConditions.map(({ key, sinceIndex }) => ({
            key,
            sinceIndex: whole("the index of a key condition", sinceIndex),
          })),
        }),
  };
}

function encodeEntry({ payload, headers, key }: NewEntry): MessageInitShape<typeof EntrySchema> {
  // On the wire it would be no key.
  if (key === "") {
    throw new SuraftError("invalid", "an entry's key is empty; leave it out, or give it a name");
  }
  return {
    payload,
    ...(headers === undefined ? {} : { headers: [...headers] }),
    ...(key === undefined ? {} : { key }),
  };
}

export function encodeProducer({ producerId, sequence }: ProducerSequence): WireProducer {
  return {
    producerId: whole("the producer's id", producerId),
    sequence: whole("the sequence", sequence),
  };
}

export function decodeAppended(response: AppendResponse): Appended {
  return {
    firstIndex: Number(response.firstIndex),
    lastIndex: Number(response.lastIndex),
    term: Number(response.term),
    timestampMs: timeOf(response.timestamp),
    repeat: response.repeat,
  };
}

/** Throws `unavailable` for an answer that says nothing. */
export function decodeOutcome(response: GetOutcomeResponse): AppendOutcome {
  const lastSequence = Number(response.lastSequence);
  switch (response.outcome) {
    case Outcome.COMMITTED:
      return {
        type: "committed",
        firstIndex: Number(response.firstIndex),
        lastIndex: Number(response.lastIndex),
        term: Number(response.term),
        timestampMs: timeOf(response.timestamp),
      };
    case Outcome.NOT_COMMITTED:
      return { type: "notCommitted", lastSequence };
    case Outcome.UNDECIDED:
      return { type: "undecided", lastSequence };
    default:
      throw new SuraftError("unavailable", "a node answered without an outcome");
  }
}

export function consistencyOf(local: boolean | undefined): Consistency {
  return local === true ? Consistency.LOCAL : Consistency.LINEARIZABLE;
}

function encodeStart(start: ReadStart): ReadRequest["start"] {
  switch (start.type) {
    case "first":
      return { case: undefined };
    case "index":
      return { case: "startIndex", value: whole("the index", start.index) };
    case "timestamp":
      return { case: "startTimestamp", value: timestampFromMs(start.timestampMs) };
    case "last":
      return { case: "lastCount", value: whole("the count", start.count) };
  }
}

export function encodeRead(options: ReadOptions): MessageInitShape<typeof ReadRequestSchema> {
  const { endIndex } = options;
  return {
    start: encodeStart(options.start ?? { type: "first" }),
    ...(endIndex === undefined ? {} : { endIndex: whole("the end index", endIndex) }),
    entriesMax: whole("the limit of entries", options.entriesMax ?? 0),
    bytesMax: whole("the limit of bytes", options.bytesMax ?? 0),
    follow: options.follow ?? false,
    consistency: consistencyOf(options.local),
  };
}

export function decodeBatch(batch: EntryBatch): ReadBatch {
  return {
    firstIndex: Number(batch.firstIndex),
    term: Number(batch.term),
    timestampMs: timeOf(batch.timestamp),
    entries: batch.entries,
  };
}

export function decodeProgress(progress: WireProgress | undefined): Progress | undefined {
  return progress === undefined
    ? undefined
    : {
        nextIndex: Number(progress.nextIndex),
        firstIndex: Number(progress.firstIndex),
        ageMs: spanOf(progress.age),
      };
}

export function decodeTail(response: GetTailResponse): Tail {
  return {
    nextIndex: Number(response.nextIndex),
    firstIndex: Number(response.firstIndex),
    term: Number(response.term),
    ageMs: spanOf(response.age),
  };
}

const roles: ReadonlyMap<number, NodeRole> = new Map([
  [Role.STARTING, "starting"],
  [Role.FOLLOWER, "follower"],
  [Role.CANDIDATE, "candidate"],
  [Role.LEADER, "leader"],
]);

export function decodeView(status: NodeStatus): NodeView {
  const { leaderId, storeRequests } = status;
  return {
    nodeId: status.nodeId,
    address: status.address,
    clusterId: status.clusterId,
    role: roles.get(status.role) ?? "unknown",
    term: Number(status.term),
    leader: leaderId === "" ? undefined : { nodeId: leaderId, address: status.leaderAddress },
    members: status.members.map(decodeMember),
    membersVersion: Number(status.membersVersion),
    commitIndex: Number(status.commitIndex),
    firstIndex: Number(status.firstIndex),
    tailPosition: Number(status.tailPosition),
    store: status.store,
    storeHealthy: status.storeHealthy,
    serving: status.serving,
    notServingReason: status.notServingReason,
    version: status.version,
    uptimeMs: spanOf(status.uptime),
    timestampMs: timeOf(status.timestamp),
    change: Number(status.change),
    storeRequests: {
      creates: Number(storeRequests?.creates ?? 0n),
      gets: Number(storeRequests?.gets ?? 0n),
      lists: Number(storeRequests?.lists ?? 0n),
      deletes: Number(storeRequests?.deletes ?? 0n),
    },
  };
}
