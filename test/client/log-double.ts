/**
 * A server of LogService and ClusterService over a log in memory, whose answers a test may spoil,
 * and a TCP proxy in front of it that a test may cut.
 */

import { createServer, connect as connectSocket, type AddressInfo, type Socket } from "node:net";
import { EventEmitter, once } from "node:events";
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ClusterService, NodeStatusSchema, Role } from "../../gen/suraft/v1/cluster_pb.js";
import {
  Consistency,
  EntrySchema,
  LogService,
  Outcome,
  type AppendRequest,
  type AppendSessionRequest,
  type Entry,
  type ReadRequest,
} from "../../gen/suraft/v1/log_pb.js";
import type { AppendOptions, ProducerNumber } from "../../src/core/types.js";
import { SuraftError } from "../../src/errors.js";
import { crc32c } from "../../src/log/crc32c.js";
import { refusalError } from "../../src/node/refusal-error.js";
import type { BidiCall, BidiListener } from "../../src/rpc/handlers.js";
import { implementService, startGrpcServer, type RunningServer } from "../../src/rpc/server.js";
import { defineService } from "../../src/rpc/service-definition.js";
import { toStatus } from "../../src/rpc/status.js";
import { AppendModel } from "../service/append-model.js";

const TERM = 7n;
const TIME_MS = 1_700_000_000_000;

/** What stands in the log. */
export interface Stored {
  readonly entry: Entry;
  readonly timestampMs: number;
}

/** Entries with indexes from 1. Several servers may share one. */
export class MemoryLog extends EventEmitter {
  readonly stored: Stored[] = [];
  /** How many appends each message of a session held. */
  readonly sessionMessages: number[] = [];
  /** What the log makes of appends with demands. */
  readonly model = new AppendModel();

  get nextIndex(): number {
    return this.stored.length + 1;
  }

  get texts(): readonly string[] {
    return this.stored.map(({ entry }) => Buffer.from(entry.payload).toString());
  }

  /** Appends what a client asks for, once. Throws a refusal. */
  take(request: AppendRequest | AppendSessionRequest): Taken {
    const options = optionsOf(request);
    const judgement = this.model.judge(options, this.nextIndex);
    switch (judgement.type) {
      case "refused":
        throw refusalError(judgement.refusal);
      case "repeat": {
        const { firstIndex = 0, entryCount = 0 } = judgement.standing ?? {};
        return { firstIndex, entryCount, repeat: true };
      }
      case "made": {
        const { entries } = request;
        const entryCount = entries.length;
        const firstIndex = this.append(entries);
        const keys = entries.flatMap(({ key }, offset) => (key === "" ? [] : [{ offset, key }]));
        const standing = { firstIndex, entryCount, term: Number(TERM), timestampMs: TIME_MS };
        this.model.append(options, keys, standing);
        return { firstIndex, entryCount, repeat: false };
      }
    }
  }

  append(entries: readonly Entry[], timestampMs = Date.now()): number {
    const firstIndex = this.nextIndex;
    this.stored.push(...entries.map((entry) => ({ entry, timestampMs })));
    this.emit("appended");
    return firstIndex;
  }
}

interface Taken {
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly repeat: boolean;
}

function optionsOf(request: AppendRequest | AppendSessionRequest): AppendOptions {
  const { producer, expectedNextIndex, fencingToken, setFencingToken, keyConditions } = request;
  return {
    ...(producer === undefined ? {} : { producer: numberOf(request, producer) }),
    ...(expectedNextIndex === undefined ? {} : { expectedNextIndex: Number(expectedNextIndex) }),
    ...(fencingToken === undefined ? {} : { fencingToken }),
    ...(setFencingToken === undefined ? {} : { setFencingToken }),
    keyConditions: keyConditions.map(({ key, sinceIndex }) => ({
      key,
      sinceIndex: Number(sinceIndex),
    })),
  };
}

function numberOf(
  { entries }: { readonly entries: readonly Entry[] },
  { producerId, sequence }: { readonly producerId: bigint; readonly sequence: bigint },
): ProducerNumber {
  const checksum = crc32c(Buffer.concat(entries.map((entry) => toBinary(EntrySchema, entry))));
  return { producerId: Number(producerId), sequence: Number(sequence), checksum };
}

