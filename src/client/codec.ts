/** Between the client's values and the messages on the wire. */

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Role, type NodeStatus } from "../../gen/suraft/v1/cluster_pb.js";
import {
  AppendRequestSchema,
  AppendSessionRequestSchema,
  Consistency,
  Outcome,
  type AppendResponse,
  type EntryBatch,
  type EntryFilterSchema,
  type EntrySchema,
  type GetOutcomeResponse,
  type GetTailResponse,
  type Progress as WireProgress,
  type ReadRequest,
  type ReadRequestSchema,
} from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../errors.js";
import { takeGathered } from "../rpc/take-gathered.js";
import { bytesFieldSize, encodeRepeated } from "../rpc/wire.js";
import { exactNumber, spanOf, timeOf, wholeNumber } from "./exact.js";
import { decodeMember } from "./member-codec.js";
import type {
  AppendDemands,
  Appended,
  AppendOutcome,
  NewEntry,
  NodeRole,
  NodeView,
  ProducerSequence,
  ReadBatch,
  ReadFilter,
  ReadOptions,
  ReadProgress,
  ReadStart,
  Tail,
} from "./types.js";

function whole(name: string, value: number): bigint {
  return BigInt(wholeNumber(name, value));
}

/** A time that a caller gave. Throws `invalid`. */
function wholeTime(timestampMs: number): number {
  if (Number.isSafeInteger(timestampMs)) return timestampMs;
  throw new SuraftError("invalid", "the time must be a whole number of milliseconds");
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

/** An AppendRequest's bytes. */
export function encodeMessage(
  append: WireAppend,
  producer: ProducerSequence | undefined,
): Uint8Array {
  const numbered =
    producer === undefined ? append : { ...append, producer: encodeProducer(producer) };
  return toBinary(AppendRequestSchema, create(AppendRequestSchema, numbered));
}

/** A server takes 8,192 appends in a message of a session, and 1 MiB. */
const sessionRequestMax = { count: 4_096, bytes: 256 * 1024 };

/** Takes the next AppendSessionRequest from AppendRequests that have gathered, and says how many it holds. */
export function takeSessionRequest(gathered: Uint8Array[]): {
  readonly request: Uint8Array;
  readonly count: number;
} {
  const appends = takeGathered(gathered, sessionRequestMax, ({ length }) => bytesFieldSize(length));
  const [first] = appends;
  const request =
    first !== undefined && appends.length === 1
      ? first
      : encodeRepeated(AppendSessionRequestSchema.field.appends.number, appends);
  return { request, count: appends.length };
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

/** Throws `unknown_outcome` for an answer that makes no sense. */
export function decodeAppended(response: AppendResponse): Appended {
  const lost = "unknown_outcome";
  return {
    firstIndex: exactNumber("first_index", response.firstIndex, lost),
    lastIndex: exactNumber("last_index", response.lastIndex, lost),
    term: exactNumber("term", response.term, lost),
    timestampMs: timeOf(response.timestamp, lost),
    repeat: response.repeat,
  };
}

/** Throws `unavailable` for an answer that says nothing. */
export function decodeOutcome(response: GetOutcomeResponse): AppendOutcome {
  const lastSequence = exactNumber("last_sequence", response.lastSequence);
  switch (response.outcome) {
    case Outcome.COMMITTED:
      return {
        type: "committed",
        firstIndex: exactNumber("first_index", response.firstIndex),
        lastIndex: exactNumber("last_index", response.lastIndex),
        term: exactNumber("term", response.term),
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
      return { case: "startTimestamp", value: timestampFromMs(wholeTime(start.timestampMs)) };
    case "last":
      return { case: "lastCount", value: whole("the count", start.count) };
  }
}

export function encodeRead(options: ReadOptions): MessageInitShape<typeof ReadRequestSchema> {
  const { endIndex, filter } = options;
  return {
    start: encodeStart(options.start ?? { type: "first" }),
    ...(endIndex === undefined ? {} : { endIndex: whole("the end index", endIndex) }),
    entriesMax: whole("the limit of entries", options.entriesMax ?? 0),
    bytesMax: whole("the limit of bytes", options.bytesMax ?? 0),
    follow: options.follow ?? false,
    consistency: consistencyOf(options.local),
    reverse: options.reverse ?? false,
    ...(filter === undefined ? {} : { filter: encodeFilter(filter) }),
  };
}

function encodeFilter({
  key,
  headers = [],
}: ReadFilter): MessageInitShape<typeof EntryFilterSchema> {
  return {
    ...(key === undefined ? {} : { key }),
    headers: headers.map((header) =>
      header.value === undefined
        ? { key: header.key }
        : { key: header.key, value: Buffer.from(header.value) },
    ),
  };
}

export function decodeBatch(batch: EntryBatch, step: 1 | -1): ReadBatch {
  // The last entry's index must be exact, too.
  exactNumber("first_index", batch.firstIndex + BigInt(batch.entries.length));
  return {
    firstIndex: Number(batch.firstIndex),
    step,
    term: exactNumber("term", batch.term),
    timestampMs: timeOf(batch.timestamp),
    entries: batch.entries,
  };
}

export function decodeProgress(progress: WireProgress | undefined): ReadProgress | undefined {
  return progress === undefined
    ? undefined
    : {
        nextIndex: exactNumber("next_index", progress.nextIndex),
        firstIndex: exactNumber("first_index", progress.firstIndex),
        ageMs: spanOf(progress.age),
        readIndex: exactNumber("read_index", progress.readIndex),
      };
}

export function decodeTail(response: GetTailResponse): Tail {
  return {
    nextIndex: exactNumber("next_index", response.nextIndex),
    firstIndex: exactNumber("first_index", response.firstIndex),
    term: exactNumber("term", response.term),
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
  const { leaderId, storeRequests, past } = status;
  return {
    nodeId: status.nodeId,
    address: status.address,
    clusterId: status.clusterId,
    role: roles.get(status.role) ?? "unknown",
    term: exactNumber("term", status.term),
    leader: leaderId === "" ? undefined : { nodeId: leaderId, address: status.leaderAddress },
    members: status.members.map(decodeMember),
    membersVersion: exactNumber("members_version", status.membersVersion),
    commitIndex: exactNumber("commit_index", status.commitIndex),
    firstIndex: exactNumber("first_index", status.firstIndex),
    tailPosition: exactNumber("tail_position", status.tailPosition),
    store: status.store,
    storeHealthy: status.storeHealthy,
    serving: status.serving,
    notServingReason: status.notServingReason,
    version: status.version,
    uptimeMs: spanOf(status.uptime),
    timestampMs: timeOf(status.timestamp),
    change: exactNumber("change", status.change),
    storeRequests: {
      creates: exactNumber("creates", storeRequests?.creates ?? 0n),
      gets: exactNumber("gets", storeRequests?.gets ?? 0n),
      lists: exactNumber("lists", storeRequests?.lists ?? 0n),
      deletes: exactNumber("deletes", storeRequests?.deletes ?? 0n),
    },
    past: {
      manifestNumber: exactNumber("manifest_number", past?.manifestNumber ?? 0n),
      floorPosition: exactNumber("floor_position", past?.floorPosition ?? 0n),
      checkpointPosition: exactNumber("checkpoint_position", past?.checkpointPosition ?? 0n),
      archiveCount: exactNumber("archive_count", past?.archiveCount ?? 0n),
      damage: past?.damage ?? "",
    },
  };
}
