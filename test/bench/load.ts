/** Loads: what a client process is asked to do, and how to have it done. */

import { Child } from "./child.js";
import { emptyDirectory, makeDirectory } from "./directories.js";
import type { Measured } from "./meter.js";

export interface Timed {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Calls of LogService.Append, so many at once. */
export interface UnaryLoad extends Timed {
  readonly type: "unary";
  readonly address: string;
  readonly inFlight: number;
  readonly payloadBytes: number;
}

/** One or more streams of LogService.AppendSession, each with so many appends without an answer. */
export interface SessionLoad extends Timed {
  readonly type: "session";
  readonly address: string;
  readonly sessions: number;
  readonly inFlight: number;
  readonly entriesPerAppend: number;
  readonly payloadBytes: number;
  /** Each append is a message of its own; else those that come together are one, as suraft's client has it. */
  readonly singly?: boolean;
  /** Stop after so many entries; 0: by time alone. */
  readonly entriesMax: number;
  /** Each session's producers, just opened: they take turns. Without any, appends have no numbers. */
  readonly producerIds?: readonly (readonly bigint[])[];
}

/** Unary appends at a pace of their own, whatever is answered. Being refused for overload is no failure. */
export interface OverloadLoad extends Timed {
  readonly type: "overload";
  readonly address: string;
  readonly appendsPerSecond: number;
  /** While so many have no answer, the pace is not kept: they would fill the client's own memory. */
  readonly inFlightMax: number;
  readonly payloadBytes: number;
}

/** The same through the library: its sessions, or a replica that applies what it proposes. */
export interface LibraryLoad extends Timed {
  readonly type: "library";
  readonly by: "session" | "replica";
  readonly addresses: readonly string[];
  readonly inFlight: number;
  readonly entriesPerAppend: number;
  readonly payloadBytes: number;
}

/** So many calls of LogService.Read at once, over a connection each, of the same entries. */
export interface ReadLoad {
  readonly type: "read";
  readonly address: string;
  readonly readers: number;
  readonly startIndex: number;
  readonly entries: number;
}

/** Linearizable GetTails, so many at once, in so many rounds. */
export interface TailLoad {
  readonly type: "tail";
  readonly address: string;
  readonly atOnce: number;
  readonly rounds: number;
}

/**
 * Entries are appended one by one at the leader, at a steady pace, and followed at another node. What
 * is measured is how long after its acknowledgement each is delivered to each follower.
 */
export interface DelayLoad extends Timed {
  readonly type: "delay";
  readonly leader: string;
  readonly follower: string;
  readonly followers: number;
  readonly appendsPerSecond: number;
  readonly payloadBytes: number;
}

/** Puts into etcd, each with its own call, so many at once. */
export interface EtcdLoad extends Timed {
  readonly type: "etcd";
  readonly address: string;
  readonly inFlight: number;
  readonly payloadBytes: number;
}

/** XADDs to a stream of Redis: so many connections, each with one command under way. */
export interface RedisLoad extends Timed {
  readonly type: "redis";
  readonly address: string;
  readonly inFlight: number;
  readonly payloadBytes: number;
}

/** Requests of a store itself, so many at once: creates, or gets of one object. */
export interface StoreLoad extends Timed {
  readonly type: "store";
  readonly request: "create" | "get";
  readonly url: string;
  readonly inFlight: number;
  readonly bytes: number;
}

/** How a server refused appends. */
export interface Refusals {
  /** Appends that were sent, however they were answered. */
  readonly offered: number;
  /** With RESOURCE_EXHAUSTED. */
  readonly refused: number;
  /** Of those, the ones that did not say when to try again. */
  readonly withoutDelay: number;
}

export type Load =
  | UnaryLoad
  | SessionLoad
  | OverloadLoad
  | LibraryLoad
  | ReadLoad
  | DelayLoad
  | TailLoad
  | EtcdLoad
  | RedisLoad
  | StoreLoad;

export interface LoadResult extends Measured {
  /** The client process's own. */
  readonly cpuMs: number;
  /** Of an overload. */
  readonly refusals?: Refusals;
}

/** Runs a load in a process of its own. Rejects where an operation failed: a figure would mislead. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { child, value } = await Child.start<LoadResult>("load-process.js", load);
  await child.stop();
  if (value.failures > 0) {
    throw new Error(`${value.failures} operations failed, the first with: ${value.firstFailure}`);
  }
  return value;
}

/** Runs a load on a store of its own: a directory, with such parameters of its URL. */
export async function runStoreLoad({
  parameters,
  ...load
}: Omit<StoreLoad, "type" | "url"> & { readonly parameters: string }): Promise<LoadResult> {
  const directory = await makeDirectory("store");
  try {
    return await runLoad({ type: "store", url: `file://${directory}?${parameters}`, ...load });
  } finally {
    await emptyDirectory(directory);
  }
}

/** Runs a load until the returned function is called; what it got done does not matter. */
export function runBeside(load: Load): () => Promise<void> {
  const child = Child.open("load-process.js");
  child.ask(load).catch(() => undefined);
  return () => child.stop();
}

export function entriesPerSecond({ entries, seconds }: LoadResult): number {
  return entries / seconds;
}

/** Millions of bytes of payload a second. */
export function megabytesPerSecond({ bytes, seconds }: LoadResult): number {
  return bytes / seconds / 1e6;
}
