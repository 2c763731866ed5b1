/** Appends to a stream of Redis, without pipelining: a connection waits for its answer. */

import { createClient } from "@redis/client";
import { Meter, type Measured } from "../meter.js";
import type { RedisLoad } from "../load.js";

/** Redis holds its streams in memory. */
const entriesKept = 100_000;

export async function redisLoad(load: RedisLoad): Promise<Measured> {
  const url = `redis://${load.address}`;
  const clients = Array.from({ length: load.inFlight }, () => createClient({ url }));
  // A command that fails says so itself.
  for (const client of clients) client.on("error", () => undefined);
  await Promise.all(clients.map((client) => client.connect()));
  const meter = new Meter(load);
  const payload = Buffer.alloc(load.payloadBytes, 7);
  const trim = { strategy: "MAXLEN", strategyModifier: "~", threshold: entriesKept } as const;
  await Promise.all(
    clients.map(async (client) => {
      while (meter.isOpen) {
        const startedMs = performance.now();
        await client.xAdd("log", "*", { payload }, { TRIM: trim });
        meter.done(startedMs, { entries: 1, bytes: load.payloadBytes });
      }
    }),
  );
  for (const client of clients) client.destroy();
  return meter.result({ early: false });
}
