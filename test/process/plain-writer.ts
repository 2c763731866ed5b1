/**
 * A client as users of other languages have it: generated messages, gRPC's own connections to all
 * nodes in turn, a deadline of a few seconds, and no second tries but those that gRPC makes by itself.
 */

import { EventEmitter, on } from "node:events";
import { Client, credentials } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AppendRequestSchema,
  AppendResponseSchema,
  type AppendResponse,
} from "../../gen/suraft/v1/log_pb.js";

const deadlineMs = 5_000;

/** Longer than any time without a leader. */
const progressMsMax = 40_000;

/** When an append that was acknowledged began and ended. */
interface Acknowledged {
  readonly beganMs: number;
  readonly endedMs: number;
}

const roundRobin = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/** Appends all the time, a number of calls in flight, until it is stopped. */
export class PlainWriter {
  readonly failures: string[] = [];
  /** Payloads that were acknowledged, by their indexes. */
  readonly acknowledged = new Map<number, string>();
  readonly #client: Client;
  readonly #loops: Promise<void>;
  readonly #events = new EventEmitter();
  #stopping = false;
  #count = 0;

  constructor(addresses: readonly string[], inFlight: number) {
    this.#client = new Client(`ipv4:${addresses.join(",")}`, credentials.createInsecure(), {
      "grpc.service_config": roundRobin,
    });
    const loops = Array.from({ length: inFlight }, () => this.#loop());
    this.#loops = Promise.all(loops).then(() => undefined);
  }

  /** Resolves once so many more are acknowledged. */
  async progress(count: number): Promise<void> {
    const goal = this.acknowledged.size + count;
    await this.#until(() => this.acknowledged.size >= goal);
  }

  /** When the first append that began at or after a time was acknowledged, by the monotonic clock. */
  async firstBegunAfter(timeMs: number): Promise<number> {
    let firstMs = Number.NaN;
    await this.#until(({ beganMs, endedMs }) => {
      firstMs = endedMs;
      return beganMs >= timeMs;
    });
    return firstMs;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loops;
    this.#client.close();
  }

  async #until(isSo: (acknowledged: Acknowledged) => boolean): Promise<void> {
    const signal = AbortSignal.timeout(progressMsMax);
    for await (const [acknowledged] of on(this.#events, "acknowledged", { signal })) {
      if (isSo(acknowledged as Acknowledged)) return;
    }
  }

  async #loop(): Promise<void> {
    while (!this.#stopping) {
      const payload = `plain ${++this.#count}`;
      const beganMs = performance.now();
      try {
        const { firstIndex } = await this.#append(payload);
        this.acknowledged.set(Number(firstIndex), payload);
        this.#events.emit("acknowledged", { beganMs, endedMs: performance.now() });
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  #append(payload: string): Promise<AppendResponse> {
    const request = create(AppendRequestSchema, { entries: [{ payload: Buffer.from(payload) }] });
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        "/suraft.v1.LogService/Append",
        (message: typeof request) => Buffer.from(toBinary(AppendRequestSchema, message)),
        (bytes: Buffer) => fromBinary(AppendResponseSchema, bytes),
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error === null && response !== undefined) resolve(response);
          else reject(error ?? new Error("no answer"));
        },
      );
    });
  }
}
