/**
 * A client as users of other languages have it: generated messages, gRPC's own connections to all
 * nodes in turn, a deadline of a few seconds, and no second tries but those that gRPC makes by itself.
 */

import { Client, credentials } from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AppendRequestSchema,
  AppendResponseSchema,
  type AppendResponse,
} from "../../gen/suraft/v1/log_pb.js";

const deadlineMs = 5_000;

const roundRobin = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/** Appends all the time, a number of calls in flight, until it is stopped. */
export class PlainWriter {
  readonly failures: string[] = [];
  /** Payloads that were acknowledged, by their indexes. */
  readonly acknowledged = new Map<number, string>();
  readonly #client: Client;
  readonly #loops: Promise<void>;
  #stopping = false;
  #count = 0;

  constructor(addresses: readonly string[], inFlight: number) {
    this.#client = new Client(`ipv4:${addresses.join(",")}`, credentials.createInsecure(), {
      "grpc.service_config": roundRobin,
    });
    const loops = Array.from({ length: inFlight }, () => this.#loop());
    this.#loops = Promise.all(loops).then(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loops;
    this.#client.close();
  }

  async #loop(): Promise<void> {
    while (!this.#stopping) {
      const payload = `plain ${++this.#count}`;
      try {
        const { firstIndex } = await this.#append(payload);
        this.acknowledged.set(Number(firstIndex), payload);
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
