/**
 * Unary appends at a pace that does not heed answers, as many clients that know nothing of each other
 * make them. None that was refused is tried again.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { SuraftError } from "../../src/errors.js";
import { connect, encodeAppend, logCalls, type LogCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { OverloadLoad, Refusals } from "./load.js";

const connectionCount = 16;
const tickMs = 5;

export async function overloadLoad(
  load: OverloadLoad,
): Promise<Measured & { readonly refusals: Refusals }> {
  const connections = Array.from({ length: connectionCount }, () => connect(load.address));
  const calls = connections.map(logCalls);
  const offer = new Offer(load);
  const beganMs = performance.now();
  while (offer.meter.isOpen) {
    const due = ((performance.now() - beganMs) * load.appendsPerSecond) / 1000;
    while (offer.offered < due && offer.inFlight < load.inFlightMax) {
      const own = calls[offer.offered % connectionCount];
      if (own === undefined) throw new Error("a load needs a connection");
      void offer.append(own.append);
    }
    await sleep(tickMs);
  }
  while (offer.inFlight > 0) await sleep(tickMs);
  for (const connection of connections) connection.close();
  return { ...offer.meter.result({ early: false }), refusals: offer.refusals };
}

class Offer {
  readonly meter: Meter;
  readonly #bytes: number;
  readonly #request: Uint8Array;
  offered = 0;
  inFlight = 0;
  #refused = 0;
  #withoutDelay = 0;

  constructor(load: OverloadLoad) {
    this.meter = new Meter(load);
    this.#bytes = load.payloadBytes;
    this.#request = encodeAppend(1, load.payloadBytes);
  }

  get refusals(): Refusals {
    return { offered: this.offered, refused: this.#refused, withoutDelay: this.#withoutDelay };
  }

  async append(append: LogCalls["append"]): Promise<void> {
    this.offered++;
    this.inFlight++;
    const startedMs = performance.now();
    try {
      await append(this.#request, { timeoutMs: 30_000, lost: "unknown_outcome" });
      this.meter.done(startedMs, { entries: 1, bytes: this.#bytes });
    } catch (error) {
      if (error instanceof SuraftError && error.kind === "overloaded") this.#refusedBy(error);
      else this.meter.failed(error);
    }
    this.inFlight--;
  }

  #refusedBy({ retryDelayMs }: SuraftError): void {
    this.#refused++;
    if (retryDelayMs === undefined) this.#withoutDelay++;
  }
}