/** What a server does to an append instead of storing and acknowledging it. */
export type Spoil =
  /** Answers with this error; a session fails from here on. */
  | { readonly type: "refuse"; readonly error: SuraftError }
  /** Ends the session with this error, as a node does that never took the append. */
  | { readonly type: "end"; readonly error: SuraftError }
  /** Says nothing, having stored it or not. */
  | { readonly type: "mute"; readonly store: boolean };

export interface LogDouble {
  readonly address: string;
  readonly log: MemoryLog;
  /** What the next appends meet, in order; undefined where all is well. */
  readonly spoils: (Spoil | undefined)[];
  /** Errors that the next reads end with, after as many entries. */
  readonly readFailures: { readonly after: number; readonly error: SuraftError }[];
  /** Errors that the next transfers of leadership end with; without one they succeed. */
  readonly transferFailures: SuraftError[];
  /** Errors that the next openings of producers end with. */
  readonly openFailures: SuraftError[];
  readonly reads: ReadRequest[];
  /** Breaks all connections. */
  cut(): void;
  /** Refuses connections from now on. */
  refuseConnections(): void;
  stop(): Promise<void>;
}

interface Options {
  readonly log?: MemoryLog;
  readonly nodeId?: string;
  readonly members?: readonly { readonly nodeId: string; readonly address: string }[];
  readonly role?: Role;
}

