/** Appends by sessions: streams that never wait for an answer until their window is full. */

import { AppendRequestSchema, type AppendSessionResponse } from "../../gen/suraft/v1/log_pb.js";
import { takeSessionRequest } from "../../src/client/codec.js";
import {
  bytesFieldSize,
  numberFieldSize,
  writeBytesFieldHead,
  writeNumberField,
} from "../../src/rpc/wire.js";
import { connect, encodeAppend, logCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { SessionLoad } from "./load.js";

export async function sessionLoad(load: SessionLoad): Promise<Measured> {
  const request = encodeAppend(load.entriesPerAppend, load.payloadBytes);
  const meter = new Meter(load);
  const budget = new Budget(load);
  await Promise.all(
    Array.from({ length: load.sessions }, (_, number) => {
      const producerIds = load.producerIds?.[number] ?? [];
      return runSession(load, { request, producerIds, meter, budget });
    }),
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
  /** The session's own. */
  readonly producerIds: readonly bigint[];
  readonly meter: Meter;
  readonly budget: Budget;
}

async function runSession(
  { address, inFlight, entriesPerAppend, payloadBytes, singly = false }: SessionLoad,
  { request, producerIds, meter, budget }: Shared,
): Promise<void> {
  const connection = connect(address);
  const stream = logCalls(connection).appendSession();
  /** When each append without an answer was sent; append n at n modulo its length. */
  const sentMs = new Float64Array(inFlight);
  let sent = 0;
  let answered = 0;
  let ended = false;
  const gathered: Uint8Array[] = [];
  let leaving = false;

  /** As suraft's client does: what comes while a message leaves goes with the next. */
  const leave = (): void => {
    if (leaving || gathered.length === 0) return;
    leaving = true;
    stream.write(takeSessionRequest(gathered).request, () => {
      leaving = false;
      leave();
    });
    if (ended && gathered.length === 0) stream.end();
  };

  const send = (append: Uint8Array): void => {
    if (singly) stream.write(append);
    else gathered.push(append);
  };

  const fill = (): void => {
    while (!ended && sent - answered < inFlight) {
      if (!meter.isOpen || !budget.take()) {
        ended = true;
        if (gathered.length === 0) stream.end();
        break;
      }
      sentMs[sent % inFlight] = performance.now();
      send(numbered(request, producerIds, sent));
      sent++;
    }
    leave();
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

/** AppendRequest.producer. */
const producerField = AppendRequestSchema.field.producer.number;

/** The request as it is the turn of a producer, if there are any: with its next number. */
function numbered(request: Uint8Array, producerIds: readonly bigint[], sent: number): Uint8Array {
  const producerId = Number(producerIds[sent % producerIds.length] ?? 0);
  if (producerId === 0) return request;
  const id = { number: 1, value: producerId };
  const sequence = { number: 2, value: 1 + Math.floor(sent / producerIds.length) };
  const sizeBytes = numberFieldSize(id.value) + numberFieldSize(sequence.value);
  const whole = Buffer.allocUnsafe(request.length + bytesFieldSize(sizeBytes));
  whole.set(request);
  const head = { number: producerField, sizeBytes };
  let offset = writeBytesFieldHead(whole, request.length, head);
  offset = writeNumberField(whole, offset, id);
  writeNumberField(whole, offset, sequence);
  return whole;
}
