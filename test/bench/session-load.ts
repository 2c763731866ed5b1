/** Appends by sessions: streams that never wait for an answer until their window is full. */

import { create, toBinary } from "@bufbuild/protobuf";
import { AppendRequestSchema, type AppendSessionResponse } from "../../gen/suraft/v1/log_pb.js";
import { connect, encodeAppend, logCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { SessionLoad } from "./load.js";

export async function sessionLoad(load: SessionLoad): Promise<Measured> {
  const request = encodeAppend(load.entriesPerAppend, load.payloadBytes);
  const meter = new Meter(load);
  const budget = new Budget(load);
  await Promise.all(
    Array.from({ length: load.sessions }, () => runSession(load, { request, meter, budget })),
  );
  return meter.result({ early: load.entriesMax > 0 });
}

/** How many appends may still be begun, by all sessions together. */
class Budget {
  #left: number;

  constructor({ entriesMax, entriesPerAppend }: SessionLoad) {
    this.#left = entriesMax === 0 ? Infinity : Math.ceil(entriesMax / entriesPerAppend);
  }

  take(): boolean {
    return this.#left-- > 0;
  }
}

interface Shared {
  readonly request: Uint8Array;
  readonly meter: Meter;
  readonly budget: Budget;
}

async function runSession(load: SessionLoad, { request, meter, budget }: Shared): Promise<void> {
  const { inFlight, entriesPerAppend, payloadBytes } = load;
  const connection = connect(load.address);
  const calls = logCalls(connection);
  const producerId =
    load.exactlyOnce === true ? (await calls.openProducer({})).producerId : undefined;
  const stream = calls.appendSession();
  /** When each append without an answer was sent; append n at n modulo its length. */
  const sentMs = new Float64Array(inFlight);
  let sent = 0;
  let answered = 0;
  let ended = false;

  const fill = (): void => {
    while (!ended && sent - answered < inFlight) {
      if (!meter.isOpen || !budget.take()) {
        ended = true;
        stream.end();
        return;
      }
      sentMs[sent % inFlight] = performance.now();
      sent++;
      stream.write(producerId === undefined ? request : numbered(request, producerId, sent));
    }
  };

  await new Promise<void>((resolve, reject) => {
    stream.on("data", ({ acks, failures }: AppendSessionResponse) => {
      for (const { appendCount } of acks) {
        // Each by itself: latencies are of appends, not of acknowledgements.
        for (const end = answered + appendCount; answered < end; answered++) {
          meter.done(sentMs[answered % inFlight] ?? 0, {
            entries: entriesPerAppend,
            bytes: entriesPerAppend * payloadBytes,
          });
        }
      }
      for (const { status } of failures) {
        answered++;
        meter.failed(status?.message);
      }
      fill();
    });
    stream.on("error", (error: Error) => {
      ended = true;
      connection.close();
      reject(error);
    });
    stream.on("end", () => {
      if (answered !== sent) meter.failed(`${sent - answered} appends were never answered`);
      connection.close();
      resolve();
    });
    fill();
  });
}

/** The request with a producer's number behind its entries. */
function numbered(request: Uint8Array, producerId: bigint, sequence: number): Uint8Array {
  const producer = { producerId, sequence: BigInt(sequence) };
  const field = toBinary(AppendRequestSchema, create(AppendRequestSchema, { producer }));
  return Buffer.concat([request, field]);
}