/** Starts one on a free port. */
export async function startLogDouble(options: Options = {}): Promise<LogDouble> {
  const log = options.log ?? new MemoryLog();
  const spoils: (Spoil | undefined)[] = [];
  const transferFailures: SuraftError[] = [];
  const openFailures: SuraftError[] = [];
  const readFailures: { readonly after: number; readonly error: SuraftError }[] = [];
  const reads: ReadRequest[] = [];
  const proxy = new CuttableProxy();
  const logService = implementService(defineService(LogService, {}), {
    append: async (request, { signal }) => {
      const spoil = spoils.shift();
      if (spoil?.type === "refuse" || spoil?.type === "end") {
        throw spoil.error;
      }
      if (spoil?.type !== "mute" || spoil.store) {
        const { firstIndex, entryCount, repeat } = log.take(request);
        if (spoil === undefined) {
          return {
            firstIndex: BigInt(firstIndex),
            lastIndex: BigInt(Math.max(0, firstIndex + entryCount - 1)),
            term: TERM,
            timestamp: timestampFromMs(TIME_MS),
            repeat,
          };
        }
      }
      await once(signal, "abort");
      throw signal.reason;
    },
    appendSession: (call) => new SessionDouble(call, log, spoils),
    openProducer: () => {
      const failure = openFailures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      return Promise.resolve({ producerId: BigInt(log.model.open()) });
    },
    getOutcome: ({ producerId, sequence, settle }) => {
      const id = Number(producerId);
      if (settle) {
        const control = { type: "close", producerId: id } as const;
        const standing = { firstIndex: 0, entryCount: 0, term: 0, timestampMs: 0 };
        log.model.append({ control }, [], standing);
      }
      const found = log.model.outcomeOf(id, Number(sequence));
      switch (found.type) {
        case "committed": {
          const { firstIndex, entryCount } = found.standing ?? { firstIndex: 0, entryCount: 1 };
          return Promise.resolve({
            outcome: Outcome.COMMITTED,
            firstIndex: BigInt(firstIndex),
            lastIndex: BigInt(firstIndex + entryCount - 1),
            term: TERM,
            timestamp: timestampFromMs(TIME_MS),
          });
        }
        case "producerExpired":
          return Promise.reject(refusalError({ type: found.type, producerId: id }));
        case "producerUnknown":
          return Promise.reject(refusalError({ type: found.type, producerId: id }));
        default: {
          const { UNDECIDED, NOT_COMMITTED } = Outcome;
          const outcome = found.type === "undecided" ? UNDECIDED : NOT_COMMITTED;
          return Promise.resolve({ outcome, lastSequence: BigInt(found.lastSequence) });
        }
      }
    },
    trim: ({ firstIndex, expectedFirstIndex }) => {
      const expected =
        expectedFirstIndex === undefined ? {} : { expectedFirstIndex: Number(expectedFirstIndex) };
      const control = { type: "trim", firstIndex: Number(firstIndex), ...expected } as const;
      const judgement = log.model.judge({ control }, log.nextIndex);
      if (judgement.type === "refused") return Promise.reject(refusalError(judgement.refusal));
      const standing = { firstIndex: 0, entryCount: 0, term: 0, timestampMs: 0 };
      log.model.append({ control }, [], standing);
      return Promise.resolve({ firstIndex: BigInt(log.model.firstIndex) });
    },
    read: async (request, responses, { signal }) => {
      reads.push(request);
      const failure = readFailures.shift();
      await serveRead(log, request, {
        failure,
        signal,
        write: (response) => {
          responses.write(response);
        },
      });
    },
    getTail: ({ consistency }) => {
      const ageMs = consistency === Consistency.LOCAL ? 1500 : 0;
      return Promise.resolve({
        nextIndex: BigInt(log.nextIndex),
        firstIndex: 1n,
        term: TERM,
        age: { seconds: 0n, nanos: ageMs * 1_000_000 },
      });
    },
  });
  const statusOf = () =>
    create(NodeStatusSchema, {
      nodeId: options.nodeId ?? "n1",
      address: proxy.address,
      clusterId: "c0ffee",
      role: options.role ?? Role.LEADER,
      term: TERM,
      leaderId: "n1",
      leaderAddress: proxy.address,
      members: [...(options.members ?? [{ nodeId: "n1", address: proxy.address }])],
      commitIndex: BigInt(log.nextIndex - 1),
      firstIndex: 1n,
      tailPosition: 3n,
      store: "memory:",
      storeHealthy: true,
      serving: true,
      version: "0.1.0",
      uptime: { seconds: 61n, nanos: 0 },
      change: 1n,
    });
  const clusterService = implementService(defineService(ClusterService, {}), {
    getStatus: () => Promise.resolve({ status: statusOf() }),
    transferLeadership: ({ targetId }) => {
      const failure = transferFailures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      return Promise.resolve({ leaderId: targetId, leaderAddress: "127.0.0.1:1" });
    },
    changeMembers: ({ add, removeIds, expectedVersion = 0n }) => {
      const members = add.map(({ nodeId, address, learner, priority = 1 }) => ({
        nodeId,
        address,
        voter: !learner,
        priority,
      }));
      const warnings = removeIds.map((nodeId) => `${nodeId} is gone`);
      return Promise.resolve({ version: expectedVersion + 1n, members, warnings });
    },
    forceLeadership: () => Promise.resolve({ term: TERM + 1n }),
    watchStatus: async (_request, responses, { signal }) => {
      responses.write({ status: statusOf() });
      await once(signal, "abort");
    },
  });
  const server: RunningServer = await startGrpcServer({
    address: "127.0.0.1:0",
    services: [logService, clusterService],
    onDefect: (error) => {
      throw error;
    },
  });
  await proxy.start(server.port);
  return {
    address: proxy.address,
    log,
    spoils,
    readFailures,
    transferFailures,
    openFailures,
    reads,
    cut: () => {
      proxy.cut();
    },
    refuseConnections: () => {
      proxy.close();
    },
    stop: async () => {
      proxy.close();
      await server.stop({ graceMs: 0 });
    },
  };
}

/** A session that acknowledges each append by itself. */
class SessionDouble implements BidiListener<AppendSessionRequest> {
  readonly #call: BidiCall<object>;
  readonly #log: MemoryLog;
  readonly #spoils: (Spoil | undefined)[];
  #number = 0;
  #failure: SuraftError | undefined;
  #mute = false;
  #over = false;

  constructor(call: BidiCall<object>, log: MemoryLog, spoils: (Spoil | undefined)[]) {
    this.#call = call;
    this.#log = log;
    this.#spoils = spoils;
  }

  message(request: AppendSessionRequest): void {
    const { appends } = request;
    this.#log.sessionMessages.push(Math.max(1, appends.length));
    for (const append of appends.length > 0 ? appends : [request]) this.#append(append);
  }

