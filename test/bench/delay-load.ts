/**
 * Writes at the leader and follows at another node, in one process: both ends of a delay are read
 * from one clock.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { AppendResponseSchema, type ReadResponse } from "../../gen/suraft/v1/log_pb.js";
import { connect, encodeAppend, logCalls, type LogCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { DelayLoad } from "./load.js";

/** What is on its way is waited for so long. */
const settleMs = 1000;

export async function delayLoad(load: DelayLoad): Promise<Measured> {
  const connections = Array.from({ length: load.followers }, () => connect(load.follower));
  const writer = connect(load.leader);
  const delays = new Delays(load);
  await Promise.all(connections.map((connection) => follow(logCalls(connection), delays)));
  delays.begin();
  await write(logCalls(writer), load, delays);
  await sleep(settleMs);
  for (const connection of [...connections, writer]) connection.close();
  return delays.meter.result({ early: false });
}

/** Joins acknowledgements and deliveries. A delivery that comes first has no delay. */
class Delays {
  readonly #load: DelayLoad;
  readonly #acknowledgedMs = new Map<bigint, number>();
  readonly #early = new Map<bigint, number>();
  meter: Meter;

  constructor(load: DelayLoad) {
    this.#load = load;
    this.meter = new Meter(load);
  }

  /** Time is counted from here. */
  begin(): void {
    this.meter = new Meter(this.#load);
  }

  acknowledged(index: bigint): void {
    const now = performance.now();
    this.#acknowledgedMs.set(index, now);
    for (let early = this.#early.get(index) ?? 0; early > 0; early--) this.#done(now);
    this.#early.delete(index);
  }

  delivered(index: bigint): void {
    const acknowledgedMs = this.#acknowledgedMs.get(index);
    if (acknowledgedMs === undefined) this.#early.set(index, (this.#early.get(index) ?? 0) + 1);
    else this.#done(acknowledgedMs);
  }

  #done(sinceMs: number): void {
    this.meter.done(sinceMs, { entries: 1, bytes: this.#load.payloadBytes });
  }
}

/** Resolves once the follower was answered. */
async function follow({ read }: LogCalls, delays: Delays): Promise<void> {
  const stream = read({ start: { case: "lastCount", value: 0n }, follow: true });
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("data", ({ batches }: ReadResponse) => {
      resolve();
      for (const { firstIndex, entries } of batches) {
        for (let at = 0; at < entries.length; at++) delays.delivered(firstIndex + BigInt(at));
      }
    });
  });
}

/** Keeps its pace also where an append takes longer than the pause between two. */
async function write(calls: LogCalls, load: DelayLoad, delays: Delays): Promise<void> {
  const request = encodeAppend(1, load.payloadBytes);
  const { meter } = delays;
  const append = async (): Promise<void> => {
    try {
      const response = await calls.append(request, { timeoutMs: 30_000, lost: "unknown_outcome" });
      delays.acknowledged(fromBinary(AppendResponseSchema, response).firstIndex);
    } catch (error) {
      meter.failed(error);
    }
  };
  const appends = [];
  while (meter.isOpen) {
    appends.push(append());
    await sleep(1000 / load.appendsPerSecond);
  }
  await Promise.all(appends);
}
