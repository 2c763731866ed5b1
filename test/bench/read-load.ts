/** Reads a run of entries, decodes it and checks that it is dense; so many readers at once. */

import type { ReadResponse } from "../../gen/suraft/v1/log_pb.js";
import { connect, logCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { ReadLoad } from "./load.js";

export async function readLoad(load: ReadLoad): Promise<Measured> {
  const connections = Array.from({ length: load.readers }, () => connect(load.address));
  const calls = connections.map(logCalls);
  // Connects, so that the time of doing so is not the read's.
  await Promise.all(calls.map(({ getTail }) => getTail({}, { timeoutMs: 30_000 })));
  const meter = new Meter({ warmUpSeconds: 0, seconds: 120 });
  const startedMs = performance.now();
  await Promise.all(calls.map(({ read }) => readAll(read, load, { meter, startedMs })));
  for (const connection of connections) connection.close();
  return meter.result({ early: true });
}

async function readAll(
  read: ReturnType<typeof logCalls>["read"],
  load: ReadLoad,
  { meter, startedMs }: { readonly meter: Meter; readonly startedMs: number },
): Promise<void> {
  let nextIndex = load.startIndex;
  const stream: AsyncIterable<ReadResponse> = read({
    start: { case: "startIndex", value: BigInt(load.startIndex) },
    entriesMax: BigInt(load.entries),
  });
  for await (const { batches } of stream) {
    for (const { firstIndex, entries } of batches) {
      if (Number(firstIndex) !== nextIndex) meter.failed(`${firstIndex} is not ${nextIndex}`);
      nextIndex += entries.length;
      const bytes = entries.reduce((sum, { payload }) => sum + payload.length, 0);
      meter.done(startedMs, { entries: entries.length, bytes });
    }
  }
  if (nextIndex !== load.startIndex + load.entries) meter.failed(`ended at ${nextIndex}`);
}