  #append(request: AppendRequest | AppendSessionRequest): void {
    this.#number += 1;
    if (this.#over) return;
    const spoil = this.#failure === undefined && !this.#mute ? this.#spoils.shift() : undefined;
    if (spoil?.type === "refuse") {
      this.#failure = spoil.error;
    }
    if (spoil?.type === "end") {
      this.#over = true;
      this.#call.end(spoil.error);
      return;
    }
    this.#mute ||= spoil?.type === "mute";
    if (spoil?.type === "mute" && !spoil.store) {
      return;
    }
    const taken = this.#failure === undefined ? this.#take(request) : undefined;
    if (taken === undefined && this.#failure !== undefined) {
      const status = toStatus(this.#failure);
      this.#call.write({ failures: [{ append: BigInt(this.#number), status }] });
    } else if (taken !== undefined && !this.#mute) {
      const firstAppend = BigInt(this.#number);
      const firstIndex = BigInt(taken.firstIndex);
      const place = { firstIndex, term: TERM, timestamp: timestampFromMs(TIME_MS) };
      this.#call.write({ acks: [{ ...taken, ...place, firstAppend, appendCount: 1 }] });
    }
  }

  /** Undefined if it is refused: that is the session's failure then. */
  #take(request: AppendRequest | AppendSessionRequest): Taken | undefined {
    try {
      return this.#log.take(request);
    } catch (error) {
      if (!(error instanceof SuraftError)) throw error;
      this.#failure = error;
      return undefined;
    }
  }

  halfClosed(): void {
    if (!this.#mute) {
      this.#call.end(this.#failure);
    }
  }

  closed(): void {
    this.#mute = true;
  }
}

interface Reading {
  readonly failure: { readonly after: number; readonly error: SuraftError } | undefined;
  readonly signal: AbortSignal;
  readonly write: (response: object) => void;
}

/** Serves one entry a message. */
async function serveRead(log: MemoryLog, request: ReadRequest, reading: Reading): Promise<void> {
  let index = startOf(log, request);
  let left = request.entriesMax === 0n ? Infinity : Number(request.entriesMax);
  let untilFailure = reading.failure?.after ?? Infinity;
  const end = Number(request.endIndex ?? BigInt(Number.MAX_SAFE_INTEGER));
  const progress = () => ({
    nextIndex: BigInt(log.nextIndex),
    firstIndex: 1n,
    readIndex: BigInt(index),
  });
  reading.write({ progress: progress() });
  for (;;) {
    while (index < log.nextIndex && left > 0 && index < end && untilFailure > 0) {
      const stored = log.stored[index - 1];
      if (stored !== undefined) {
        const timestamp = timestampFromMs(stored.timestampMs);
        const batch = { entries: [stored.entry], firstIndex: BigInt(index), term: TERM, timestamp };
        reading.write({ batches: [batch] });
      }
      index += 1;
      left -= 1;
      untilFailure -= 1;
    }
    if (untilFailure === 0 && reading.failure !== undefined) {
      throw reading.failure.error;
    }
    if (!request.follow || left <= 0 || index >= end) {
      return;
    }
    await once(log, "appended", { signal: reading.signal });
  }
}

function startOf(log: MemoryLog, { start }: ReadRequest): number {
  switch (start.case) {
    case "startIndex":
      if (Number(start.value) > log.nextIndex) {
        throw new SuraftError("out_of_range", `there is no index ${String(start.value)} yet`, {
          details: { first_index: "1", next_index: String(log.nextIndex) },
        });
      }
      return Number(start.value);
    case "startTimestamp": {
      const fromMs = timestampMs(start.value);
      const found = log.stored.findIndex((stored) => stored.timestampMs >= fromMs);
      return found < 0 ? log.nextIndex : found + 1;
    }
    case "lastCount":
      return Math.max(1, log.nextIndex - Number(start.value));
    case undefined:
      return 1;
  }
}

/** Passes bytes on, until it is cut. */
class CuttableProxy {
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #target = 0;
  readonly #server = createServer((client) => {
    const upstream = connectSocket(this.#target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });

  get address(): string {
    return `127.0.0.1:${String(this.#port)}`;
  }

  async start(target: number): Promise<void> {
    this.#target = target;
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
