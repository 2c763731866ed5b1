/**
 * Unary appends at a pace that does not heed answers, as many clients that know nothing of each other
 * make them. None that was refused is tried again.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { encodeAppend } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import { RawAppends } from "./raw-append.js";
import type { SuraftError } from "../../src/errors.js";
import type { OverloadLoad, Refusals } from "./load.js";

const connectionCount = 16;
const tickMs = 1;
/** How long the last answers may take. */
const answersMs = 30_000;
/** What is late is let go: to make up for it at once would be a wave, not a pace. */
const ticksAtOnce = 10;

export async function overloadLoad(
  load: OverloadLoad,
): Promise<Measured & { readonly refusals: Refusals }> {
  const request = encodeAppend(1, load.payloadBytes);
  const connections = Array.from(
    { length: connectionCount },
    () => new RawAppends(load.address, request),
  );
  const offer = new Offer(load);
  let paidMs = performance.now();
  while (offer.meter.isOpen) {
    const now = performance.now();
    paidMs = Math.max(paidMs, now - ticksAtOnce * tickMs);
    const due = Math.floor(((now - paidMs) * load.appendsPerSecond) / 1000);
    paidMs += (due * 1000) / load.appendsPerSecond;
    for (let i = 0; i < due && offer.inFlight < load.inFlightMax; i++) {
      const connection = connections[offer.offered % connectionCount];
      if (connection !== undefined) offer.append(connection);
    }
    await sleep(tickMs);
  }
  const untilMs = performance.now() + answersMs;
  while (offer.inFlight > 0) {
    if (performance.now() > untilMs) throw new Error(`${offer.inFlight} appends have no answer`);
    await sleep(tickMs);
  }
  for (const connection of connections) connection.close();
  return { ...offer.meter.result({ early: false }), refusals: offer.refusals };
}

class Offer {
  readonly meter: Meter;
  readonly #bytes: number;
  offered = 0;
  inFlight = 0;
  #refused = 0;
  #withoutDelay = 0;

  constructor(load: OverloadLoad) {
    this.meter = new Meter(load);
    this.#bytes = load.payloadBytes;
  }

  get refusals(): Refusals {
    return { offered: this.offered, refused: this.#refused, withoutDelay: this.#withoutDelay };
  }

  append(connection: RawAppends): void {
    this.offered++;
    this.inFlight++;
    const startedMs = performance.now();
    connection.append((error) => {
      this.inFlight--;
      if (error === undefined) this.meter.done(startedMs, { entries: 1, bytes: this.#bytes });
      else if (error.kind === "overloaded") this.#refusedBy(error);
      else this.meter.failed(error);
    });
  }

  #refusedBy({ retryDelayMs }: SuraftError): void {
    this.#refused++;
    if (retryDelayMs === undefined) this.#withoutDelay++;
  }
}
